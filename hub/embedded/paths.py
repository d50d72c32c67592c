"""Where the stack keeps its files. In: a data folder. Out: the paths inside it, its lock, and the cache beside it.

`<data>/postgres` and `<data>/kafka` are the databases, `<data>/logs` has one file per process, `<data>/keys` what must
stay secret. Root works under /var/tmp, because PostgreSQL runs as another user who may not look into root's home; so
does a user whose home is absent or cannot be written.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.embedded.errors import AlreadyRunning, DataFolderUnusable
from hub.errors import EmbeddedUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT_BASE: Final = Path("/var/tmp")  # noqa: S108 - what is made there is owned by us, private and checked
PRIVATE: Final = 0o700
PASSABLE: Final = 0o711
OTHERS_MAY_WRITE: Final = 0o022
MEGABYTE: Final = 2**20
NEEDED_BYTES: Final = 200 * MEGABYTE


def is_root() -> bool:
    """Return whether this process may do everything, and must therefore run PostgreSQL as another user."""
    return os.geteuid() == 0


def default_data_dir() -> Path:
    """Return the folder that `up` uses when none is given."""
    if is_root():
        return user_area() / "stack"
    folder = _user_folder("XDG_DATA_HOME", ".local/share")
    return user_area() / "stack" if folder is None else folder / "osr-hub"


def cache_dir() -> Path:
    """Return the folder for what is fetched once and kept between runs; created when absent."""
    folder = _user_folder("XDG_CACHE_HOME", ".cache")
    is_usable = folder is not None and os.pathsep not in str(folder)  # Java takes a list of jars apart at colons
    cache = folder / "osr-hub" if folder is not None and is_usable else user_area() / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def user_area() -> Path:
    """Return this user's folder under /var/tmp, created when absent; refuse one that others could have prepared."""
    area = ROOT_BASE / f"osr-hub-{os.geteuid()}"
    try:
        area.mkdir(mode=PASSABLE, exist_ok=True)
        found = area.lstat()
    except OSError as error:
        raise DataFolderUnusable(area, str(error.strerror)) from error
    if area.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & OTHERS_MAY_WRITE:
        message = f"{area} belongs to somebody else or lets others write; remove it, or give a --data-dir."
        raise EmbeddedUnavailable(message)
    return area


@dataclass(frozen=True, slots=True)
class DataDir:
    """One stack's folder and the paths inside it."""

    root: Path

    @property
    def postgres(self) -> Path:
        """The PostgreSQL cluster."""
        return self.root / "postgres"

    @property
    def kafka(self) -> Path:
        """Kafka's log folder; it may vanish at any moment."""
        return self.root / "kafka"

    @property
    def kafka_settings(self) -> Path:
        """How Kafka is configured and formatted; outlives the log folder."""
        return self.root / "kafka-settings"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        """Passwords, keys and remembered ports."""
        return self.root / "keys"

    @property
    def simulators(self) -> Path:
        """What the simulators keep between starts."""
        return self.root / "simulators"

    @property
    def connection(self) -> Path:
        """How to reach the stack; present while it answers."""
        return self.root / "connection.json"

    def create(self) -> None:
        """Create the folders; those with secrets are closed to others."""
        self.root.mkdir(parents=True, exist_ok=True, mode=PASSABLE)
        for folder in (self.logs, self.keys, self.simulators):
            folder.mkdir(mode=PRIVATE, exist_ok=True)

    def clear(self) -> None:
        """Remove all that an earlier stack left here."""
        for folder in (self.postgres, self.kafka, self.kafka_settings, self.logs, self.keys, self.simulators):
            if folder.is_symlink():
                shutil.rmtree(folder.resolve(), ignore_errors=True)
                folder.unlink()
            elif folder.exists():
                shutil.rmtree(folder)
        self.connection.unlink(missing_ok=True)


def check_space(data: DataDir) -> None:
    """Raise `DataFolderUnusable` where the disk has too little room for new databases; they fail in odd ways on it."""
    free = shutil.disk_usage(data.root).free
    if free < NEEDED_BYTES:
        why = f"{free // MEGABYTE} MB are left on its disk, and {NEEDED_BYTES // MEGABYTE} MB are needed"
        raise DataFolderUnusable(data.root, why)


@contextmanager
def hold_lock(data: DataDir) -> Iterator[None]:
    """Hold the data folder for this process; raise `AlreadyRunning` when another process holds it."""
    data.root.mkdir(parents=True, exist_ok=True, mode=PASSABLE)
    with (data.root / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            lock.seek(0)
            raise AlreadyRunning(data.root, lock.read().strip()) from taken
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def naming_the_folder(data: DataDir) -> Iterator[None]:
    """Raise `DataFolderUnusable` instead of what the file system says about this folder."""
    try:
        bytes(str(data.root), "utf-8")
        yield
    except UnicodeEncodeError as error:
        raise DataFolderUnusable(data.root, "its name is not UTF-8") from error
    except OSError as error:
        raise DataFolderUnusable(data.root, str(error.strerror)) from error


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically with text that only its owner may read."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def _user_folder(variable: str, under_home: str) -> Path | None:
    """Return a folder of this user that can be written; None when there is none, or no home at all."""
    named = os.environ.get(variable, "")
    try:
        folder = Path(named) if Path(named).is_absolute() else Path.home() / under_home
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: no HOME, and no entry in /etc/passwd
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None
