"""Services as rows: added, renamed, listed, over HTTP and by command; each of DUO with a queue of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from hub.domain.system import Service
from hub.operations import services
from hub.store import register
from schemas.topics import queue_name, service_queue
from tests.support.api.client import client_of
from tests.support.api.school_calls import ONE, codes, fill_register, mandate_request, patch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

ROD_VO = {"serviceCode": "ROD_VO", "shownAs": "ROD vo", "kind": "duo"}


@pytest.fixture
async def operations(pool: Pool, tmp_path: Path) -> Client:
    """Give operations at a hub whose broker of DUO is named nowhere."""
    async with pool.acquire() as c:
        await fill_register(c)
    return client_of(tmp_path, pool).as_caller(Role.OPERATIONS)


async def test_a_service_of_duo_is_added_with_its_queue(operations: Client, pool: Pool) -> None:
    """It has a destination and a topic by its code; that the topic is not there yet is said, with what to do."""
    made = await operations.post("/v1/services", {**ROD_VO, "topic": None})
    assert (made.status, made.headers["location"], made.headers["etag"]) == (
        201, "http://hub.test/v1/services/ROD_VO", '"1"',
    )  # fmt: skip
    shown = {**ROD_VO, "code": "ROD_VO", "destination": "duo:rod-vo", "topic": "duo.rod-vo.v1"}
    assert {name: value for name, value in made.json.items() if name not in ("warnings", "acl")} == shown
    assert [each["code"] for each in made.json["warnings"]] == ["topic_missing"]
    assert "osr-hub topics" in made.json["warnings"][0]["detail"]
    assert [line.split(" --topic ")[1] for line in made.json["acl"]] == ["duo.rod-vo.v1"] * 2
    assert (await operations.get("/v1/services/ROD_VO")).json == shown
    described = (await operations.get("/v1/asyncapi.json")).json
    assert "<code>duo.rod-vo.v1</code>" in (await operations.get("/docs/events?lang=en")).body.decode()
    channel = described["channels"]["duo_rod_vo_v1"]
    assert (channel["address"], channel["bindings"]["kafka"]["topic"]) == ("duo.rod-vo.v1", "duo.rod-vo.v1")
    assert channel["description"].startswith("Mandate changes that DUO must process for ROD vo.")
    assert described["operations"]["send_duo_rod_vo_v1"]["channel"] == {"$ref": "#/channels/duo_rod_vo_v1"}
    lag = (await operations.get("/v1/lag")).json["destinations"]
    assert [each["services"] for each in lag if each["destination"] == "duo:rod-vo"] == [["ROD_VO"]]
    entry = await pool.fetchrow("select action, subject::text as subject from audit order by id desc limit 1")
    assert entry is not None
    assert tuple(entry) == ("service.added", '{"serviceCode":"ROD_VO"}')


async def test_a_service_of_systems_goes_to_their_webhooks(operations: Client) -> None:
    """It has no queue; a system that offers it gets its mandates, one that does not cannot."""
    made = await operations.post("/v1/services", {"serviceCode": "DEELNAME", "shownAs": "Deelname", "kind": "las"})
    assert (made.status, made.json["destination"], made.json["topic"], made.json["acl"]) == (201, None, None, [])
    school = operations.as_caller(Role.SCHOOL, brins=["18DS"])
    asked = mandate_request(serviceCode="DEELNAME")
    assert codes(await school.post("/v1/mandates", asked)) == [("/supplierOin", "service_not_offered")]
    system = {"supplierOin": ONE, "systemName": "Een", "serviceCodes": ["VVA", "DEELNAME"]}
    assert (await operations.post("/v1/systems", system)).status == 200
    assert (await school.post("/v1/mandates", asked)).status == 201


@pytest.mark.parametrize(
    ("changes", "status", "wrong"),
    [
        ({"serviceCode": "RIO"}, 409, "exists"),
        ({"serviceCode": "BRON-PO"}, 409, "topic_taken"),
        ({"serviceCode": "REPORTS"}, 409, "topic_taken"),
        ({"serviceCode": "rod"}, 400, ("/serviceCode", "value_error")),
        ({"shownAs": " "}, 400, ("/shownAs", "value_error")),
        ({"kind": "other"}, 400, ("/kind", "literal_error")),
        ({"topic": "duo.other.v1"}, 400, ("/topic", "derived")),
    ],
)
async def test_a_service_that_cannot_be_is_refused(
    operations: Client, changes: Mapping[str, str], status: int, wrong: object
) -> None:
    """Codes that exist, or whose topics would be the same; forms that are none."""
    refused = await operations.post("/v1/services", {**ROD_VO, **changes})
    assert refused.status == status
    assert (refused.json["code"] if status == 409 else codes(refused)[0]) == wrong


async def test_only_operations_change_services(operations: Client) -> None:
    """A school and a supplier read them."""
    for other in (operations.as_caller(Role.SCHOOL, brins=["18DS"]), operations.as_caller(Role.LAS, oin=ONE)):
        assert (await other.post("/v1/services", ROD_VO)).status == 403
        assert (await patch(other, "/v1/services/RIO", {"shownAs": "X"}, 1)).status == 403
        listed = (await other.get("/v1/services")).json["items"]
        assert [(each["serviceCode"], each["kind"]) for each in listed] == [
            ("BRON_PO", "duo"), ("RIO", "duo"), ("VERZUIM", "duo"), ("VVA", "las"),
        ]  # fmt: skip


async def test_what_a_service_is_shown_as_changes_in_a_version(operations: Client) -> None:
    """If-Match is required and must be right; its code never changes; an unknown one is not found."""
    path, to = "/v1/services/RIO", {"shownAs": "RIO po"}
    assert (await patch(operations, path, to, None)).status == 428
    assert (await patch(operations, path, to, 7)).status == 412
    changed = await patch(operations, path, to, 1)
    assert (changed.status, changed.headers["etag"], changed.json["shownAs"]) == (200, '"2"', "RIO po")
    assert (await patch(operations, path, to, 1)).status == 412
    assert (await patch(operations, "/v1/services/GEEN", to, 1)).status == 404
    assert codes(await patch(operations, path, {**to, "serviceCode": "X"}, 2)) == [("/serviceCode", "unknown")]


async def test_the_topic_of_a_service_has_the_shape_of_all_queues(pool: Pool) -> None:
    """Each DUO service of the database has a topic of twelve partitions and thirty days."""
    made = Service(code="ROD_VO", shown_as="ROD vo", destination="duo:rod-vo", topic="duo.rod-vo.v1")
    async with pool.acquire() as c:
        await fill_register(c)
        await register.add_service(c, made)
        topics = {each.name: each for each in await services.read_duo_topics(c)}
    assert sorted(topics) == ["duo.bron-po.v1", "duo.reports.v1", "duo.rio.v1", "duo.rod-vo.v1", "duo.verzuim.v1"]
    assert topics["duo.rod-vo.v1"] == service_queue("duo.rod-vo.v1", "ROD vo")
    assert (topics["duo.rod-vo.v1"].partitions, topics["duo.rod-vo.v1"].retention_ms) == (12, 30 * 24 * 3600 * 1000)
    assert queue_name("A_B-C9") == "a-b-c9"
