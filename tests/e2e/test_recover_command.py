"""Yesterday's backup and today's log: `osr-hub recover` by the runbook on the whole stack, as receivers see it.

PostgreSQL and Kafka outlive the stack, so that its processes can be stopped and the database replaced beneath them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from schemas.topics import TOPICS
from tests.support.faults.restore_scenario import (
    LATER,
    SYSTEMS,
    RestoreScenario,
    all_is_sent,
    reader_of_events,
    schools_token,
)
from tests.support.receivers.receiver import receiver
from tests.support.receivers.receiver_model import ReceiverModel, expected_state
from tests.support.receivers.recording_receivers import DUO_QUEUES, accept_all, events_in, messages
from tests.support.register.stack_register import TEST_LAS
from tests.support.servers.commands import osr_hub
from tests.support.servers.databases import copy_database, create_database, drop_database, dsn_of
from tests.support.servers.stacks import RunningStack, running_stack
from tests.support.servers.topics import recreate_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.receivers.receiver import Receiver
    from tests.support.receivers.recording_receivers import Event

SERVICES: Final = {"duo.bron-po.v1": "BRON_PO", "duo.verzuim.v1": "VERZUIM", "duo.rio.v1": "RIO"}
MISSED: Final = 14
"""How many events of the second day there are."""
NEW: Final = 8
"""How many of the third."""
Ran = tuple[int, str, str]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What was seen: by receivers, on the published log, and on the operator's screen."""

    came: dict[str, list[Event]]
    """Per destination, in order of arrival."""
    held: dict[str, Any]
    """Per destination, what its receiver should hold by the database at the end."""
    ran: dict[str, Ran]
    events: list[Event]
    """What a reader of the log got by going on from the `next` that it had before the disaster."""
    books: dict[str, Any]
    differences: dict[str, Any]
    lanes: dict[tuple[str, str], int]


