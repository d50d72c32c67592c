"""Reads the address of a database, as libpq does. In: a URI or `key=value` words. Out: a `DatabaseAddress`, or why not.

This is the only place that reads one, so that each command, each process and the migrations connect alike. All that
decides where and how to connect stands in the address: neither `PG…` variables nor files of the home folder have a say.
"""

from __future__ import annotations

import difflib
import getpass
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from hub.settings.tls import TLS_WORDS, TlsOptions, read_tls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXAMPLE: Final = "postgresql://user:password@host:5432/name"
DEFAULT_PORT: Final = "5432"
DEFAULT_HOSTS: Final = ("/run/postgresql", "/var/run/postgresql", "/tmp", "localhost")  # noqa: S108 - a server's socket
DEFAULT_CONNECT_SECONDS: Final = 10.0
TARGETS: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
HARMLESS: Final = {
    "channel_binding": ("prefer", "disable"),
    "client_encoding": ("utf8", "utf-8", "auto", "unicode"),
    "fallback_application_name": None,
    "gssencmode": ("prefer", "disable"),
    "gssdelegation": ("0",),
    "keepalives": ("1",),
    "keepalives_count": None,
    "keepalives_idle": None,
    "keepalives_interval": None,
    "krbsrvname": None,
    "load_balance_hosts": ("disable",),
    "sslcompression": ("0",),
    "sslsni": ("1",),
    "tcp_user_timeout": None,
}
"""Words of libpq that change nothing here, with the values for which that is so; None where it is so for each value."""
USED: Final = (
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "options",
    "password",
    "port",
    "target_session_attrs",
    "user",
)
UNSUPPORTED: Final = ("hostaddr", "passfile", "replication", "require_auth", "requirepeer", "service", "sslcertmode")
"""Words of libpq that cannot be kept here."""
ENCODED: Final = "a password with : / ? # or @ in it is percent-encoded"
KNOWN: Final = (*USED, *TLS_WORDS, *HARMLESS)
OTHER_NAMES: Final = {"database": "dbname", "username": "user", "ssl": "sslmode"}
_URI: Final = re.compile(r"postgres(?:ql)?(?:\+asyncpg)?://(.*)", re.DOTALL)
_PAIR: Final = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)", re.DOTALL)
_OPTION: Final = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.\-]*)=((?:[^\s\\]|\\.)*)(?:\s+|$)")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAddress:
    """Where a database is and how to connect to it."""

    servers: tuple[tuple[str, int], ...]
    """Hosts and ports, to be tried in this order; a host that starts with a slash is the folder of a socket."""
    user: str
    password: str = field(repr=False)
    database: str
    tls: TlsOptions
    target: str
    connect_seconds: float
    application_name: str | None
    server_settings: Mapping[str, str]
    """Settings of the session that the address asks for."""


def read_dsn(text: str) -> DatabaseAddress:
    """Read an address; raise `ValueError` with a sentence that repeats nothing that may be a password."""
    words = {OTHER_NAMES.get(name, name): value for name, value in _words(text.strip()) if value}
    if words.get("sslmode") == "true":  # as JDBC says it, and libpq reads it
        words["sslmode"] = "require"
    for name, value in words.items():
        _check_word(name, value)
    servers = _servers(words.get("host", ""), words.get("port", ""))
    user = words.get("user") or _own_name()
    target = words.get("target_session_attrs") or ("read-write" if "," in words.get("host", "") else "any")
    if target not in TARGETS:
        raise ValueError(f"target_session_attrs is one of {', '.join(TARGETS)}")
    return DatabaseAddress(
        servers=servers,
        user=user,
        password=words.get("password", ""),
        database=words.get("dbname") or user,
        tls=read_tls(words),
        target=target,
        connect_seconds=_seconds(words.get("connect_timeout", "")),
        application_name=words.get("application_name"),
        server_settings=dict(_options(words.get("options", ""))),
    )


