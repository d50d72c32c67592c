"""An address of a database is read as libpq reads it, and what cannot be meant is a sentence without secrets."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import pytest

from hub.settings.dsn import DEFAULT_HOSTS, read_dsn

if TYPE_CHECKING:
    from pathlib import Path

SERVERS: Final = {
    "postgresql://u@db/osr": (("db", 5432),),
    "postgres://u@db:6432/osr": (("db", 6432),),
    "postgresql+asyncpg://u@db/osr": (("db", 5432),),
    "postgresql://u@one:1,two:2,three/osr": (("one", 1), ("two", 2), ("three", 5432)),
    "postgresql://u@/osr?host=one,two&port=6432": (("one", 6432), ("two", 6432)),
    "postgresql://u@[::1]:6432/osr": (("::1", 6432),),
    "postgresql://u@%2Fvar%2Frun%2Fpg/osr": (("/var/run/pg", 5432),),
    "host=/var/run/pg user=u dbname=osr": (("/var/run/pg", 5432),),
    "host=one,two port=1,2 user=u dbname=osr": (("one", 1), ("two", 2)),
    "postgresql://u@/osr": tuple((host, 5432) for host in DEFAULT_HOSTS),
}
WRONG: Final = {
    "mysql://db/osr": "a database is named like postgresql://",
    "osr": "a database is named like postgresql://",
    "postgresql://u:hu/sh@db:5432/osr": "the port of the database is no number",
    "postgresql://u:hush?x=@db/osr": "percent-encoded",
    "postgresql://u:hush@db:70000/osr": "the port of the database is no number from 1 to 65535",
    "postgresql://u:hush@db:-1/osr": "the port of the database is no number",
    "postgresql://u:hush@one,two/osr?port=1,2,3": "2 hosts have 3 ports",
    "postgresql://u:hush@db..example/osr": "the host of the database is no name",
    "postgresql://u:hush@db/osr?sslmode=on": "sslmode is one of disable, allow",
    "postgresql://u:hush@db/osr?sslmode=verify-full": "sslmode=verify-full needs sslrootcert",
    "postgresql://u:hush@db/osr?sslmode=require&sslrootcert=/nowhere": "sslrootcert is no file",
    "postgresql://u:hush@db/osr?sslnegotiation=direct": "needs sslmode=require",
    "postgresql://u:hush@db/osr?connect_timeout=soon": "connect_timeout is a number",
    "postgresql://u:hush@db/osr?aplication_name=x": "did you mean application_name?",
    "postgresql://u:hush@db/osr?service=x": "service is not supported here",
    "postgresql://u:hush@db/osr?gssencmode=require": "gssencmode can only be prefer or disable",
    "postgresql://u:hush@db/osr?options=--jit": "options stand like -c name=value",
    "postgresql://u:hush@db/osr?target_session_attrs=main": "target_session_attrs is one of",
    "postgresql://u:hush@db/osr?sslmode": "after the ? stand words",
    "host=db password='hush dbname=osr": "words stand like",
}


@pytest.mark.parametrize("dsn", SERVERS)
def test_servers_are_read_in_each_form(dsn: str) -> None:
    """Several hosts, sockets, IPv6 and words name the same as libpq understands by them."""
    found = read_dsn(dsn)
    assert (found.servers, found.user, found.database) == (SERVERS[dsn], "u", "osr")


@pytest.mark.parametrize("dsn", WRONG)
def test_what_cannot_be_meant_is_a_sentence(dsn: str) -> None:
    """The password is in none of them."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_dsn(dsn)
    assert WRONG[dsn] in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "sh@" not in str(caught.value)


def test_words_are_decoded() -> None:
    """Percent-encoding, quotes and backslashes mean what libpq means by them; surrounding blanks mean nothing."""
    uri = read_dsn("postgresql://a%40b:p%2Fw%20%3F@db/o%20s?options=-c%20search_path%3Dosr%20--work_mem=8MB\n")
    pairs = read_dsn(r"user=a@b password='p/w ?' host=db dbname = 'o s' options='-c search_path=osr'")
    assert (uri.user, uri.password, uri.database) == ("a@b", "p/w ?", "o s")
    assert (pairs.user, pairs.password, pairs.database) == ("a@b", "p/w ?", "o s")
    assert uri.server_settings == {"search_path": "osr", "work_mem": "8MB"}
    assert read_dsn(r"host=db user=u password=it\'s\ \\x").password == r"it's \x"
    assert read_dsn("postgresql://u:a+b@db/osr").password == "a+b"
    assert "hush" not in repr(read_dsn("postgresql://u:hush@db/osr?sslpassword=hush"))


def test_what_is_left_out_has_a_value() -> None:
    """Several hosts mean the one that takes changes; TLS is used where the server has it."""
    one, two = read_dsn("postgresql://u@db/osr"), read_dsn("postgresql://u@db,other/osr")
    assert (one.target, two.target) == ("any", "read-write")
    assert (one.database, read_dsn("postgresql://u@db").database) == ("osr", "u")
    assert [context is None for context in one.tls.contexts()] == [False, True]
    assert read_dsn("postgresql://u@db?connect_timeout=3").connect_seconds == 3
    assert read_dsn("postgresql://u@db?connect_timeout=0").connect_seconds == 10


def test_tls_is_what_the_words_say(tmp_path: Path) -> None:
    """`require` encrypts, `verify-full` checks authority and name; JDBC's `ssl=true` is `require`."""
    (tmp_path / "root.crt").write_text("")
    (required,) = read_dsn("postgresql://u@db/osr?ssl=true").tls.contexts()
    (checked,) = read_dsn("postgresql://u@db/osr?sslmode=verify-full&sslrootcert=system").tls.contexts()
    assert required is not None
    assert checked is not None
    assert (required.verify_mode, required.check_hostname) == (ssl.CERT_NONE, False)
    assert (checked.verify_mode, checked.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert read_dsn("postgresql://u@db/osr?sslmode=disable").tls.contexts() == (None,)


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """`PG…` variables change nothing of where and how to connect."""
    plain = read_dsn("postgresql://u@db/osr")
    for name, value in {
        "HOST": "evil",
        "PORT": "1",
        "PASSWORD": "x",
        "SSLMODE": "disable",
        "OPTIONS": "-c x=y",
    }.items():
        monkeypatch.setenv(f"PG{name}", value)
    assert read_dsn("postgresql://u@db/osr") == plain
