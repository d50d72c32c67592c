"""Ends a program when its supervisor ends. In: `PARENT SIGNAL UID GID PROGRAM ARGUMENTS...`. Out: the program itself.

Run as a script by the supervisor, it becomes the program (same process number) after asking the kernel to send it
SIGNAL when the supervisor ends, however that ends. `-` for UID and GID keeps the user. It imports nothing of ours.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become(parent: str, signal_number: str, uid: str, gid: str, *command: str) -> None:
    """Change user, ask for a signal when the parent dies, and become the command; return only by an error."""
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":  # elsewhere a killed supervisor leaves its programs behind
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the supervisor ended before its program began")
    os.execv(command[0], command)  # noqa: S606 - becoming the program is the purpose


if __name__ == "__main__":
    become(*sys.argv[1:])