def _words(text: str) -> Iterator[tuple[str, str]]:
    found = _URI.fullmatch(text)
    if found is not None:
        yield from _words_of_uri(found[1])
    elif "=" in text and "://" not in text:
        yield from _words_of_pairs(text)
    else:
        raise ValueError(f"a database is named like {EXAMPLE}")


def _words_of_uri(rest: str) -> Iterator[tuple[str, str]]:
    before, mark, query = rest.partition("?")
    authority, _, name = before.partition("/")
    who, _, where = authority.rpartition("@")
    user, _, password = who.partition(":")
    hosts, ports = zip(*(_host_and_port(each) for each in where.split(",")), strict=True)
    yield from (("user", unquote(user)), ("password", unquote(password)), ("dbname", unquote(name)))
    yield from (("host", ",".join(hosts)), ("port", ",".join(ports) if any(ports) else ""))
    if "@" in query.rpartition("&")[2] and "@" not in authority:
        raise ValueError(ENCODED)
    for pair in query.split("&") if mark and query else ():
        word, equals, value = pair.partition("=")
        if not equals:
            raise ValueError("after the ? stand words like sslmode=require, with & between them")
        yield unquote(word), unquote(value)


def _host_and_port(given: str) -> tuple[str, str]:
    if given.startswith("["):
        host, bracket, port = given[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("an IPv6 address stands in brackets, like [::1]:5432")
        return host, port[1:]
    host, _, port = given.partition(":")
    return unquote(host), unquote(port)


def _words_of_pairs(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            raise ValueError("words stand like host=localhost dbname='a name', with blanks between them")
        value = found[2] if found[2] is not None else found[3]
        yield found[1], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        at = found.end()


def _check_word(name: str, value: str) -> None:
    if name in UNSUPPORTED:
        raise ValueError(f"{name} is not supported here; name host, user and password themselves")
    if name not in KNOWN:
        nearest = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"{name} is no word of a database's address here; did you mean {nearest}? "
            "A setting of the session stands in options=-c%20name%3Dvalue"
        )
    harmless = HARMLESS.get(name)
    if harmless is not None and value.lower() not in harmless:
        raise ValueError(f"{name} can only be {' or '.join(harmless)} here")
    if "\0" in value:
        raise ValueError(f"{name} has a NUL in it")


def _servers(hosts: str, ports: str) -> tuple[tuple[str, int], ...]:
    if not hosts:
        return tuple((host, _port(ports or DEFAULT_PORT)) for host in DEFAULT_HOSTS)
    names, numbers = hosts.split(","), ports.split(",")
    if len(numbers) == 1:
        numbers *= len(names)
    if len(numbers) != len(names):
        raise ValueError(f"{len(names)} hosts have {len(numbers)} ports")
    return tuple(
        (_host(name or "localhost"), _port(number or DEFAULT_PORT)) for name, number in zip(names, numbers, strict=True)
    )


def _host(name: str) -> str:
    try:
        name.encode("idna")
    except UnicodeError:
        raise ValueError(f"the host of the database is no name of a machine; {ENCODED}") from None
    return name


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):  # noqa: PLR2004 - TCP's own bounds
        raise ValueError(f"the port of the database is no number from 1 to 65535; {ENCODED}")
    return int(text)


def _seconds(text: str) -> float:
    if not text:
        return DEFAULT_CONNECT_SECONDS
    if not re.fullmatch(r"-?[0-9]{1,6}", text):
        raise ValueError("connect_timeout is a number of seconds")
    return max(2.0, float(text)) if int(text) > 0 else DEFAULT_CONNECT_SECONDS


def _options(text: str) -> Iterator[tuple[str, str]]:
    rest = text.strip()
    while rest:
        found = _OPTION.match(rest)
        if found is None:
            raise ValueError("options stand like -c name=value")
        yield found[1].replace("-", "_"), re.sub(r"\\(.)", r"\1", found[2])
        rest = rest[found.end() :]


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise ValueError("it names no user, and the user of this process has no name") from None
