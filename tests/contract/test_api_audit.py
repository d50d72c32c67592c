"""The audit over HTTP: every change is noted with who, when, from what to what; never a name and never a secret."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from hub.clock import now
from hub.observe.books import check_ledger
from producers.calendar import catch_up
from tests.support.api.school_calls import ONE, OTHER, R1, day, mandate_request, patch
from tests.support.api.subscribing import consents, make_api, subscribed
from tests.support.receivers.receiver import receiver
from tests.support.register.subscriptions import LAS

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


@pytest.fixture
def school(hub: Client) -> Client:
    """Be the administrator of two schools."""
    return hub.as_caller(Role.SCHOOL, brins=["18DS", "00AA"])


async def notes(hub: Client, **asked: Any) -> list[dict[str, Any]]:
    """Read notes, the oldest first."""
    return list(reversed((await hub.as_caller(Role.OPERATIONS).get("/v1/audit", **asked)).json["items"]))


async def is_whole(pool: Pool) -> bool:
    """Say whether the books are right."""
    async with pool.acquire() as c:
        return (await check_ledger(c, now())).ok


async def test_a_mandates_life_is_noted_from_what_to_what(hub: Client, school: Client, pool: Pool) -> None:
    """Granted, amended, routed, routed no more, copied and withdrawn: the fields that differ, and by whom."""
    made = (await school.post("/v1/mandates", mandate_request(supplierOin=ONE))).json
    path = f"/v1/mandates/{made['id']}"
    await patch(school, path, {"endDate": day(9)}, 1)
    await patch(school, path, {"endDate": day(9)}, 2)
    await school.call("PUT", f"{path}/routing/18DS01", {"routingId": R1})
    await school.call("DELETE", f"{path}/routing/18DS01")
    copy = (await school.post(f"{path}/copies", {"brins": ["00AA"], "dryRun": False})).json["results"][0]
    await school.post(f"{path}/withdrawal", {"reason": "another system"})
    found = await notes(hub, brin="18DS")
    assert [(n["action"], n["before"], n["after"]) for n in found[:4]] == [
        ("mandate.granted", None, {"startDate": day()}),
        ("mandate.amended", {"endDate": None}, {"endDate": day(9)}),
        ("routing.assigned", {"routing": {}}, {"routing": {"18DS01": R1}}),
        ("routing.removed", {"routing": {"18DS01": R1}}, {"routing": {}}),
    ]
    last = found[4]
    assert (last["action"], last["before"], last["reason"]) == (
        "mandate.withdrawn", {"withdrawnAt": None}, "another system",
    )  # fmt: skip
    assert len(found) == 5
    assert found[2]["subject"] == {
        "branch": "18DS01",
        "mandateId": made["id"],
        "serviceCode": "VVA",
        "supplierOin": ONE,
        "systemCode": ONE,
    }
    assert [n["number"] for n in found] == [1, 2, 3, 4, 5]
    assert {n["actorName"] for n in found} == {"test OSR-toegang 18DS,00AA"}
    assert len({n["actor"] for n in found}) == 1
    copied = (await notes(hub, brin="00AA"))[0]
    assert (copied["action"], copied["after"]) == ("mandate.copied", {"startDate": day(), "endDate": day(9)})
    assert (copied["subject"]["mandateId"], copied["subject"]["copiedFrom"]) == (copy["mandateId"], made["id"])
    assert await is_whole(pool)


async def test_what_the_calendar_does_is_noted_as_the_hubs(hub: Client, school: Client, pool: Pool) -> None:
    """A date that comes is nobody's doing."""
    await school.post("/v1/mandates", mandate_request(startDate=day(1), endDate=day(1)))
    async with pool.acquire() as c:
        for days in (1, 2):
            await catch_up(c, now() + timedelta(days=days))
    found = (await notes(hub, brin="18DS"))[1:]
    assert {(n["actor"], n["actorName"]) for n in found} == {("hub", None)}
    assert [(n["action"], n["before"], n["after"]) for n in found] == [
        ("mandate.started", {"state": "future"}, {"state": "active"}),
        ("mandate.expired", {"state": "active"}, {"state": "ended"}),
    ]
    assert await is_whole(pool)


async def test_a_system_is_noted_when_it_differs(hub: Client) -> None:
    """New, then with another name; the same again is no change."""
    operations = hub.as_caller(Role.OPERATIONS)
    body = {"supplierOin": "00000099000000003000", "systemName": "Derde", "serviceCodes": ["VVA"]}
    for name in ("Derde", "Anders", "Anders"):
        await operations.post("/v1/systems", body | {"systemName": name})
    assert [(n["action"], n["before"], n["after"]) for n in await notes(hub)] == [
        ("system.registered", None, {"systemName": "Derde", "serviceCodes": ["VVA"]}),
        ("system.changed", {"systemName": "Derde"}, {"systemName": "Anders"}),
    ]


