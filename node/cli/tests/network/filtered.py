"""Runs a command under the system call filter of a systemd unit.

    filtered.py UNIT DENIED COMMAND...

The lines `SystemCallFilter=` and `SystemCallErrorNumber=` of UNIT become a seccomp filter as systemd makes one of them:
sets by `systemd-analyze syscall-filter`, numbers by libseccomp. The calls in DENIED, separated by commas, are denied too.
Exits with 77 where this machine lacks what that takes, and says what.
"""

import ctypes
import errno
import os
import subprocess
import sys

KILL_PROCESS, ALLOW, ERRNO = 0x80000000, 0x7FFF0000, 0x00050000


def lacks(what):
    print(f"filtered.py: this machine lacks {what}", file=sys.stderr)
    sys.exit(77)


def members(name):
    """The system calls of a set, or the call itself."""
    if not name.startswith("@"):
        return {name}
    try:
        command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        lacks(f"systemd-analyze ({error})")
    lines = (line.strip() for line in listed.splitlines()[1:])
    return set().union(*(members(line) for line in lines if line and not line.startswith("#")))


def settings(unit):
    """What the unit allows, and what becomes of other calls."""
    allowed, action, first = set(), KILL_PROCESS, True
    for line in open(unit, encoding="utf-8"):
        key, _, value = line.strip().partition("=")
        if key == "SystemCallErrorNumber":
            action = ERRNO | getattr(errno, value)
        if key != "SystemCallFilter":
            continue
        inverted = value.startswith("~")
        assert not (first and inverted), "a list of what is denied is not read here"
        first = False
        for name in value.lstrip("~").split():
            allowed = allowed - members(name) if inverted else allowed | members(name)
    assert not first, f"{unit} has no SystemCallFilter"
    return allowed | members("@default"), action


def main():
    unit, denied, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    allowed, action = settings(unit)
    allowed -= set(denied.split(","))
    try:
        seccomp = ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        lacks(f"libseccomp ({error})")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(action)))
    for name in sorted(allowed):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        # Negative beside that: calls of other processors.
        if number >= 0:
            added = seccomp.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), ctypes.c_int(number), ctypes.c_uint(0))
            assert added == 0, f"{name}: {os.strerror(-added)}"
    loaded = seccomp.seccomp_load(context)
    if loaded != 0:
        lacks(f"seccomp ({os.strerror(-loaded)})")
    os.execvp(command[0], command)


main()
