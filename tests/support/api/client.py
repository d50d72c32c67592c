"""Calls the API without a network. In: an application and a caller. Out: its responses, as they would be sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

import orjson

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.api.app import create_app
from hub.clock import now
from hub.settings import load
from schemas.identifiers import BgeCode, Brin, Oin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp, Message

    from hub.store.pool import Pool

ADDRESS = "http://hub.test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Sequence[str] = ()
    """The values of `Set-Cookie`, of which a response may have several."""

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """Calls one application as one caller; without a `token` it calls anonymously."""

    app: ASGIApp
    keyfile: Path
    token: str | None = None

    def as_caller(
        self, role: Role, *, brins: Sequence[str] = (), bges: Sequence[str] = (), oin: str | None = None
    ) -> Client:
        """Return a client with a new token for this role."""
        caller = Caller(
            subject=f"test {role} {oin or ','.join((*brins, *bges))}".strip(),
            roles=frozenset({role}),
            brins=frozenset(Brin(brin) for brin in brins),
            bges=frozenset(BgeCode(bge) for bge in bges),
            oins=frozenset({Oin(oin)} if oin else ()),
        )
        return replace(self, token=issue(self.keyfile, caller, now=now()))

    def as_bearer(self, caller: Caller) -> Client:
        """Return a client with a new token for this caller."""
        return replace(self, token=issue(self.keyfile, caller, now=now()))

    def as_everybody(self, *, brins: Sequence[str], oin: str) -> Client:
        """Return a client with a new token for every role."""
        caller = Caller(
            subject="test everybody",
            roles=frozenset(Role),
            brins=frozenset(Brin(brin) for brin in brins),
            oins=frozenset({Oin(oin)}),
        )
        return replace(self, token=issue(self.keyfile, caller, now=now()))

    async def get(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        repeated: Sequence[tuple[str, str]] = (),
        **query: Any,
    ) -> Reply:
        """Send a GET; `repeated` are headers of which one name may stand on several lines."""
        target = f"{path}?{urlencode(query, doseq=True)}" if query else path
        return await self.call("GET", target, headers=headers, repeated=repeated)

    async def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a POST."""
        return await self.call("POST", path, body, headers=headers)

    async def call(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeated: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """Send any request, to a path or an address of this hub; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        sent = {"host": "hub.test"}
        if content:
            sent |= {"content-type": "application/json", "content-length": str(len(content))}
        if self.token is not None:
            sent["authorization"] = f"Bearer {self.token}"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        return await _exchange(self.app, method, target.removeprefix(ADDRESS), [*sent.items(), *repeated], content)


def client_of(folder: Path, pool: Pool | None = None, **settings: str) -> Client:
    """Return a client of a new application; `settings` are added by name, without their prefix."""
    keyfile = folder / "development-key.json"
    ensure_keyfile(keyfile)
    named = {f"OSR_HUB_{name}": value for name, value in settings.items()}
    environment = {
        "OSR_HUB_OIN": "00000099000000009000",
        "OSR_HUB_AUTH__DEVELOPMENT_KEYFILE": str(keyfile),
        "OSR_HUB_HTTP__PUBLIC_URL": ADDRESS,
        **named,
    }
    return Client(app=create_app(load(environment), pool), keyfile=keyfile)


async def _exchange(app: ASGIApp, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> Reply:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": ("hub.test", 80),
        "state": {},
    }
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if not given:
            await asyncio.Event().wait()  # the connection stays open as long as somebody answers
        return given.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Reply(
        status=sent[0]["status"],
        headers={name.decode().lower(): value.decode() for name, value in sent[0]["headers"]},
        body=b"".join(message.get("body", b"") for message in sent[1:]),
        cookies=[value.decode() for name, value in sent[0]["headers"] if name.decode().lower() == "set-cookie"],
    )
