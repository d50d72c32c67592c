"""PostgreSQL itself, from a wheel. In: a data folder, a port, passwords. Out: a program to supervise, and its DSNs.

The cluster is private to the user that runs it, listens on loopback only, and asks every client for a password.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.embedded.accounts import UnixAccount, has_passwd_entry, unprivileged_account
from hub.embedded.errors import NoPasswdEntry
from hub.embedded.paths import PRIVATE, DataDir, user_area, write_private
from hub.embedded.ports import LOOPBACK
from hub.embedded.postgres_binaries import find_binaries
from hub.embedded.program import Program, Step
from hub.embedded.spawn import run_to_end
from hub.store.provision import accepts_connections, provision

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "postgres"
ADMIN: Final = "postgres"
ROLE: Final = "osr_hub"
DATABASE: Final = "osr_hub"
SERVER_SETTINGS: Final[dict[str, str]] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
    "fsync": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedPostgres:
    """One cluster: where its files are, the user that it runs as, and how to connect."""

    data: DataDir
    binaries: Path
    account: UnixAccount | None
    port: int
    admin_password: str
    password: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """The hub's own database, as its own role."""
        return f"postgresql://{ROLE}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def admin_dsn(self) -> str:
        """The server's first database, as its superuser."""
        return f"postgresql://{ADMIN}:{self.admin_password}@{LOOPBACK}:{self.port}/postgres"

    def program(self, on_ready: Step | None = None) -> Program:
        """Describe the server for the supervisor; `on_ready` runs once role and database exist."""

        async def make_ready() -> None:
            await provision(self.admin_dsn, role=ROLE, password=self.password, database=DATABASE)
            if on_ready is not None:
                await on_ready()

        settings = SERVER_SETTINGS | {"port": str(self.port)} | dict(self.settings)
        options = (word for key, value in settings.items() for word in ("-c", f"{key}={value}"))
        return Program(
            name=NAME,
            command=(str(self.binaries / "postgres"), "-D", str(self.cluster_dir), *options),
            environment=_environment(),
            prepare=self.prepare,
            probe=self._answers,
            on_ready=make_ready,
            account=self.account,
            folder=Path("/"),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
        )

    @property
    def cluster_dir(self) -> Path:
        """The cluster's folder: in the data folder, unless the user that runs it cannot reach that."""
        if self.account is None or self.account.can_pass(self.data.root):
            return self.data.postgres
        return _external_clusters() / sha256(bytes(self.data.root.resolve())).hexdigest()[:16]

    async def prepare(self) -> None:
        """Create the cluster when there is none."""
        if (self.data.postgres / "PG_VERSION").exists():
            return
        cluster_dir = self.cluster_dir
        draft, password = (
            cluster_dir.with_name(f"{cluster_dir.name}.new"),
            cluster_dir.with_name(f"{cluster_dir.name}.password"),
        )
        if cluster_dir != self.data.postgres:
            _remove_orphans(cluster_dir)
            write_private(cluster_dir.with_name(f"{cluster_dir.name}.of"), str(self.data.root.resolve()))
            self.data.postgres.unlink(missing_ok=True)
            self.data.postgres.symlink_to(cluster_dir)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=PRIVATE)
        write_private(password, self.admin_password)
        for path in (draft, password):
            if self.account:
                self.account.own(path)
        try:
            await self._initdb(draft, password)
        finally:
            password.unlink()
        draft.rename(cluster_dir)

    async def _initdb(self, folder: Path, password: Path) -> None:
        words = f"--username={ADMIN} --auth=scram-sha-256 --encoding=UTF8 --locale-provider=builtin".split()
        await run_to_end(
            (
                str(self.binaries / "initdb"),
                *words,
                "--locale=C.UTF-8",
                f"--pgdata={folder}",
                f"--pwfile={password}",
            ),
            environment=_environment(),
            account=self.account,
            folder=Path("/"),
        )

    async def _answers(self, _pid: int) -> bool:
        return await accepts_connections(self.admin_dsn)


def find_postgres(
    data: DataDir, *, port: int, admin_password: str, password: str, settings: Mapping[str, str] | None = None
) -> EmbeddedPostgres:
    """Find the programs and the user to run them as, and describe the cluster in this data folder."""
    account = unprivileged_account()
    if account is None and not has_passwd_entry() and not data.postgres.exists():
        raise NoPasswdEntry(os.geteuid())
    return EmbeddedPostgres(
        data=data,
        binaries=find_binaries(account),
        account=account,
        port=port,
        admin_password=admin_password,
        password=password,
        settings=settings or {},
    )


def _external_clusters() -> Path:
    """Return the folder for clusters whose own data folder is closed to the user that runs them."""
    area = user_area() / "clusters"
    area.mkdir(mode=0o711, exist_ok=True)
    return area


def _remove_orphans(cluster_dir: Path) -> None:
    """Remove clusters that no data folder points to, and files of an earlier folder with this name."""
    for note in _external_clusters().glob("*.of"):
        cluster = note.with_suffix("")
        try:
            pointer = Path(note.read_text(encoding="utf-8")) / "postgres"
        except FileNotFoundError:
            continue  # another stack that starts at this moment has removed it
        if cluster == cluster_dir or not (pointer.is_symlink() and pointer.readlink() == cluster):
            shutil.rmtree(cluster, ignore_errors=True)
            note.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath), "PGTZ": "UTC"}
