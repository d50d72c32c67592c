"""Commands that look and press: tables for people, the API's own bodies for programs, exit codes that can be used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson
import pytest
from pydantic import SecretStr

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.clock import now
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.register.subscriptions import grant, make_register, subscribed
from tests.support.sealing_keys import new_key
from tests.support.servers.commands import interrupted, osr_hub, osr_hub_on_terminal, read

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Connection

STYLES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FIELDS = {"ok", "at", "ledgerEpoch", "events", "destinations", "violations"}
ACCOUNT = [
    "destination", "planned", "waiting", "retrying", "delivered", "in_progress", "processed", "processed_with_signal",
    "activated", "rejected", "declined", "superseded", "dead", "cancelled", "archived", "difference",
]  # fmt: skip


@pytest.fixture
async def hub(connection: Connection, database: str) -> str:
    """A school with a mandate for RIO whose messages DUO's queue took; gives the database's address."""
    await make_register(connection)
    await grant(connection, service="RIO", routed=["18DS01"])
    await plan_all(connection)
    await take(connection, "duo:rio")
    return database


async def test_status_shows_a_school_per_branch(hub: str) -> None:
    """As a table, and as the API answers it; a school that is not there is wrong input."""
    code, said, _ = await osr_hub(hub, "status", "18DS")
    assert code == 0
    assert "18DS01  RIO" in said
    assert "0000000700018DS00001  delivered" in said
    body = await read(hub, "status", "18DS")
    assert [each["branch"] for each in body["branches"]] == ["18DS00", "18DS01", "18DS02"]
    assert body["branches"][1]["cells"][0]["routingId"] == "0000000700018DS00001"
    for wrong in ("99ZZ", "nonsense"):
        assert (await osr_hub(hub, "status", wrong))[0] == 2


async def test_lag_and_deliveries_are_the_api_s_bodies(hub: str) -> None:
    """The same fields; filters as the API has them."""
    lag = await read(hub, "lag")
    assert next(each for each in lag["destinations"] if each["destination"] == "duo:rio")["unprocessed"] == 2
    page = await read(hub, "deliveries", "--destination", "duo:rio", "--status", "delivered", "--limit", "1")
    assert (len(page["items"]), page["items"][0]["sequence"]) == (1, 1)
    more = await read(hub, "deliveries", "--limit", "1", "--cursor", page["next"])
    assert more["items"][0]["sequence"] == 2
    assert (await osr_hub(hub, "deliveries", "--status", "nonsense"))[0] == 2
    assert (await osr_hub(hub, "deliveries", "--cursor", "nonsense"))[0] == 2


async def test_deliveries_of_a_time_are_chosen_as_the_api_chooses_them(hub: str) -> None:
    """`--from` and `--to` take moments with a zone; times for people are local, with their zone."""
    everything = await read(hub, "deliveries")
    planned = everything["items"][0]["createdAt"]
    assert len((await read(hub, "deliveries", "--from", planned))["items"]) == len(everything["items"])
    assert (await read(hub, "deliveries", "--to", "2020-01-01T00:00:00+01:00"))["items"] == []
    code, _, failed = await osr_hub(hub, "deliveries", "--from", "yesterday")
    assert (code, "--from" in failed) == (2, True)
    code, said, _ = await osr_hub(hub, "deliveries", TZ="America/New_York")
    assert (code, " EST" in said or " EDT" in said) == (0, True)


async def test_lag_is_watched_on_eighty_columns_until_ctrl_c(hub: str) -> None:
    """It is shown in colour again and again, no line is too wide, and Ctrl-C ends it with 0 and a visible cursor."""
    code, shown = await interrupted(hub, "lag", "--watch", "--every", "0.5", after="what is late", times=2)
    assert code == 0, shown
    assert "\x1b[32mnone" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "Traceback" not in shown
    plain = STYLES.sub("", shown)
    assert max(map(len, re.split(r"[\r\n]+", plain))) <= 80
    for words in ("duo:rio", "no report", "p50 / p99 of each hop"):
        assert words in plain


async def test_lag_in_a_pipe_is_plain(hub: str) -> None:
    """Whole lines of plain text, one per destination."""
    code, said, _ = await osr_hub(hub, "lag")
    assert (code, "\x1b" in said) == (0, False)
    assert next(line for line in said.splitlines() if line.startswith("duo:rio")).split()[1:7] == [
        "open", "closed", "0", "0", "0", "2",
    ]  # fmt: skip


async def test_a_delivery_tells_its_story(hub: str, connection: Connection) -> None:
    """Every hop with its time, the attempts with their answers, the lane, and what to do; the body is the API's."""
    rows = await connection.fetch("select id from deliveries order by sequence")
    first = str(rows[0]["id"])
    code, said, failed = await osr_hub(hub, "delivery", first, TZ="Europe/Amsterdam")
    assert code == 0, failed
    for words in (
        f"{first}: delivered", "to duo:rio (", "the change was recorded", "planned", "taken", "attempt 1",
        "the lane of 18DS", f"{rows[1]['id']}",
        "What to do: Nothing: the receiver took it; its report is still to come.",
    ):  # fmt: skip
        assert words in said
    assert " CET " in said or " CEST " in said
    code, said, failed = await osr_hub(hub, "delivery", first, "--json", OSR_HUB_OIN="00000099000000009000")
    assert code == 0, failed
    body = orjson.loads(said)
    assert (body["id"], body["attempts"][0]["outcome"], body["message"]["id"]) == (first, "delivered", first)
    code, _, failed = await osr_hub(hub, "delivery", "019ab0f2-7d1c-7c3e-8a55-0f2b1c3d4e5f")
    assert (code, "no delivery 019ab0f2" in failed) == (2, True)


