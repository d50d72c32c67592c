"""One caller has a share of what is worked on, and its reads a time, so that nobody else waits for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Caller
from hub.api.shares import MOST_WAITING, ShareMiddleware, Shares, TurnMiddleware
from hub.api.turns import Steps, Turns
from hub.errors import TooManyRequests, TooSlow
from hub.settings import Limits

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


async def test_others_do_not_wait_for_a_busy_caller() -> None:
    """The third request of a caller of two waits until one ends; another caller's goes on; too many are refused."""
    shares = Shares(2)
    async with shares.of("a"), shares.of("b"):
        first = shares.of("a")
        await first.__aenter__()
        third = asyncio.create_task(_enter(shares, "a"))
        await asyncio.sleep(0)
        async with shares.of("b"):
            assert not third.done()
        waiting = [asyncio.create_task(_enter(shares, "a")) for _ in range(MOST_WAITING - 1)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await _enter(shares, "a")
        await first.__aexit__(None, None, None)
        await asyncio.gather(third, *waiting)


async def _enter(shares: Shares, caller: str) -> None:
    async with shares.of(caller):
        pass


@pytest.mark.parametrize(("method", "has_begun"), [("GET", False), ("GET", True), ("POST", False)])
async def test_a_read_has_its_time_until_its_answer_begins(method: str, has_begun: bool) -> None:  # noqa: FBT001 - a case
    """One that takes longer is 503 in words; what has begun to be answered, and a change, go on to their end."""
    ended: list[bool] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if has_begun:
            await send({"type": "http.response.start"})
        await asyncio.sleep(0.1)
        ended.append(True)

    async def ignore(_message: Message | None = None) -> Any:
        """Take what is sent."""

    scope: Scope = {"type": "http", "method": method, "path": "/v1/deliveries", "client": ("127.0.0.1", 1)}
    shared = ShareMiddleware(app, Limits(read_seconds=0.02))
    if method == "GET" and not has_begun:
        with pytest.raises(TooSlow, match="ask for less"):
            await shared(scope, ignore, ignore)
        assert not ended
    else:
        await shared(scope, ignore, ignore)
        assert ended


async def test_what_comes_before_a_caller_is_known_has_its_turn_too() -> None:
    """The steps until a token is verified are those of the address, all others those of the caller."""
    seconds = 0.0

    async def work(_scope: Scope, _receive: Receive, _send: Send) -> None:
        nonlocal seconds
        seconds += 3.0
        await asyncio.sleep(0)
        seconds += 4.0

    shared = ShareMiddleware(work, Limits())

    async def identify(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal seconds
        seconds += 0.25
        await asyncio.sleep(0)
        scope["hub.caller"] = Caller(subject="one", roles=frozenset())
        await shared(scope, receive, send)

    async def ignore(_message: Message | None = None) -> Any:
        """Take what is sent."""

    used: dict[str, float] = {}

    class Recorded(Turns):
        def charge(self, caller: str, seconds: float) -> None:
            used[caller] = used.get(caller, 0.0) + seconds
            Turns.charge(self, caller, seconds)

    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/mandates", "client": ("127.0.0.1", 1)}
    await TurnMiddleware(identify, Recorded(seconds=lambda: seconds))(scope, ignore, ignore)
    assert used == {"127.0.0.1": 0.25, "one ": 7.0}


async def test_a_request_says_while_it_waits_for_its_caller() -> None:
    """While a body comes or an answer is read nobody waits for the request; in between those who used more do."""
    said: list[bool] = []

    class Recorded(Turns):
        def expect(self, request: Steps[Any]) -> None:
            said.append(request.is_with_caller)

    async def pause(_message: Message | None = None) -> Any:
        """Take what is sent, in its time."""
        said.append(steps().is_with_caller)

    def steps() -> Steps[Any]:
        found = scope["hub.steps"]
        assert isinstance(found, Steps)
        return found

    async def work(_scope: Scope, receive: Receive, send: Send) -> None:
        said.append(steps().is_with_caller)
        await receive()
        await asyncio.sleep(0)
        await send({"type": "http.response.body"})
        said.append(steps().is_with_caller)

    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/mandates", "client": ("127.0.0.1", 1)}
    await TurnMiddleware(work, Recorded())(scope, pause, pause)
    assert said == [False, True, False, True, False]
