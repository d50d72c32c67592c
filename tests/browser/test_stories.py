"""What schools do, on a running stack with its own login: the event arrives, and its state comes back on the page.

Each story is walked twice, by keyboard alone on a desk and without scripts on a phone, each with schools of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.pages.page_checks import PageChecker
from tests.support.pages.story_town import (
    BOARD,
    NEW,
    OLD,
    T,
    Town,
    label_of,
    later,
    logged_in,
    paused,
    schools,
    text_of,
    told_day,
)
from tests.support.pages.walking import WAYS, walking
from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import accept_all, messages
from tests.support.register.stack_register import TEST_LAS, set_up_register
from tests.support.servers.stacks import running_stack, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

each_way: Final = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Give a stack with simulators and a login, that knows schools and systems."""
    async with running_stack(tmp_path_factory.mktemp("stack")) as stack, receiver(accept_all) as ours:
        await set_up_register(stack, tmp_path_factory.mktemp("files"))
        las = await stack.token("las", "--oin", TEST_LAS)
        await stack.call("POST", "/subscriptions", {"url": ours.url, "services": ["VVA"]}, token=las)
        yield Town(
            stack=stack,
            school=await stack.token("OSR-toegang", "--bge", BOARD),
            las=las,
            receiver=ours,
            simulated=stack.connection["simulators"]["las"]["oin"],
        )


@each_way
async def test_logging_in_and_who_has_the_role(browser: Browser, town: Town, way: str) -> None:
    """An administrator comes to the schools; somebody without the role reads whom to ask, and can log in as another."""
    async with walking(browser, way, town.address) as person:
        await person.page.goto(f"{town.address}/mandaten")
        await person.follow(T("login_start"))
        await person.follow("Kim Bakker")
        shown = await text_of(person)
        for words in ("OSR-toegang", "beheerder Mijn DUO", "050 599 84 40", "9.00-13.00", "securityservicedesk@duo.nl"):
            assert words in shown
        await person.follow(T("login_other"))
        await person.follow("Mark Jansen")
        assert "Mark Jansen · bestuur 41676" in await text_of(person)
        assert f"{T('overview_all')} (36)" in await text_of(person)
        await person.follow(T("log_out"))
        assert T("logged_out") in await text_of(person)
        await person.page.goto(f"{town.address}/mandaten")
        assert "/login" in person.page.url


@each_way
async def test_adding(browser: Browser, town: Town, way: str) -> None:
    """From the school's page to DUO's answer on it."""
    (brin,) = schools(way, ("16KK", "16ML"))
    async with logged_in(browser, way, town, f"/mandaten/{brin}") as person:
        await person.follow(T("add"))
        await person.pick("BRON po (ROD po)")
        await person.follow(T("go_on"))
        await person.choose(T("system"), OLD)
        await person.follow(T("save"))
        assert T("granted") in await text_of(person)
        if way == "keyboard":
            await PageChecker(person.page).check()
        event = await town.told(brin, "BRON_PO", "granted")
        await person.sees_at_last(f"/mandaten/{brin}", await town.answer(event))


@each_way
async def test_copying_to_schools_of_a_board(browser: Browser, town: Town, way: str) -> None:
    """One that uses another system cannot be chosen; the others get the mandate, and DUO a message of each."""
    source, other, *targets = schools(way, ("16OC", "16UK"), ("21KO", "17DV"), ("16ZG", "16ZX"), ("17AV", "17DK"))
    path = await town.give(source, "RIO")
    await town.stack.call(
        "POST", "/mandates", {"brin": other, "serviceCode": "RIO", "supplierOin": TEST_LAS}, token=town.school
    )
    async with logged_in(browser, way, town, path) as person:
        await person.follow(T("copy"))
        assert T.reason("other_system") in await text_of(person)
        for brin in targets:
            await person.page.locator(f"#brin-{brin}").wait_for()
            await person.tick(await label_of(person, brin))
        await person.follow(T("go_next"))
        assert T.count("copy_messages", len(targets)) in await text_of(person)
        await person.follow(T.count("copy_confirm", len(targets)))
        assert T.count("copy_made", len(targets)) in await text_of(person)
        for brin in targets:
            event = await town.told(brin, "RIO", "granted")
            await person.sees_at_last(f"/mandaten/{brin}", await town.answer(event))


@each_way
async def test_dates(browser: Browser, town: Town, way: str) -> None:
    """Another end is foreseen, confirmed, told to DUO, and processed."""
    (brin,) = schools(way, ("21ND", "22KP"))
    path, end = await town.give(brin, "RIO"), later(2, 7, 31)
    async with logged_in(browser, way, town, path) as person:
        await person.fill(f"{T('end')} {T('optional')}", end)
        await person.follow(T("go_on"))
        assert T("foreseen_ends", system=OLD, end=told_day(end)) in await text_of(person)
        await person.follow(T("dates_confirm"))
        assert T("amended") in await text_of(person)
        event = await town.told(brin, "RIO", "amended")
        assert told_day("-".join(reversed(event["data"]["endDate"].split("-")))) == told_day(end)
        await person.sees_at_last(path, await town.answer(event), f"{T('until')} {told_day(end)}")


