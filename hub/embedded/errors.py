"""What can keep the embedded stack from starting. In: facts. Out: one sentence that says what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import EmbeddedUnavailable

if TYPE_CHECKING:
    from pathlib import Path


class JarsUnreachable(EmbeddedUnavailable):
    """Apache Kafka's jars are neither in the cache nor to be had."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"Apache Kafka is missing from the cache and cannot be fetched from Maven Central ({why}); "
            "name a running Kafka in OSR_HUB_KAFKA__BOOTSTRAP_SERVERS, or try again where Maven Central can be reached."
        )


class JarsDiffer(EmbeddedUnavailable):
    """The jars are not the ones that were pinned."""

    def __init__(self, folder: Path, differences: tuple[str, ...]) -> None:
        super().__init__(
            f"Apache Kafka's jars in {folder} are not the pinned ones: {'; '.join(differences)}. "
            "Nothing was started; remove that folder to fetch them again."
        )
        self.differences = differences


class AlreadyRunning(EmbeddedUnavailable):
    """Another stack holds the data folder."""

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"a stack already runs in {folder} (process {pid or 'unknown'}); "
            "stop it first, or give this one another --data-dir."
        )


class DataFolderUnusable(EmbeddedUnavailable):
    """The data folder cannot be written, read or named."""

    def __init__(self, folder: Path, why: str) -> None:
        shown = str(folder).encode(errors="backslashreplace").decode()
        super().__init__(f"the data folder {shown} cannot be used ({why}); give another --data-dir.")


class PortTaken(EmbeddedUnavailable):
    """The API's port cannot be listened on."""

    def __init__(self, port: int, why: str) -> None:
        super().__init__(f"port {port} cannot be used ({why}); give another --port.")


class HostElsewhere(EmbeddedUnavailable):
    """The API would not answer where the stack looks for it."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"OSR_HUB_HTTP__HOST is {host}, where 127.0.0.1 does not answer; "
            "leave it out, or set 0.0.0.0 to let other machines in."
        )


class NoPasswdEntry(EmbeddedUnavailable):
    """PostgreSQL refuses to create a cluster for a user that the system has no name for."""

    def __init__(self, uid: int) -> None:
        super().__init__(
            f"PostgreSQL cannot run as user {uid}, who has no entry in /etc/passwd; add one, "
            "or name a running PostgreSQL in OSR_HUB_DATABASE__DSN."
        )


class StartFailed(EmbeddedUnavailable):
    """A process of the stack did not come up."""

    def __init__(self, name: str, why: str, log: Path, tail: str) -> None:
        super().__init__(
            f"{name} does not start: {why}. Its log is {log}" + (f" and ends with:\n{tail}" if tail else ".")
        )
        self.name = name
