"""Says in words why the database cannot be used. In: an error of the driver. Out: an error of ours with the next step.

`ConfigurationError` is for what stays wrong until a person changes it, `Unavailable` for what passes by itself.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from hub.errors import ConfigurationError, HubError, Unavailable
from hub.store.pool import DATABASE_ERRORS, is_transient

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS: Final = "OSR_HUB_DATABASE__DSN"
TOO_MANY: Final = "Close some, or raise max_connections; each process of the hub takes up to eight."
REFUSED: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (
        asyncpg.InvalidPasswordError,
        "the database refuses the role or its password",
        f"Put the right ones into {ADDRESS}.",
    ),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "the database does not let this role in",
        f"Name another in {ADDRESS}, or allow this one and its address in pg_hba.conf.",
    ),
    (asyncpg.InvalidCatalogNameError, "there is no such database", f"Create it, or name another in {ADDRESS}."),
    (
        asyncpg.InsufficientPrivilegeError,
        "the role may not do this in the database",
        "Make it the owner of its tables.",
    ),
    (
        asyncpg.InvalidSchemaNameError,
        "the database has no schema public",
        "Create it, or name one in options of the address.",
    ),
    (asyncpg.ClientConfigurationError, "the address of the database cannot be used", f"Mend {ADDRESS}."),
    (ssl.SSLError, "TLS with the database fails", "Check sslmode, sslrootcert and the server's certificate."),
)
"""What stays wrong, what it means, and what to do; the first that fits counts."""
PASSING: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (asyncpg.TooManyConnectionsError, "the database has no free connection", TOO_MANY),
    (asyncpg.CannotConnectNowError, "the database does not take connections yet", "It starts or stops; try again."),
    (asyncpg.ReadOnlySQLTransactionError, "the database is read-only now", "It may be changing over; try again."),
    (asyncpg.TargetServerAttributeNotMatched, "no server at this address takes changes", "Wait for the new primary."),
    (asyncpg.UndefinedTableError, "the database has no schema yet, or another", "Run `osr-hub migrate`."),
    (asyncpg.UndefinedColumnError, "the database has another schema", "Run `osr-hub migrate`."),
    (asyncpg.DiskFullError, "the disk of the database is full", "Make room; nothing is lost meanwhile."),
    (socket.gaierror, "the host of the database is not known", f"Check its name in {ADDRESS}, and this machine's DNS."),
)
"""What passes by itself, or when another command was run."""


def explain(error: BaseException) -> HubError:
    """Return what an error of the database means; of one that is not known, that it does not answer."""
    said = _words_of(error)
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in said:
        return ConfigurationError(
            f"the database speaks no TLS, which its address asks for: {said}", next_step="Check sslmode in the address."
        )
    if isinstance(error, asyncpg.ProtocolViolationError) and "startup parameter" in said:
        return ConfigurationError(f"the pooler before the database refuses: {said}", next_step="Let it ignore that.")
    for kind, means, next_step in REFUSED:
        if isinstance(error, kind):
            return ConfigurationError(f"{means}: {said}", next_step=next_step)
    for kind, means, next_step in PASSING:
        if isinstance(error, kind):
            return Unavailable(f"{means}: {said}", next_step=next_step)
    return Unavailable(f"the database does not answer: {said}")


@contextmanager
def in_words() -> Iterator[None]:
    """Raise errors of the database in words; one of a statement that is wrong stays as it is."""
    try:
        yield
    except DATABASE_ERRORS as error:
        fault = explain(error) if isinstance(error, OSError | TimeoutError) else explain_known(error)
        if fault is None:
            raise
        raise fault from error


def explain_known(error: BaseException) -> HubError | None:
    """Return what an error of the driver means; None when it tells of a statement that is wrong."""
    is_known = is_transient(error) or isinstance(error, tuple(kind for kind, *_ in (*REFUSED, *PASSING)))
    return explain(error) if is_known else None


def _words_of(error: BaseException) -> str:
    """Return the first line that the error says; its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