async def test_verify_says_yes_or_no(hub: str, connection: Connection) -> None:
    """0 and the accounts when the books are right, 1 and the violations when they are not."""
    books = await read(hub, "verify")
    assert set(books) == FIELDS
    assert (books["ok"], books["events"], books["violations"]) == (True, 1, [])
    assert all(list(account) == ACCOUNT for account in books["destinations"])
    await connection.execute("update tallies set n = n + 1 where status = 'delivered'")
    code, said, _ = await osr_hub(hub, "verify", "--json")
    wrong = orjson.loads(said)
    assert (code, wrong["ok"], [v["rule"] for v in wrong["violations"]]) == (1, False, ["balance"])
    assert set(wrong["violations"][0]) == {"rule", "destination", "brin", "deliveryId", "detail"}
    code, said, _ = await osr_hub(hub, "verify")
    assert (code, "the ledger is inconsistent: 1 violations" in said) == (1, True)


async def test_buttons_do_what_they_say_with_a_reason(hub: str, connection: Connection) -> None:
    """Hold, release, cancel; without a reason, or for what is not there, exit code 2 and nothing done."""
    assert (await osr_hub(hub, "hold", "duo:rio"))[0] == 2
    assert (await osr_hub(hub, "hold", "duo:none", "--reason", "x"))[0] == 2
    assert (await osr_hub(hub, "hold", "duo:rio", "--brin", "99ZZ", "--reason", "x"))[0] == 2
    assert (await osr_hub(hub, "hold", "duo:rio", "--brin", "18DS", "--reason", "onderhoud"))[0] == 0
    assert await connection.fetchval("select held from lanes where brin = '18DS'") is True
    assert (await osr_hub(hub, "release", "duo:rio", "--brin", "18DS", "--reason", "klaar"))[0] == 0
    assert await connection.fetchval("select held from lanes where brin = '18DS'") is False
    taken = await connection.fetchval("select id from deliveries limit 1")
    code, _, failed = await osr_hub(hub, "cancel", str(taken), "--reason", "x")
    assert (code, "only what still waits" in failed) == (2, True)
    notes = await connection.fetch("select action, actor, reason from audit order by id")
    assert [tuple(note) for note in notes] == [
        ("destination.held", "osr-hub command line", "onderhoud"),
        ("destination.released", "osr-hub command line", "klaar"),
    ]


