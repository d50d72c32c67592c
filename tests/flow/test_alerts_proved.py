"""Alerts as code: each fires and goes again in promtool, and one incident is one page in a real Alertmanager."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
import yaml

from tests.support.observing.prometheus import DEPLOY, alert_names, alertmanager, run_tool
from tests.support.receivers.receiver import receiver
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.receivers.receiver import Receiver

pytestmark = pytest.mark.prometheus
TESTS: Final = ("alerts.test.yaml", "alerts.days.test.yaml")
LAST: Final = "RaisedLast"
"""Its own group waits as long as every other, so when it comes all others have come."""
RULES: Final = {
    rule["alert"]: rule["labels"]
    for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}


@pytest.mark.parametrize("file", TESTS)
async def test_alerts_fire_and_go_as_their_tests_say(file: str) -> None:
    """The program runs the rules over invented series; beside the expected alert no other fires."""
    assert "SUCCESS" in await run_tool("promtool", "test", "rules", file)


def test_each_alert_is_seen_firing_and_gone() -> None:
    """None is without a test, and each test ends in quiet."""
    tests = [test for file in TESTS for test in yaml.safe_load((DEPLOY / file).read_text())["tests"]]
    seen = [sample["labels"] for test in tests for sample in test["promql_expr_test"][0]["exp_samples"]]

    assert {name for name in alert_names() if f'alertname="{name}"' in "".join(seen)} == set(alert_names())
    assert all(test["promql_expr_test"][-1]["exp_samples"] == [] for test in tests)


async def test_what_is_configured_can_be_used() -> None:
    """Rules and routes are read by the real programs."""
    await run_tool("promtool", "check", "rules", "alerts.yaml")
    await run_tool("amtool", "check-config", "alertmanager.yaml")


@pytest.mark.parametrize("name", RULES)
async def test_an_alert_reaches_who_has_to_act(name: str) -> None:
    """Critical wakes somebody, a supplier's turn goes to its contact, anything else is read in working hours."""
    labels = [f"{key}={value}" for key, value in RULES[name].items()]
    said = await run_tool("amtool", "config", "routes", "test", "--config.file=alertmanager.yaml", *labels)
    severity, turn = RULES[name]["severity"], RULES[name]["turn"]

    assert said.splitlines()[-1] == (
        "page" if severity == "critical" else "supplier" if turn == "supplier" else "office"
    )


def _configuration(it: Receiver, **intervals: str) -> dict[str, Any]:
    configuration: dict[str, Any] = yaml.safe_load((DEPLOY / "alertmanager.yaml").read_text())
    configuration["route"] |= {"group_wait": "2s", "group_interval": "1s", **intervals}
    configuration["time_intervals"][0]["time_intervals"] = [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
    for each in configuration["receivers"]:
        each["webhook_configs"] = [{"url": it.url.replace("/hook", f"/{each['name']}"), "send_resolved": False}]
    return configuration


async def _sent(folder: Path, *alerts: tuple[str, str | None]) -> dict[str, list[list[str]]]:
    """Raise alerts at once, and return per receiver the names of alerts in each message that came."""
    raised = [
        {"labels": {"alertname": name, **RULES[name], **({"destination": to} if to else {})}} for name, to in alerts
    ]
    async with receiver() as it, alertmanager(folder, _configuration(it)) as manager:
        await manager.call("/api/v2/alerts", raised)
        await asyncio.wait_for(it.arrived.wait(), 60)

        await manager.call("/api/v2/alerts", [{"labels": {"alertname": LAST, "turn": "nobody"}}])

        async def last() -> bool:
            return any(LAST.encode() in got.body for got in it.got)

        await until(last, "the alert that was raised last")
    found: dict[str, list[list[str]]] = {}
    for got in it.got:
        names = sorted(alert["labels"]["alertname"] for alert in orjson.loads(got.body)["alerts"])
        if names != [LAST]:
            found.setdefault(got.target.strip("/"), []).append(names)
    return found


async def test_one_incident_is_one_page(tmp_path: Path) -> None:
    """The planner stops: five alerts follow, and one page says the first."""
    sent = await _sent(
        tmp_path,
        ("OsrHubUnplanned", None),
        ("OsrHubUnpublished", None),
        ("OsrHubUndelivered", "duo:rio"),
        ("OsrHubUndelivered", "duo:bron-po"),
        ("OsrHubObjectiveBurning", "duo:rio"),
        ("OsrHubSlow", "duo:rio"),
    )
    assert sent == {"page": [["OsrHubUnplanned"]]}


async def test_a_las_that_is_down_wakes_nobody(tmp_path: Path) -> None:
    """Its supplier is warned once, and what follows from it is left unsaid."""
    las = "las:00000099000000001000"
    sent = await _sent(
        tmp_path,
        ("OsrHubLasDown", las),
        ("OsrHubCircuitOpen", las),
        ("OsrHubObjectiveMissed", las),
    )
    assert sent == {"supplier": [["OsrHubLasDown"]]}


async def test_a_las_that_is_down_beyond_its_objective_is_a_page(tmp_path: Path) -> None:
    """Then it is critical, and no warning goes beside it."""
    las = "las:00000099000000001000"
    sent = await _sent(tmp_path, ("OsrHubLasDown", las), ("OsrHubUndeliveredForDays", las))
    assert sent == {"page": [["OsrHubUndeliveredForDays"]]}
