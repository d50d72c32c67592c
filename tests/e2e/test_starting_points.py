"""What a supplier and DUO start from, run as they would run it: the stories of a receiver, and those of a reader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest

from tests.support.guides.commands import run_guide
from tests.support.guides.starting_points import (
    RECEIVERS,
    StartingPoint,
    handled,
    make_receiver,
    reader_command,
    reader_settings,
    running_program,
    running_receiver,
)
from tests.support.guides.token_endpoint import token_endpoint
from tests.support.receivers.receiver import NO_CONTENT, Receiver, reply
from tests.support.servers.stacks import SCHOOLS, RunningStack, running_stack, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SUPPLIERS: Final = {
    "python": "00000099000000007100",
    "node": "00000099000000007200",
    "duo": "00000099000000007300",
    "guide": "00000099000000007400",
}
LONGEST: Final = 150
BOARDS: Final = ("41561", "42634", "41676", "41775")
LANGUAGES: Final = (
    pytest.param("python", id="python"),
    pytest.param("node", id="node", marks=pytest.mark.node),
)
READERS: Final = (
    pytest.param("python", "duo.rio.v1", "RIO", id="python"),
    pytest.param("java", "duo.verzuim.v1", "VERZUIM", id="java", marks=pytest.mark.java),
)


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Give a stack without simulators: here the receivers are those of the guides."""
    async with running_stack(tmp_path_factory.mktemp("stack"), "--without-simulators") as running:
        systems = tmp_path_factory.mktemp("files") / "systems.csv"
        lines = [f"{oin};{name};BRON_PO,VERZUIM,RIO,VVA\n" for name, oin in SUPPLIERS.items()]
        systems.write_text("supplier_oin;system_name;service_codes\n" + "".join(lines))
        await running.done("osr-hub", "import", "schools", str(SCHOOLS))
        await running.done("osr-hub", "import", "systems", str(systems))
        yield running


@pytest.fixture(scope="module")
async def schools(stack: RunningStack) -> str:
    """Give a token of the schools' boards."""
    return await stack.token("OSR-toegang", *(word for board in BOARDS for word in ("--bge", board)))


async def grant(stack: RunningStack, token: str, supplier: str, brin: str, service: str = "VVA") -> dict[str, Any]:
    """Give a supplier a mandate."""
    body = {"brin": brin, "serviceCode": service, "supplierOin": supplier, "endDate": "2031-07-31"}
    made: dict[str, Any] = await stack.call("POST", "/mandates", body, token=token)
    return made


async def until_statuses(stack: RunningStack, mandate: dict[str, Any], *wanted: str) -> None:
    """Wait until the deliveries about a mandate have these statuses, in any order."""

    async def they_have() -> bool:
        found = await stack.call("GET", f"/deliveries?mandateId={mandate['id']}")
        return sorted(one["status"] for one in found["items"]) == sorted(wanted)

    await until(they_have, f"{wanted} for {mandate['brin']}", within=60)


async def until_held(it: StartingPoint, mandate: dict[str, Any], version: int, *, is_over: bool) -> None:
    """Wait until a receiver holds a mandate so."""

    async def holds() -> bool:
        return it.held().get((mandate["id"], "")) == (version, is_over)

    await until(holds, f"version {version} of {mandate['brin']} at the receiver in {it.language}")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_receiver_to_start_from_is_right(
    stack: RunningStack, schools: str, tmp_path: Path, language: str
) -> None:
    """It qualifies, takes and reports, and after a week away it knows what it missed and what it should not hold."""
    supplier = SUPPLIERS[language]
    token = await stack.token("las", "--oin", supplier)
    it = await make_receiver(language, tmp_path)
    brins = ("18DS", "13JQ", "12IT") if language == "python" else ("11OA", "12NU", "12VV")
    async with running_receiver(it, stack.connection["api"], token):
        subscription = await stack.call("POST", "/subscriptions", {"url": it.url, "services": ["VVA"]}, token=token)
        it.secrets.write_text(f"{subscription['secret']}\n")
        qualified = await stack.run("osr-hub", "qualify", it.url, "--secret", subscription["secret"])
        assert qualified.code == 0, qualified.out
        first, second = [await grant(stack, schools, supplier, brin) for brin in brins[:2]]
        await until_statuses(stack, first, "activated")
        await until_held(it, second, 1, is_over=False)
        await stack.call("PATCH", f"/mandates/{first['id']}", {"endDate": "2030-07-31"}, token=schools, etag='"1"')
        await until_held(it, first, 2, is_over=False)
        await until_statuses(stack, first, "activated", "activated")
    async with swallowing(it):  # for a week somebody else answers for it
        await stack.call("POST", f"/mandates/{first['id']}/withdrawal", {"reason": "proef"}, token=schools)
        third = await grant(stack, schools, supplier, brins[2])
        await until_statuses(stack, third, "delivered")
        await until_statuses(stack, first, "delivered", "activated", "activated")
    assert (third["id"], "") not in it.held()
    it.forget(second["id"])
    async with running_receiver(it, stack.connection["api"], token):
        await until_held(it, first, 3, is_over=True)
        await until_held(it, second, 1, is_over=False)
        await until_held(it, third, 1, is_over=False)
        await until_statuses(stack, third, "activated")

        async def stranger_is_gone() -> bool:
            return len(it.held()) <= 4  # these three, and the one of the qualification, which is over

        await until(stranger_is_gone, "what the hub does not know is dropped")


