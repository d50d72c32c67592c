"""A visitor over real sockets, who keeps cookies per site and fills in forms. In: addresses. Out: pages."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urljoin, urlsplit

from pyreqwest.client import ClientBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTION: Final = re.compile(r'<form[^>]+action="([^"]+)"')
MOST_HOPS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """What a site answered, and at which address."""

    url: str
    status: int
    text: str


class HttpVisitor:
    """A browser without scripts that keeps every cookie, also over plain http."""

    def __init__(self) -> None:
        self._cookies: dict[str, dict[str, str]] = {}

    async def get(self, url: str) -> SitePage:
        """Get an address and follow where it leads."""
        return await self._follow("GET", url, None)

    async def post(self, url: str, fields: Mapping[str, str]) -> SitePage:
        """Submit fields to an address and follow where it leads."""
        return await self._follow("POST", url, urlencode(fields))

    async def submit(self, page: SitePage, fields: Mapping[str, str]) -> SitePage:
        """Submit the form of a page."""
        found = ACTION.search(page.text)
        assert found is not None, page.text
        return await self.post(urljoin(page.url, html.unescape(found[1])), fields)

    async def _follow(self, method: str, url: str, body: str | None) -> SitePage:
        async with ClientBuilder().follow_redirects(enable=False).build() as client:
            for _ in range(MOST_HOPS):
                site = urlsplit(url).netloc
                request = client.request(method, url).header("cookie", self._cookie(site))
                if body is not None:
                    request = request.header("content-type", "application/x-www-form-urlencoded").body_text(body)
                answer = await request.build().send()
                for cookie in answer.headers.getall("set-cookie"):
                    name, _, value = cookie.partition(";")[0].partition("=")
                    self._cookies.setdefault(site, {})[name] = value
                if answer.status not in {301, 302, 303}:
                    return SitePage(url=url, status=answer.status, text=await answer.text())
                method, body, url = "GET", None, urljoin(url, answer.headers["location"])
        raise AssertionError(f"too many redirects, the last to {url}")

    def _cookie(self, site: str) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.get(site, {}).items())
