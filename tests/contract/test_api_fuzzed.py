"""The API is what its description says: thousands of requests made from it, right and wrong, find no other answer.

Schemathesis makes them, with a fixed seed, against the API served over HTTP on a register in which things happened.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.populated_api import EVERYTHING, serve_populated_api
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply

if TYPE_CHECKING:
    from hub.store.pool import Pool
    from tests.support.api.populated_api import PopulatedApi

pytestmark = pytest.mark.proof
PATIENCE = 900
PARAMETERS = {
    "path.brin": "brin", "query.brin": "brin", "body.brin": "brin", "body.brins[*]": "brin",
    "path.branch": "branch", "query.branch": "branch", "body.branches[*].branch": "branch",
    "path.bgeCode": "bge_code", "query.bgeCode": "bge_code", "query.schoolOin": "school_oin",
    "query.serviceCode": "service_code", "body.serviceCode": "service_code", "body.services[*]": "service_code",
    "query.supplierOin": "supplier_oin", "body.supplierOin": "supplier_oin", "body.url": "url",
    "body.types[*]": "types",
    "path.mandateId": "mandate_id", "query.mandateId": "mandate_id", "body.units[*].mandateId": "mandate_id",
    "path.deliveryId": "delivery_id", "query.eventId": "event_id", "path.subscriptionId": "subscription_id",
    "path.parkedId": "parked_id", "query.destination": "destination", "path.serviceCode": "service_code",
    "query.after": "brin",
    "path.name": "name", "query.types": "types",
}  # fmt: skip


CHECKS = """
[checks]
# Whether a request of the right form is granted depends on what is there: a cursor of another list, a service that the
# system does not offer, an older version. Each such case has a test of its own.
positive_data_acceptance.enabled = false
# Only If-Match on PATCH is required, and its absence has a status of its own.
missing_required_header.expected-statuses = [400, 401, 403, 404, 428]
"""


def write_config(folder: Path, hub: PopulatedApi) -> Path:
    """Let generated requests name what is there, most of the time."""
    lines = [f"[dictionaries.{name}]\nvalues = {values!r}\n" for name, values in hub.names.items()]
    lines.append("[parameters]")
    lines += [f'"{place}" = {{ dictionary = "{name}", probability = 0.7 }}' for place, name in PARAMETERS.items()]
    path = folder / "schemathesis.toml"
    path.write_text("\n".join(lines) + "\n" + CHECKS)
    return path


async def run(hub: PopulatedApi, role: str, config: Path, *arguments: str) -> tuple[int, str]:
    """Run schemathesis as a caller of this role, and return its exit code and all it said."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("st"), "--config-file", str(config), "run", f"{hub.url}/v1/openapi.json",
        "--header", f"Authorization: Bearer {hub.tokens[role]}", "--no-color", "--seed", "1",
        "--generation-database", "none", *arguments,
        stdout=PIPE, stderr=STDOUT, cwd=config.parent,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def consents(got: ReceivedRequest) -> bytes:
    """Consent to whoever asks, and take everything."""
    return reply(200, webhook_allowed_origin=got.headers["webhook-request-origin"], webhook_allowed_rate="120")


@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        (EVERYTHING, ("--phases", "examples,coverage")),
        (EVERYTHING, ("--phases", "stateful", "--max-examples", "20")),
        *((role, ("--phases", "fuzzing", "--max-examples", "3")) for role in Role),
    ],
    ids=["each_form_of_each_field", "one_call_after_another", *Role],
)
async def test_no_answer_is_a_failure_or_unheard_of(
    pool: Pool, tmp_path: Path, role: str, arguments: tuple[str, ...]
) -> None:
    """No 500, no status, header or body that the description does not have, and nothing taken that it forbids."""
    async with receiver(consents) as las, serve_populated_api(pool, tmp_path, las.url) as hub:
        code, said = await run(hub, role, write_config(tmp_path, hub), *arguments)

    assert code == 0, said
    print(f"\n{next(line for line in said.splitlines() if ' generated, ' in line).strip()} as {role}")