async def test_the_doctor_says_what_is_wrong_in_words(hub: str) -> None:
    """Exit code 1, one line per thing, and what to do."""
    code, said, _ = await osr_hub(hub, "doctor")
    assert code == 1
    for words in (
        "WRONG  this hub's OIN",
        "well   database: schema",
        "WRONG  plan: no process is at work; start `osr-consume plan`",
        "WRONG  Kafka: no Kafka is named",
    ):
        assert words in said
    code, said, _ = await osr_hub("postgresql://postgres@127.0.0.1:1/none", "doctor")
    assert (code, "WRONG  database: the database does not answer" in said) == (1, True)
    code, _, failed = await osr_hub("postgresql://postgres@127.0.0.1:1/none", "lag")
    assert (code, "the database does not answer" in failed) == (2, True)


async def test_keys_are_replaced_by_command(hub: str, connection: Connection) -> None:
    """A second key signs beside the first; with a new sealing key everything is sealed anew, and the doctor agrees."""
    old, new = new_key(), new_key()
    await subscribed(connection, keys=(SecretStr(old),))
    code, _, failed = await osr_hub(hub, "keys", "rotate", "--reason", "yearly", OSR_HUB_SECRETS__KEYS=old)
    assert code == 0, failed
    await osr_hub(hub, "keys", "rotate", "--reason", "again", OSR_HUB_SECRETS__KEYS=old)
    _, listed, _ = await osr_hub(hub, "keys", "list")
    assert (listed.count("whpk_"), listed.count("further notice")) == (2, 1)
    both = f"{new},{old}"
    _, said, _ = await osr_hub(hub, "doctor", OSR_HUB_SECRETS__KEYS=both)
    assert "well   sealed secrets: 3 need an older key: `osr-hub keys reseal`" in said
    code, said, _ = await osr_hub(hub, "keys", "reseal", "--reason", "yearly", OSR_HUB_SECRETS__KEYS=both)
    assert (code, "1 secrets of subscriptions sealed anew" in said) == (0, True)
    _, said, _ = await osr_hub(hub, "doctor", OSR_HUB_SECRETS__KEYS=new)
    assert "well   sealed secrets: all under the newest key" in said
    _, said, _ = await osr_hub(hub, "doctor", OSR_HUB_SECRETS__KEYS=new_key())
    assert "WRONG  sealed secrets: no key opens 3 of them" in said


async def test_an_empty_database_says_what_to_do(empty_database: str) -> None:
    """A command on a database without a schema names the command that makes it."""
    code, _, failed = await osr_hub(empty_database, "verify")
    assert (code, "osr-hub migrate" in failed) == (2, True)


async def test_replay_counts_first_and_then_sends(hub: str, connection: Connection) -> None:
    """A dry run shows counts and samples as a table or as the API's body; without it the act is there to be worked."""
    chosen = ("replay", "--destination", "duo:rio", "--status", "delivered")
    code, shown, _ = await osr_hub(hub, *chosen, "--dry-run")
    assert (code, "2 matched, 0 of them superseded" in shown, "granted" in shown) == (0, True, True)
    code, dry, _ = await osr_hub(hub, *chosen, "--dry-run", "--json")
    assert {name: orjson.loads(dry)[name] for name in ("state", "matched", "toSend", "sent", "ratePerSecond")} == {
        "state": "preview", "matched": 2, "toSend": 2, "sent": 0, "ratePerSecond": 50
    }  # fmt: skip
    assert await connection.fetchval("select count(*) from bulk_jobs") == 0
    code, made, _ = await osr_hub(hub, *chosen, "--rate", "5", "--reason", "lost there", "--json")
    body = orjson.loads(made)
    assert (code, body["state"], body["ratePerSecond"], body["askedBy"]) == (0, "running", 5, "osr-hub command line")
    code, listed, _ = await osr_hub(hub, "acts", "list")
    assert (code, body["id"] in listed) == (0, True)
    code, stopped, _ = await osr_hub(hub, "acts", "stop", body["id"], "--reason", "enough")
    assert (code, "is cancelled" in stopped) == (0, True)
    code, cancelled, _ = await osr_hub(hub, "cancel-many", "--brin", "18DS", "--reason", "x", "--json")
    assert (code, orjson.loads(cancelled)["state"]) == (0, "done")


