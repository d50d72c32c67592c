"""A client that nobody wrote: one that is generated from the description has types that hold, and works.

The generator is installed beside this project, pinned by hash: it needs an older Typer than the hub has.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from hub.access import Role
from tests.support.api.populated_api import serve_populated_api
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply

if TYPE_CHECKING:
    from hub.store.pool import Pool

pytestmark = pytest.mark.proof
PINS = Path(__file__).parents[1] / "data" / "openapi-python-client.txt"
CONFIGURATION = "post_hooks: []\ncontent_type_overrides:\n  application/x-ndjson: text/plain\n"
PROGRAM = """
import datetime, json, sys
from osr_hub_client import AuthenticatedClient
from osr_hub_client.api.mandates import list_mandates, patch_mandate, post_mandate
from osr_hub_client.api.reconciliation import get_snapshot, post_reconciliation
from osr_hub_client.models import (
    BranchRequest, MandateBody, MandatePatch, MandateRequest, Problem, ReconciliationBody, ReconciliationRequest,
)

def client(role: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=sys.argv[1], token=json.loads(sys.argv[2])[role])

school = client("OSR-toegang")
before = list_mandates.sync(client=school, brin="18DS")
assert before is not None and not isinstance(before, Problem)
known: list[MandateBody] = before.items
made = post_mandate.sync(
    client=school, body=MandateRequest(brin="18DS", service_code="VVA", supplier_oin="00000099000000002000"))
assert isinstance(made, MandateBody), made
again = post_mandate.sync(client=school, body=MandateRequest(brin="18DS", service_code="NOTHING", supplier_oin="x"))
assert isinstance(again, Problem) and again.errors
fields: list[str] = sorted(each.field for each in again.errors)
end = datetime.date.today() + datetime.timedelta(days=30)
changed = patch_mandate.sync(made.id, client=school, body=MandatePatch(end_date=end), if_match='"1"')
assert isinstance(changed, MandateBody) and changed.end_date == end
found = post_reconciliation.sync(
    client=client("duo"), body=ReconciliationRequest(service_code="RIO", brins=["18DS"], units=[]))
assert isinstance(found, ReconciliationBody)
snapshot = get_snapshot.sync("RIO", client=client("duo"))
assert isinstance(snapshot, str)
lines = [json.loads(line)["kind"] for line in snapshot.splitlines()]
print(json.dumps({"known": len(known), "fields": fields, "version": changed.version, "missing": len(found.missing),
                  "lines": lines}))
"""


async def run(folder: Path, *arguments: str | Path) -> str:
    """Run a module of Python with what was installed into a folder, and return what it said."""
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'parts'}:{folder / 'made'}", "PYTHONWARNINGS": "ignore"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=PIPE, stderr=STDOUT, cwd=folder, env=environment
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    return said


async def generate(folder: Path, description: bytes) -> None:
    """Install the generator and make a client of a description; nothing of it may be left out."""
    (folder / "openapi.json").write_bytes(description)
    (folder / "config.yaml").write_text(CONFIGURATION)
    (folder / "made").mkdir()
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps", "--require-hashes")
    await run(folder, *pip, "--target", folder / "parts", "-r", PINS)
    said = await run(
        folder, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none",
        "--output-path", "made/osr_hub_client", "--config", "config.yaml", "--fail-on-warning",
    )  # fmt: skip
    assert "WARNING" not in said, said
    (folder / "made" / "osr_hub_client" / "py.typed").touch()  # a generated package has it; bare modules do not


def consents(got: ReceivedRequest) -> bytes:
    """Consent to whoever asks, and take everything."""
    return reply(200, webhook_allowed_origin=got.headers["webhook-request-origin"])


async def test_a_generated_client_has_types_that_hold_and_works(pool: Pool, tmp_path: Path) -> None:
    """Made from `/v1/openapi.json` without a warning, checked strictly by mypy, and run against the real API."""
    async with receiver(consents) as las, serve_populated_api(pool, tmp_path, las.url) as api:
        description = await read(api.url)
        await generate(tmp_path, description)
        (tmp_path / "program.py").write_text(PROGRAM)
        await run(tmp_path, "-m", "mypy", "--strict", "--follow-imports=silent", "program.py")
        tokens = {role: api.tokens[role] for role in map(str, Role)}
        said = await run(tmp_path, "program.py", f"{api.url}/v1", orjson.dumps(tokens).decode())
    assert orjson.loads(said) == {
        "known": 2, "fields": ["/serviceCode", "/supplierOin"], "version": 2, "missing": 2,
        "lines": ["begin", "school", "end"],
    }  # fmt: skip


async def read(url: str) -> bytes:
    """Fetch the description, as anybody may."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys, urllib.request as r; sys.stdout.buffer.write(r.urlopen(sys.argv[1]).read())",
        f"{url}/v1/openapi.json", stdout=PIPE,
    )  # fmt: skip
    return (await process.communicate())[0]
