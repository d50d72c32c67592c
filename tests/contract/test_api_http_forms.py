"""HTTP as others speak it: HEAD, headers on several lines, compressed bodies, unknown parameters, addresses."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from hub.errors import ConfigurationError
from hub.settings import load
from tests.contract.test_api_design_rules import calls
from tests.support.api.client import ADDRESS
from tests.support.api.school_calls import ONE, mandate_request

if TYPE_CHECKING:
    from tests.support.api.client import Client, Reply

EVERYBODY: dict[str, Any] = {"brins": ["18DS"], "oin": ONE}


@pytest.fixture
def described(hub: Client) -> dict[str, Any]:
    """Read the description."""
    found: dict[str, Any] = hub.app.openapi()  # type: ignore[attr-defined]  # the application is FastAPI's
    return found


async def test_head_answers_wherever_get_does(hub: Client, described: dict[str, Any]) -> None:
    """The same status and headers and no body, at calls, pages and what watches over the hub; elsewhere 405."""
    everybody = hub.as_everybody(**EVERYBODY)
    paths = [(path, method == "GET") for method, path, _ in calls(described)]
    paths += [(path, True) for path in ("/health/live", "/health/ready", "/console/login", "/problems", "/v1/nothing")]
    reads = {path for path, is_read in paths if is_read}
    for path in dict.fromkeys(path for path, _ in paths):
        got, head = await everybody.call("GET", path), await everybody.call("HEAD", path)
        assert (head.status, head.body) == (got.status if path in reads else 405, b""), path
        assert head.headers.get("content-length") == got.headers.get("content-length"), path
        assert head.headers["api-version"] == "1.0.0"
    assert (await everybody.call("TRACE", "/v1/keys")).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["text/html", "application/json"], 200),
        (["text/html", "image/*"], 406),
        (["", "text/html"], 406),
        (["application/json;q=0", "*/*;q=0.1"], 200),
    ],
)
async def test_accept_on_several_lines_is_one_list(school: Client, lines: list[str], status: int) -> None:
    """What stands on the second line counts like what stands on the first."""
    assert (await school.get("/v1/schools", repeated=[("accept", line) for line in lines])).status == status


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "GZIP"])
async def test_a_compressed_body_is_refused_in_words(hub: Client, described: dict[str, Any], coding: str) -> None:
    """415 that says how to send it, at every call that takes a body, and at pages; `identity` changes nothing."""
    everybody = hub.as_everybody(**EVERYBODY)
    headers = {"Content-Encoding": coding}
    for method, path, call in calls(described):
        if "requestBody" in call:
            reply = await everybody.call(method, path, gzip.compress(b"{}"), headers=headers)
            assert (reply.status, reply.json["code"]) == (415, "unsupported_encoding"), path
            assert reply.headers["accept-encoding"] == "identity"
    assert (await hub.post("/console/login", gzip.compress(b"token=x"), headers=headers)).status == 415
    plain = await everybody.post("/v1/mandates", mandate_request(), headers={"Content-Encoding": "identity"})
    assert plain.status == 201


async def test_an_unknown_parameter_is_named_at_every_call(hub: Client, described: dict[str, Any]) -> None:
    """400 with each of them; a known one given twice is named too, where it is no list."""
    everybody = hub.as_everybody(**EVERYBODY)
    for method, path, call in calls(described):
        reply = await everybody.call(method, f"{path}?brinn=18DS&Limit=1&brinn=x")
        assert [(e["in"], e["field"], e["code"]) for e in reply.json["errors"]] == [
            ("query", "/brinn", "unknown_parameter"), ("query", "/Limit", "unknown_parameter"),
        ], (method, path)  # fmt: skip
        for each in call["parameters"]:
            if each["in"] == "query" and each["schema"].get("type") != "array":
                reply = await everybody.call(method, f"{path}?{each['name']}=1&{each['name']}=2")
                assert (reply.status, reply.json["code"]) == (400, "repeated_parameter"), (method, path, each)
    assert (await hub.get("/v1/openapi.json?format=yaml")).json["code"] == "unknown_parameter"
    assert (await everybody.get("/v1/deliveries?status=waiting&status=dead")).status == 200


def named(reply: Reply) -> tuple[int, int, int]:
    """Return the status, how many errors are named, and how many more there are."""
    return reply.status, len(reply.json["errors"]), reply.json["moreErrors"]


async def test_a_hundred_errors_are_named_and_the_rest_is_counted(hub: Client) -> None:
    """Wrong units, unknown names, NUL in every text: the answer stays small, whatever the body held."""
    las = hub.as_caller(Role.LAS, oin=ONE)
    wrong = await las.post("/v1/reconciliation", {"serviceCode": "VVA", "units": [{}] * 100_000})
    unknown = await las.post("/v1/reconciliation", {f"k{n}": 1 for n in range(30_000)})
    nul = await las.post("/v1/reconciliation", {"serviceCode": "VVA", "units": [{"branch": "\0"}] * 9_000})
    many = await las.post("/v1/reconciliation", {"serviceCode": "VVA", "units": [1] * 100_001})

    assert named(wrong) == (400, 100, 100)
    assert wrong.json["detail"] == ("200 fields are wrong; the first 100 are named; 99900 more items were not checked")
    assert wrong.json["errors"][99]["field"] == "/units/49/mandateVersion"
    assert named(unknown) == (400, 100, 29_900)
    assert {(e["field"], e["code"]) for e in nul.json["errors"]} == {
        (f"/units/{n}/branch", "nul_character") for n in range(100)
    }
    assert nul.json["detail"] == "100 fields are wrong; 8900 more items were not checked"
    assert [e["code"] for e in many.json["errors"]] == ["too_long"]
    assert max(len(reply.body) for reply in (wrong, unknown, nul, many)) < 20_000


async def test_what_is_made_has_a_whole_address(school: Client) -> None:
    """`Location` begins with the public address, so that it can be followed as it is."""
    made = await school.post("/v1/mandates", mandate_request())

    assert made.headers["location"] == f"{ADDRESS}/v1/mandates/{made.json['id']}"


@pytest.mark.parametrize(
    "address", ["https://schools.example/osr", "https://schools.example/?a=1", "https://a.example#b"]
)
def test_an_address_with_a_path_stops_the_start(address: str) -> None:
    """Pages and links are at the root of their host, so the hub asks for a host name of its own."""
    with pytest.raises(ConfigurationError, match=r"HTTP__PUBLIC_URL.*a host name of its own"):
        load({"OSR_HUB_HTTP__PUBLIC_URL": address})
    assert load({"OSR_HUB_HTTP__PUBLIC_URL": "https://osr.example/"}).http.address == "https://osr.example"
