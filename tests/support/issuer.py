"""An OpenID Connect issuer on loopback for tests. In: what it publishes. Out: answers, or silence."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

AUDIENCE: Final = "osr-hub"
ALL_ALGORITHMS: Final = jws.JWSRegistry(algorithms=list(jws.JWSRegistry.algorithms), strict_check_header=False)


class FakeIssuer:
    """Answers every path with `published` and `headers`; silent while `answers` is clear; counts the questions."""

    def __init__(self) -> None:
        self.published: Any = {"keys": []}
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked = 0
        self.headers = ""
        self.heard = asyncio.Event()
        self.address = ""

    @property
    def url(self) -> str:
        """Where its keys are."""
        return f"{self.address}/keys"

    def publish(self, *keys: Key | Mapping[str, Any]) -> None:
        """Publish these keys only."""
        self.published = {
            "keys": [public(key) if isinstance(key, RSAKey | ECKey | OKPKey) else dict(key) for key in keys]
        }

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        self.heard.set()
        await self.answers.wait()
        body = self.published if isinstance(self.published, bytes) else json.dumps(self.published).encode()
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving_issuer() -> AsyncIterator[FakeIssuer]:
    """Run an issuer."""
    issuer = FakeIssuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    async with server:
        issuer.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield issuer


@cache
def make_key(kind: str, kid: str | None = None) -> Key:
    """Return a new private key of this kind, always the same for the same arguments."""
    parameters: Any = {} if kid is None else {"kid": kid}
    match kind:
        case "RSA":
            return RSAKey.generate_key(2048, parameters)
        case "Ed25519":
            return OKPKey.generate_key(kind, parameters)
        case _:
            return ECKey.generate_key(kind, parameters)


def public(key: Key) -> dict[str, Any]:
    """Return the public half, as a key set holds it."""
    return dict(key.as_dict(private=False))


def sign(key: Key, algorithm: str, claims: Mapping[str, Any], **header: Any) -> str:
    """Return a token; without `kid` in `header` it names no key."""
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm, **header}, given, key, registry=ALL_ALGORITHMS, default_type=None)
