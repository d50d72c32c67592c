"""Every parameter of every call at its extremes, taken from the description: 400 that names it, never a failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.contract.test_api_design_rules import SAMPLES, calls
from tests.support.api.school_calls import ONE

if TYPE_CHECKING:
    from tests.support.api.client import Client

EXTREMES = (
    "%00", "a%00b", "%ED%A0%80", "%FF%FE", "%F0%9F%98%80", "", "%20", "%0A", "%1B[31m", "%E2%80%AE", "a" * 5000,
    "0", "-1", "1e400", "NaN", "9" * 400, str(2**63), str(-(2**63) - 1), "null", "true", "'%22;--", "../..", "%25",
    "0001-01-01", "9999-12-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-infinity", "infinity", "2026-02-30",
    "2026-11-23T10:00:00", "10000-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
REQUIRED = {
    "branch": "18DS00",
    "serviceCode": "VVA",
    "brin": "18DS",
    "schoolOin": "0000000700018DS00000",
    "supplierOin": ONE,
}
DATES = {
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "-infinity",
    "infinity",
    "2026-02-30",
}


@pytest.fixture
def described(hub: Client) -> dict[str, Any]:
    """Read the description."""
    found: dict[str, Any] = hub.app.openapi()  # type: ignore[attr-defined]  # the application is FastAPI's
    return found


def others(call: dict[str, Any], but: str) -> str:
    """Return the parameters that a call needs besides one."""
    needed = [p for p in call["parameters"] if p["in"] == "query" and p.get("required") and p["name"] != but]
    return "".join(f"&{each['name']}={REQUIRED[each['name']]}" for each in needed)


async def test_no_parameter_is_a_failure_at_its_extremes(hub: Client, described: dict[str, Any]) -> None:
    """In the query 200, 404 or a 400 that names the parameter; a day or moment outside the century is always 400."""
    everybody = hub.as_everybody(brins=["18DS"], oin=ONE)
    for method, path, call in calls(described):
        for each in call["parameters"]:
            if each["in"] != "query" or method != "GET":
                continue
            name = each["name"]
            for value in EXTREMES:
                reply = await everybody.call(method, f"{path}?{name}={value}{others(call, name)}")
                where = (path, name, value, reply.body[:300])
                assert reply.status in {200, 400, 404}, where
                if reply.status == 400:
                    assert {e["field"].split("/")[1] for e in reply.json["errors"]} == {name}, where
                is_date = "date" in str(each["schema"])
                assert reply.status == 400 or "%00" not in value, where
                assert reply.status == 400 or not (is_date and value in DATES), where


async def test_no_path_or_header_is_a_failure_at_its_extremes(hub: Client, described: dict[str, Any]) -> None:
    """What no path or header can be is the caller's mistake."""
    everybody = hub.as_everybody(brins=["18DS"], oin=ONE)
    for template, methods in described["paths"].items():
        for parameter in re.findall(r"\{(\w+)\}", template):
            fixed = re.sub(
                r"\{(\w+)\}", lambda m: SAMPLES.get(m[1], "0" * 8), template.replace(f"{{{parameter}}}", "#")
            )
            for method in methods:
                for value in EXTREMES:
                    path = "/v1" + fixed.replace("#", value or quote(" "))
                    reply = await everybody.call(
                        method.upper(), path, {} if method in {"post", "put", "patch"} else None
                    )
                    assert reply.status < 500, (method, path, reply.body[:300])
    for value in ("é", "\x7f", '"' + "9" * 400 + '"', "*, *", "a" * 5000):
        for method, path, call in calls(described):
            names = {p["name"] for p in call["parameters"] if p["in"] == "header"}
            for name in names:
                sent: dict[str, Any] | None = {} if method in {"POST", "PUT", "PATCH"} else None
                reply = await everybody.call(method, path, sent, headers={name: value})
                assert reply.status < 500, (method, path, name, reply.body[:300])
