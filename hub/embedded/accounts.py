"""The user that PostgreSQL runs as. In: nothing, or a path. Out: a user that is not root, and whether it can get there.

PostgreSQL refuses to run as root. No folder is opened to the other user: files that it cannot reach go where it can.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.embedded.paths import is_root

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "osr-hub"
FALLBACK: Final = "nobody"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnixAccount:
    """A user and its group, by number."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give one file or folder to this user."""
        os.chown(path, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """Return whether this user may pass every folder above a file, and read the file."""
        return self.can_pass(path.parent) and self._may(path, stat.S_IROTH)

    def can_pass(self, folder: Path) -> bool:
        """Return whether this user may pass a folder and every one above it."""
        return all(self._may(step, stat.S_IXOTH) for step in (folder, *folder.parents))

    def _may(self, path: Path, everyone: int) -> bool:
        found = path.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & (everyone << 6))
        if found.st_gid == self.gid:
            return bool(found.st_mode & (everyone << 3))
        return bool(found.st_mode & everyone)


def unprivileged_account() -> UnixAccount | None:
    """Return the user to run as when we are root, created when the system has none; None when we are not root."""
    if not is_root():
        return None
    found = _find(NAME) or _make(NAME) or _find(FALLBACK)
    if found is None:
        return UnixAccount(uid=65534, gid=65534)
    return UnixAccount(uid=found.pw_uid, gid=found.pw_gid)


def has_passwd_entry() -> bool:
    """Return whether the system has a name for this process's user; in containers it often has none."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _make(name: str) -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    subprocess.run(  # noqa: S603 - fixed arguments; a failure (created meanwhile, read-only /etc) shows in the look-up
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
        check=False,
        capture_output=True,
    )
    return _find(name)
