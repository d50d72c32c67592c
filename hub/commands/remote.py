"""Commands through the API, for who has a token and no password of the database.

In: a token, and the address of the hub (`OSR_HUB_HTTP__PUBLIC_URL`). Out: the body of an answer, or a refusal in words.
The API decides as it does for anybody; where the settings name a database, commands work there.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import orjson

from hub.commands.operator import has_token, read_token
from hub.errors import ConfigurationError, HubError, Unavailable
from hub.settings import load

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_SECONDS: Final = 60.0
NAMES_OF_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteHub:
    """The API of a hub, for the bearer of a token."""

    address: str
    token: str

    def get(self, *path: object, **query: object) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a resource."""
        lists = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
        given = [(name, each) for name, values in lists.items() for each in values if each is not None]
        asked = "&".join(f"{name}={quote(str(each))}" for name, each in given)
        return self._call("GET", path, None, f"?{asked}" if asked else "")

    def post(self, *path: object, **body: object) -> Any:  # noqa: ANN401 - JSON
        """Post a body, and return the JSON of the answer."""
        return self._call("POST", path, body)

    def _call(self, method: str, path: tuple[object, ...], body: object, query: str = "") -> Any:  # noqa: ANN401 - JSON
        steps = "/".join(quote(str(step), safe="") for step in path)
        try:
            status, said = self._send(method, f"/v1/{steps}{query}", b"" if body is None else orjson.dumps(body))
        except (OSError, HTTPException) as error:
            next_step = "Set OSR_HUB_HTTP__PUBLIC_URL to the address of the hub, or OSR_HUB_DATABASE__DSN."
            raise Unavailable(f"the hub at {self.address} does not answer", next_step=next_step) from error
        if status // 100 != HTTPStatus.OK // 100:
            raise HubError(_refusal(status, said))
        return orjson.loads(said)

    def _send(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.address)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        line = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            line.request(method, path, body or None, self._headers(body))
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    def _headers(self, body: bytes) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **({"Content-Type": "application/json"} if body else {})}


def remote_hub(token_file: Path | None) -> RemoteHub | None:
    """Return the API to work through; None where the settings name a database, or no token says who acts."""
    if not has_token(token_file):
        return None
    settings = load()
    if settings.database.dsn is not None:
        return None
    address = settings.http.address
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in NAMES_OF_THIS_MACHINE:
        raise ConfigurationError(
            f"a token goes over https only, and the hub's address is {address}",
            next_step="Set OSR_HUB_HTTP__PUBLIC_URL to its address with https.",
        )
    return RemoteHub(address=address, token=read_token(token_file))


def _refusal(status: int, said: bytes) -> str:
    """Return why the API refused, as it says itself."""
    try:
        problem = orjson.loads(said)
        faults = [f"{each['field'] or each['in']}: {each['detail']}" for each in problem.get("errors") or ()]
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"the hub answered {status}"
    return "; ".join(faults) if faults else detail