async def test_a_subscriptions_life_is_noted_without_its_secrets(tmp_path: Path, pool: Pool) -> None:
    """Made, changed, paused, resumed, its secret changed, deleted: and no secret, nor a key in its address, is kept."""
    async with receiver(consents) as las:
        api = await make_api(tmp_path, pool)
        made = await subscribed(api, las, url=f"{las.url}?key=SECRET")
        path = f"/v1/subscriptions/{made['id']}"
        await patch(api, path, {"reports": False}, 1)
        for verb in ("pause", "pause", "resume"):
            await api.post(f"{path}/{verb}")
        rotated = (await api.post(f"{path}/secrets")).json["secret"]
        await api.call("DELETE", path)
    found = await notes(api)
    assert [n["action"] for n in found] == [
        f"subscription.{verb}" for verb in ("created", "changed", "paused", "resumed", "secret_rotated", "deleted")
    ]
    assert (found[1]["before"], found[1]["after"]) == ({"reports": True}, {"reports": False})
    assert (found[2]["before"], found[2]["after"]) == ({"status": "active"}, {"status": "paused"})
    assert (found[5]["before"], found[5]["after"]) == ({"status": "active"}, {"status": "deleted"})
    assert {n["subject"]["supplierOin"] for n in found} == {LAS}
    kept = await pool.fetchval("select string_agg(audit::text, '') from audit")
    for secret in (made["secret"], rotated, "SECRET"):
        assert secret.removeprefix("whsec_") not in kept
    assert await is_whole(pool)


async def test_the_audit_says_which_schools_a_press_changed(hub: Client) -> None:
    """Each chosen school from what to what, nothing where it was so already, and whose exceptions a whole one ends."""
    operator = hub.as_caller(Role.OPERATIONS)
    path = "/v1/destinations/duo:rio"
    for verb, brins in (
        ("hold", ["18DS"]),
        ("hold", ["18DS", "00AA"]),
        ("release", ["00AA"]),
        ("hold", None),
        ("release", ["00AA"]),
        ("hold", None),
    ):
        assert (await operator.post(f"{path}/{verb}", {"brins": brins, "reason": "x"})).status == 200
    assert [(n["brin"], n["before"], n["after"]) for n in await notes(hub)] == [
        ("18DS", {"held": False}, {"held": True}),
        ("00AA", {"held": False}, {"held": True}),
        ("18DS", {}, {}),
        ("00AA", {"held": True}, {"held": False}),
        (None, {"held": False, "heldBrins": ["18DS"]}, {"held": True, "heldBrins": []}),
        ("00AA", {"held": True}, {"held": False}),
        (None, {"releasedBrins": ["00AA"]}, {"releasedBrins": []}),
    ]


async def test_a_school_new_to_a_held_destination_was_held(hub: Client, pool: Pool) -> None:
    """Where nothing went to it yet, it is what its destination is; the audit holds together."""
    operator = hub.as_caller(Role.OPERATIONS)
    path = "/v1/destinations/duo:verzuim"
    await operator.post(f"{path}/hold", {"brins": None, "reason": "x"})
    await operator.post(f"{path}/release", {"brins": ["18DS"], "reason": "x"})
    note = (await notes(hub, brin="18DS"))[0]
    assert (note["action"], note["before"], note["after"]) == (
        "destination.released", {"held": True}, {"held": False},
    )  # fmt: skip
    assert await is_whole(pool)


async def test_a_page_of_the_audit_goes_on_where_it_ended(hub: Client, school: Client) -> None:
    """Newest first, by school and by time, in pages; other roles do not come in."""
    for supplier in (ONE, OTHER):
        await school.post("/v1/mandates", mandate_request(supplierOin=supplier))
    operations = hub.as_caller(Role.OPERATIONS)
    first = (await operations.get("/v1/audit", limit=1)).json
    then = (await operations.get("/v1/audit", limit=1, cursor=first["next"])).json
    assert [n["number"] for n in (*first["items"], *then["items"])] == [2, 1]
    assert then["next"] is None
    moment_between = first["items"][0]["at"]
    assert len((await operations.get("/v1/audit", **{"from": moment_between})).json["items"]) == 1
    assert (await operations.get("/v1/audit", brin="00AA")).json["items"] == []
    assert (await school.get("/v1/audit")).status == 403