@pytest.fixture(scope="module")
async def story(postgres: str, kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """Live through it."""
    await recreate_topics(kafka, TOPICS)
    name, saved = await create_database(postgres), await create_database(postgres)
    await drop_database(postgres, saved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSR_HUB_DATABASE__DSN", dsn_of(postgres, name))
        patch.setenv("OSR_HUB_KAFKA__BOOTSTRAP_SERVERS", kafka)
        try:
            async with receiver(accept_all) as las:
                yield await _live_through(postgres, name, saved, las, tmp_path_factory.mktemp("stack"))
        finally:
            await drop_database(postgres, name)
            await drop_database(postgres, saved)


async def _live_through(admin: str, name: str, saved: str, las: Receiver, folder: Path) -> Story:
    async with running_stack(folder / "data", "--without-simulators") as stack:
        days = RestoreScenario(stack=stack, token=await schools_token(stack))
        await days.settle_in(folder)
        token = await stack.token("las", "--oin", TEST_LAS)
        await stack.call("POST", "/subscriptions", {"url": las.url, "services": ["VVA"]}, token=token)
        await days.before_backup()
        await all_is_sent(stack)
        await copy_database(admin, name, saved)
        await days.after_backup(folder)
        await all_is_sent(stack)
        _, reached = await reader_of_events(stack, None)
        settings = stack.connection["environment"]
    ran = await _come_back(admin, name, saved, settings, folder)
    async with running_stack(folder / "data", "--without-simulators") as stack:
        days.stack, days.token = stack, await schools_token(stack)  # those of the run before are signed by its key
        token = await stack.token("las", "--oin", TEST_LAS)
        await days.after_restore()
        await all_is_sent(stack)
        return await _look(stack, las, token, ran, reached)


async def _come_back(admin: str, name: str, saved: str, settings: dict[str, str], folder: Path) -> dict[str, Ran]:
    """Restore the backup and do what the runbook says, in its order."""
    await drop_database(admin, name)
    await copy_database(admin, saved, name)
    (file := folder / "later.csv").write_text(SYSTEMS)

    async def run(*words: str) -> Ran:
        return await osr_hub(settings["OSR_HUB_DATABASE__DSN"], *words, **settings)

    return {
        "doctor": await run("doctor"),
        "dry run": await run("recover", "--dry-run"),
        "recover": await run("recover"),
        "systems": await run("import", "systems", str(file)),
    }


async def _look(stack: RunningStack, las: Receiver, token: str, ran: dict[str, Ran], reached: str) -> Story:
    came = {f"las:{TEST_LAS}": messages(las.got)}
    for queue in DUO_QUEUES:
        came[queue] = events_in(await stack.read_topic(queue))
    c = await asyncpg.connect(stack.connection["databaseDsn"])
    held = {queue: await expected_state(c, service, calendar=False) for queue, service in SERVICES.items()}
    held[f"las:{TEST_LAS}"] = await expected_state(c, "VVA", calendar=True)
    await c.close()
    memory = ReceiverModel()
    memory.take(came[f"las:{TEST_LAS}"])
    units = [
        {"mandateId": mandate, "branch": branch or None, "mandateVersion": version}
        for (mandate, branch), (version, _) in memory.held().items()
    ]
    books = await stack.verify()
    wanted = {"serviceCode": "VVA", "units": units}
    lanes = (await stack.call("GET", "/lanes?limit=100"))["items"]
    return Story(
        came=came,
        held=held,
        ran=ran,
        events=(await reader_of_events(stack, reached))[0],
        books=books,
        differences=await stack.call("POST", "/reconciliation", wanted, token=token),
        lanes={(lane["destination"], lane["brin"]): lane["lastPlanned"] for lane in lanes},
    )


def by_epoch(events: list[Event]) -> dict[int, list[Event]]:
    """Divide messages by the ledger that they were numbered in."""
    found: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        found[event["ledgerepoch"]].append(event)
    return found


def lanes_of(events: list[Event]) -> dict[str, list[Event]]:
    """Divide messages of one destination by school; repeats within an epoch are passed over."""
    found: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in events:
        found[event["partitionkey"]].setdefault(event["id"], event)
    return {brin: list(lane.values()) for brin, lane in found.items()}


async def test_the_command_says_what_it_did_and_what_is_left_to_do(story: Story) -> None:
    """In a pipe there are plain lines and nothing else; a dry run says what would be, the doctor why it is needed."""
    assert [(code, failed) for code, _, failed in story.ran.values()] == [(1, ""), (0, ""), (0, ""), (0, "")]
    said = {name: out.splitlines() for name, (_, out, _) in story.ran.items()}
    assert any(
        line.startswith(f"WRONG  published log: the published log has {MISSED} events") for line in said["doctor"]
    )
    before_backup, system, epoch, kept = said["dry run"]
    assert before_backup.startswith(
        f"would be read back from the log: {MISSED} events of 11 mandates, recorded from 20"
    )
    assert (epoch, kept.partition(":")[0]) == ("ledgerepoch would be 2 now", "nothing of this was kept")
    begins = (
        before_backup.removeprefix("would be "),
        system,
        "ledgerepoch is 2 now",
        "not on the log",
        "next: import the newest",
    )
    assert all(line.startswith(begin) for line, begin in zip(said["recover"], begins, strict=True))
    assert system.startswith(f"systems that the backup did not have (1): {LATER}; ")
    assert "1 unchanged" in said["systems"][0]


async def test_no_receiver_misses_or_drops_anything_that_it_needs(story: Story) -> None:
    """By the rules of the contract each ends with the newest version of every unit, and starts anew with the epoch."""
    for destination, events in story.came.items():
        memory = ReceiverModel()
        memory.take(events)
        assert memory.held() == story.held[destination], destination
        assert (memory.missed, memory.ignored, memory.epochs) == ([], [], [1, 2]), destination
    assert [story.differences[name] for name in ("missing", "outdated", "unknown", "pending")] == [[], [], [], []]


async def test_what_is_told_again_has_the_id_it_had(story: Story) -> None:
    """Each message since the backup comes once more under its own id; everything else that comes is new."""
    for destination, events in story.came.items():
        ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        for event in events:
            ids[event["causationid"], event.get("branch", "")].add(event["id"])
        assert {len(each) for each in ids.values()} == {1}, destination
        old, new = ({event["id"]: event for event in part} for part in by_epoch(events).values())
        again = [old[one]["data"] == new[one]["data"] for one in old.keys() & new.keys()]
        assert again, destination
        assert all(again), destination
        assert new.keys() - old.keys(), destination


async def test_lanes_go_on_from_the_backup_under_the_new_epoch(story: Story) -> None:
    """In each epoch a lane is numbered without a gap and names the one before; the restored one goes on as it was."""
    for destination, events in story.came.items():
        old, new = (lanes_of(part) for part in by_epoch(events).values())
        for brin, lane in new.items():
            numbers = [int(event["sequence"]) for event in lane]
            assert numbers == list(range(numbers[0], numbers[0] + len(lane))), (destination, brin)
            assert [int(event.get("previoussequence", "0")) for event in lane] == [n - 1 for n in numbers]
            before = [int(event["sequence"]) for event in old.get(brin, [])]
            assert numbers[0] <= len(before) + 1
            name = destination.removesuffix(".v1").replace(".", ":")
            assert story.lanes[name, brin] == numbers[-1]


async def test_a_reader_of_the_log_goes_on_where_it_was(story: Story) -> None:
    """Its place from before the disaster still leads to what came after it: no event twice, none passed over."""
    assert len(story.events) == len({event["id"] for event in story.events}) == NEW


async def test_the_books_are_right(story: Story) -> None:
    """Nothing is missing, doubled or stranded, and the ledger says that it was restored once."""
    assert (story.books["violations"], story.books["ledgerEpoch"]) == ([], 2)
