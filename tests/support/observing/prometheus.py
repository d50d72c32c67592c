"""Prometheus and its Alertmanager for tests, each on a port and in a folder of its own, and the alerts made hasty.

In: what to scrape, rules, a folder. Out: which alerts fire, what a query returns, what Alertmanager sent.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import yaml
from pyreqwest.client import Client, ClientBuilder

from tests.support.servers.ports import free_port
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

DEPLOY: Final = Path(__file__).parents[3] / "deploy"
SHORT: Final = "20s"
WINDOW: Final = re.compile(r"\[\d+[mhd]\]")
OFFSET: Final = re.compile(r"offset \d+[mhd]")
AGE: Final = re.compile(r"> (?:300|14 \* 86400)\b")


def hasty_rules() -> dict[str, Any]:
    """Return the alerts as they are deployed, but at once: no `for`, windows of seconds, ages of a second."""
    rules: dict[str, Any] = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
            expression = WINDOW.sub(f"[{SHORT}]", rule["expr"])
            rule["expr"] = AGE.sub("> 1", OFFSET.sub(f"offset {SHORT}", expression))
    return rules


@dataclass(frozen=True, slots=True)
class Monitoring:
    """A server of Prometheus, or its Alertmanager, by its address."""

    address: str
    client: Client

    async def call(self, path: str, body: object = None, **query: str) -> Any:
        """Call its API; return what it says."""
        request = self.client.get(self.address + path) if body is None else self.client.post(self.address + path)
        if body is not None:
            request = request.header("content-type", "application/json").body_bytes(orjson.dumps(body))
        response = await request.query(query).build().send()
        said = bytes(await response.bytes())
        assert response.status == 200, said
        return orjson.loads(said) if said else None

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression now."""
        said = await self.call("/api/v1/query", query=expression)
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    async def firing(self) -> set[str]:
        """Return the names of alerts that fire."""
        said = await self.call("/api/v1/alerts")
        return {each["labels"]["alertname"] for each in said["data"]["alerts"] if each["state"] == "firing"}


@asynccontextmanager
async def prometheus(folder: Path, target: str, rules: Mapping[str, Any]) -> AsyncIterator[Monitoring]:
    """Run a Prometheus that scrapes a target (host and port) each half second, with these rules."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(dict(rules)))
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "osr-hub", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    words = (
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    async with _server("prometheus", port, *words) as it:
        yield it


@asynccontextmanager
async def alertmanager(folder: Path, configuration: Mapping[str, Any]) -> AsyncIterator[Monitoring]:
    """Run an Alertmanager."""
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(dict(configuration)))
    port = free_port()
    words = (
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    async with _server("prometheus-alertmanager", port, *words) as it:
        yield it


@asynccontextmanager
async def _server(program: str, port: int, *words: str) -> AsyncIterator[Monitoring]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(program, *words, stdout=quiet, stderr=quiet)
    try:
        async with ClientBuilder().timeout(timedelta(seconds=10)).no_proxy().build() as client:
            it = Monitoring(f"http://127.0.0.1:{port}", client)

            async def ready() -> bool:
                assert process.returncode is None, f"{program} ended with {process.returncode}"
                try:
                    response = await client.get(f"{it.address}/-/ready").build().send()
                except Exception:  # noqa: BLE001 - it does not listen yet
                    return False
                return bool(response.status == 200)

            await until(ready, f"{program} is ready")
            yield it
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run_tool(*words: str) -> str:
    """Run promtool or amtool, which must succeed; return what it said."""
    process = await asyncio.create_subprocess_exec(
        *words, cwd=DEPLOY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


def alert_names() -> Sequence[str]:
    """Return the names of all alerts."""
    return [rule["alert"] for group in hasty_rules()["groups"] for rule in group["rules"]]