async def reports_of(stack: RunningStack, source: str) -> list[dict[str, Any]]:
    """Return the reports that one reader wrote."""
    reports = [orjson.loads(record.value) for record in await stack.read_topic("duo.reports.v1")]
    return [report for report in reports if report["source"] == source]


@pytest.mark.parametrize(("language", "queue", "service"), READERS)
async def test_a_reader_to_start_from_is_right(
    stack: RunningStack, schools: str, tmp_path: Path, language: str, queue: str, service: str
) -> None:
    """It handles each message once and reports on it; started again it goes on; without its offsets it repeats."""
    made = await grant(stack, schools, SUPPLIERS["duo"], "18DS", service)
    await stack.call("PATCH", f"/mandates/{made['id']}", {"endDate": "2030-07-31"}, token=schools, etag='"1"')
    command, settings = await reader_command(language, tmp_path), reader_settings(language, stack, queue, tmp_path)
    async with running_program(command, tmp_path, settings):
        await until_statuses(stack, made, "processed", "processed")
    await stack.call("POST", f"/mandates/{made['id']}/withdrawal", {"reason": "proef"}, token=schools)
    async with running_program(command, tmp_path, settings):
        await until_statuses(stack, made, "processed", "processed", "processed")
    assert len(await reports_of(stack, settings["OSR_SOURCE"])) == 3
    async with running_program(command, tmp_path, {**settings, "OSR_GROUP": f"duo-again-{language}"}):

        async def has_read_all_again() -> bool:
            return len(await reports_of(stack, settings["OSR_SOURCE"])) == 6

        await until(has_read_all_again, "the queue read from its start again", within=60, look=0.5)
    again = await reports_of(stack, settings["OSR_SOURCE"])
    assert len({report["id"] for report in again}) == 3
    assert {report["partitionkey"] for report in again} == {"18DS"}
    assert handled(language, tmp_path) == 3


@pytest.mark.curl
async def test_the_guide_for_a_las_works_as_written(stack: RunningStack, schools: str, tmp_path: Path) -> None:
    """Each of its commands, one after the other, from a token by client credentials to the replaced secret."""
    await grant(stack, schools, SUPPLIERS["guide"], "13BU")
    it = await make_receiver("python", tmp_path)
    token = await stack.token("las", "--oin", SUPPLIERS["guide"])
    async with token_endpoint({"guide:secret": token}) as where:
        settings = {
            "OSR_API": stack.connection["api"],
            "OSR_HOOK": it.url,
            "OSR_RECEIVER_PORT": str(it.port),
            "OSR_TOKEN_URL": where,
            "OSR_CLIENT": "guide:secret",
        }
        said = await run_guide("las", tmp_path, settings)
    assert "QUALIFIED: all 14 rules are kept." in said
    assert said.count('"outcome":"delivered"') == 2  # the two test messages, the last one signed by both secrets
    found = await stack.call("GET", "/subscriptions", token=token)
    assert [one["status"] for one in found["items"]] == ["active"]


@pytest.mark.curl
async def test_the_guide_for_duo_works_as_written(stack: RunningStack, schools: str, tmp_path: Path) -> None:
    """Each of its commands: read a queue, report, look at what became of it, compare."""
    made = await grant(stack, schools, SUPPLIERS["guide"], "13BU", "RIO")
    await make_receiver("python", tmp_path)
    settings = reader_settings("python", stack, "duo.rio.v1", tmp_path)
    token = stack.connection["tokens"]["duo"]
    said = await run_guide("duo", tmp_path, {**settings, "OSR_API": stack.connection["api"], "OSR_TOKEN": token})
    assert made["id"] in said
    assert '"missing":' in said


async def test_the_books_are_right(stack: RunningStack) -> None:
    """After all of it nothing is missing, doubled or stranded."""
    assert (await stack.verify())["violations"] == []


@pytest.mark.parametrize("name", ["receiver.py", "receiver.mjs"])
def test_a_receiver_can_be_read_in_one_go(name: str) -> None:
    """It is under a hundred and fifty lines."""
    assert len((RECEIVERS / name).read_text().splitlines()) < LONGEST


class swallowing:  # noqa: N801 - used as a context
    """Answers 204 at a receiver's address, and keeps nothing."""

    def __init__(self, it: StartingPoint) -> None:
        self._port = it.port
        self._receiver = Receiver(lambda request: reply(200) if request.method == "OPTIONS" else NO_CONTENT)

    async def __aenter__(self) -> None:
        self._server = await asyncio.start_server(self._receiver.handle, "127.0.0.1", self._port)

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