@each_way
async def test_branches_with_another_las(browser: Browser, town: Town, way: str) -> None:
    """A second system gets one branch, the first one the other: DUO is told by which characteristic."""
    (brin,) = schools(way, ("14QC", "16YS"))
    await town.give(brin, "VERZUIM")
    async with logged_in(browser, way, town, f"/mandaten/{brin}/nieuw?dienst=VERZUIM") as person:
        branches = await person.page.locator("fieldset legend").all_text_contents()
        await person.choose(T("system"), NEW)
        await person.unfold(T("per_branch"))
        await person.pick(T("how_free"), branches[1])
        await person.follow(T("save"))
        await person.unfold(T("beside_title"))
        await person.follow(T("beside_confirm"))
        event = await town.told(brin, "VERZUIM", "granted", NEW)
        assert (event["branch"], event["routingid"]) == (branches[1][:6], f"00000007000{brin}00001")
        await person.sees_at_last(f"/mandaten/{brin}", await town.answer(event), T("doubt_title"))
        await person.follow(T("divide"))
        await person.pick(await person.page.locator("fieldset label", has_text=OLD).inner_text())
        await person.follow(T("go_on"))
        await person.follow(T("divide_confirm"))
        assert T("divided") in await text_of(person)
        assert T("doubt_title") not in await text_of(person)
        event = await town.told(brin, "VERZUIM", "granted", OLD)
        assert event["routingid"] == f"00000007000{brin}00002"
        await person.sees_at_last(f"/mandaten/{brin}", await town.answer(event))


@each_way
async def test_changing_las_next_august(browser: Browser, town: Town, way: str) -> None:
    """One confirmation: the new system begins on 1 August, the old one stops the day before; DUO is told of both."""
    (brin,) = schools(way, ("23EU", "23ZX"))
    await town.give(brin, "BRON_PO")
    start, end = later(1, 8, 1), later(1, 7, 31)
    async with logged_in(browser, way, town, f"/mandaten/{brin}") as person:
        await person.follow(T("add"))
        await person.pick("BRON po (ROD po)")
        await person.follow(T("go_on"))
        await person.choose(T("system"), NEW)
        await person.fill(T("start"), start)
        await person.follow(T("save"))
        shown = await text_of(person)
        assert T("old_without_end", old=OLD) in shown
        begins, stops = T("new_begins", new=NEW, start=told_day(start)), T("old_stops", old=OLD, end=told_day(end))
        assert f"{begins} {stops}" in shown
        await person.follow(T("succession_confirm", new=NEW, old=OLD))
        assert T("succeeded") in await text_of(person)
        ended = await town.told(brin, "BRON_PO", "amended", OLD)
        begun = await town.told(brin, "BRON_PO", "granted", NEW)
        says = [await town.answer(event) for event in (ended, begun)]
        wanted = (f"{T('until')} {told_day(end)}", f"{T('from')} {told_day(start)}")
        await person.sees_at_last(f"/mandaten/{brin}", *says, *wanted)
        assert T("doubt_title") not in await text_of(person)


@each_way
async def test_waiting_for_duo(browser: Browser, town: Town, way: str) -> None:
    """While DUO does nothing the page says that it waits for DUO; then DUO's answer comes."""
    (brin,) = schools(way, ("23ZY", "24MR"))
    with paused(town, "simulate-duo"):
        await town.give(brin, "VERZUIM")
        async with logged_in(browser, way, town, f"/mandaten/{brin}") as person:
            await person.sees_at_last(f"/mandaten/{brin}", "Wacht op verwerking door DUO, al minder dan een minuut.")
    async with logged_in(browser, way, town, f"/mandaten/{brin}") as person:
        event = await town.told(brin, "VERZUIM", "granted")
        await person.sees_at_last(f"/mandaten/{brin}", await town.answer(event))


@each_way
async def test_the_step_in_the_las(browser: Browser, town: Town, way: str) -> None:
    """The LAS takes the webhook, says that the school has a step to take, and then that it works."""
    (brin,) = schools(way, ("25KV", "26AB"))
    async with logged_in(browser, way, town, f"/mandaten/{brin}/nieuw?dienst=VVA") as person:
        await person.choose(T("system"), NEW)
        await person.follow(T("save"))
        assert T("granted") in await text_of(person)

        async def is_taken() -> bool:
            return bool(messages(town.receiver.got, brin))

        await until(is_taken, f"the webhook about {brin}")
        (message,) = messages(town.receiver.got, brin)
        step = T("msg_step", system=NEW, age=T("age_now"))
        for status, says in (("in_progress", step), ("activated", T("msg_activated", system=NEW))):
            body = {"status": status, "reportedAt": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
            await town.stack.call("POST", f"/deliveries/{message['id']}/reports", body, token=town.las)
            await person.sees_at_last(f"/mandaten/{brin}", says)


@each_way
async def test_withdrawing(browser: Browser, town: Town, way: str) -> None:
    """With a reason, at once: DUO is told, and says that it processed it."""
    (brin,) = schools(way, ("26PD", "26PE"))
    path = await town.give(brin, "RIO")
    async with logged_in(browser, way, town, path) as person:
        await person.follow(T("withdraw"))
        assert T("foreseen_withdrawn", system=OLD) in await text_of(person)
        await person.follow(T("withdraw_confirm"))
        assert T("reason_missing") in await text_of(person)
        await person.fill(T("withdraw_reason"), "wij stappen over")
        await person.follow(T("withdraw_confirm"))
        assert T("withdrawn") in await text_of(person)
        event = await town.told(brin, "RIO", "withdrawn")
        await person.sees_at_last(path, await town.answer(event), T.state("withdrawn"))
        await person.page.goto(f"{town.address}/mandaten/{brin}/geschiedenis")
        assert T("history_reason", reason="wij stappen over") in await text_of(person)


async def test_the_ledger_is_consistent_afterwards(town: Town) -> None:
    """All that was done on the pages is accounted for."""
    assert (await town.stack.verify())["ok"]