async def test_small_parts_at_the_command_line_count_as_the_whole(hub: str) -> None:
    """Who gives no token is nobody in particular: a dry run says that it is too much, and asking for it fails."""
    known = {"OSR_HUB_OPERATIONS__FOUR_EYES_ABOVE": "2"}
    asked = ("replay", "--brin", "18DS")
    code, _, _ = await osr_hub(hub, *asked, "--reason", "x", **known)
    assert code == 0
    code, shown, _ = await osr_hub(hub, *asked, "--dry-run", **known)
    assert (code, "The requester has begun 2 deliveries alone since" in shown) == (0, True)
    code, _, said = await osr_hub(hub, *asked, "--reason", "x", **known)
    assert (code, "with 2 more that is too much for one person in 24 hours (above 2)" in said) == (2, True)


async def test_many_deliveries_take_two_people_at_the_command_line_too(hub: str, tmp_path: Path) -> None:
    """Nobody asks for many without saying who they are; whoever asked does not approve; another person does."""
    keyfile = tmp_path / "key.json"
    ensure_keyfile(keyfile)
    for name in ("ann", "bob"):
        caller = Caller(subject=name, roles=frozenset({Role.OPERATIONS}))
        (tmp_path / name).write_text(issue(keyfile, caller, now=now()))
    known = {"OSR_HUB_AUTH__DEVELOPMENT_KEYFILE": str(keyfile), "OSR_HUB_OPERATIONS__FOUR_EYES_ABOVE": "1"}
    asked = ("replay", "--brin", "18DS", "--reason", "x", "--json")
    code, _, said = await osr_hub(hub, *asked, **known)
    assert (code, "--token-file" in said) == (2, True)
    code, made, _ = await osr_hub(hub, *asked, "--token-file", str(tmp_path / "ann"), **known)
    body = orjson.loads(made)
    assert (code, body["state"]) == (0, "awaiting_approval")
    code, shown, _ = await osr_hub(hub, "acts", "show", body["id"])
    assert (code, "is too much for one person alone: ask another operator to approve it." in shown) == (0, True)
    approve = ("acts", "approve", body["id"], "--reason", "agreed")
    code, _, said = await osr_hub(hub, *approve, **known)
    assert (code, "--token-file" in said) == (2, True)
    code, _, said = await osr_hub(hub, *approve, "--token-file", str(tmp_path / "ann"), **known)
    assert (code, "ask another operator" in said) == (2, True)
    code, approved, _ = await osr_hub(hub, *approve, "--token-file", str(tmp_path / "bob"), "--json", **known)
    assert (code, orjson.loads(approved)["state"]) == (0, "running")


async def test_the_check_shows_a_bar_on_a_terminal_only(hub: str) -> None:
    """A person sees how far it is; a pipe gets the result and nothing else."""
    code, shown = await osr_hub_on_terminal(hub, "verify")
    assert code == 0
    bar = STYLES.sub("", shown)
    assert "checking the ledger" in bar
    assert "100%" in bar
    assert "the ledger is consistent" in bar
    code, said, failed = await osr_hub(hub, "verify")
    assert (code, failed) == (0, "")
    assert "checking" not in said
