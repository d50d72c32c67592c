"""What the image is made of is listed, audited, and pinned to its digest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.supply import images
from tests.support.supply.audit import UNREACHABLE, audit, read_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;]+)", re.MULTILINE)
DIGEST = "sha256:" + "ab" * 32


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve on loopback; gives the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class Osv(BaseHTTPRequestHandler):
    """A database in which one package is vulnerable."""

    def do_POST(self) -> None:
        """Answer a query on one package."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name, version = asked["package"]["name"], asked.get("version")
        fault: dict[str, Any] = {
            "id": "PYSEC-2026-1",
            "summary": "invented",
            "details": "invented",
            "affected": [
                {
                    "package": {"name": name, "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
                    "versions": [version],
                }
            ],
        }
        self._say({"vulns": [fault]} if name == "orjson" else {})

    def _say(self, body: object) -> None:
        written = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class Registry(Osv):
    """A registry that wants a token, as Docker Hub does, and knows one digest."""

    server: ThreadingHTTPServer

    def do_HEAD(self) -> None:
        """Answer for a manifest."""
        address = f"http://127.0.0.1:{self.server.server_port}"
        is_known = self.headers.get("authorization") == "Bearer told"
        self.send_response(200 if is_known else 401)
        if is_known:
            self.send_header("docker-content-digest", DIGEST)
        else:
            scope = f"repository:{self.path.split('/')[2]}:pull"
            self.send_header("www-authenticate", f'Bearer realm="{address}/token",service="here",scope="{scope}"')
        self.end_headers()

    def do_GET(self) -> None:
        """Give a token to whoever asks."""
        self._say({"token": "told"})


def test_the_list_of_the_image_has_each_pin_in_its_version(tmp_path: Path) -> None:
    """As `make sbom` makes it: all that the image installs, as the lock pins it, and no more."""
    written = tmp_path / "sbom.json"
    command: list[str | Path] = [
        Path(sys.executable).with_name("cyclonedx-py"), "requirements", "--pyproject", "pyproject.toml",
        "--mc-type", "application", "--output-format", "JSON", "--output-file", written, "deploy/requirements.txt",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    listed = json.loads(written.read_text())
    components = {each["name"]: each["version"] for each in listed["components"]}
    locked = dict(PIN.findall((ROOT / "constraints.txt").read_text()))

    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["name"] == "osr-hub"
    assert components == dict(PIN.findall((ROOT / "deploy" / "requirements.txt").read_text()))
    assert components.items() <= locked.items()
    assert not {"pip-audit", "cyclonedx-bom", "pytest"} & components.keys()


def test_a_known_vulnerability_is_named_with_the_version_that_mends_it(tmp_path: Path) -> None:
    """The real tool on real pins, and a database of the test's own."""
    pins = tmp_path / "pins.txt"
    pins.write_text("".join(f"{name}==1.0 --hash=sha256:{'0' * 64}\n" for name in ("orjson", "asyncpg")))
    with answering(Osv) as port:
        found = audit(pins, ["--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{port}/v1/query"])
    assert found.vulnerable == ("orjson 1.0: PYSEC-2026-1, mended in 99",)
    assert found.lines[-1] == "2 pins audited, 1 vulnerabilities"


def test_a_database_that_cannot_be_reached_is_no_failure_and_is_told() -> None:
    """Nothing looks as if all were well: it says that nothing was audited."""
    skipped = read_report(json.dumps({"dependencies": [{"name": "orjson", "skip_reason": "not found"}]}))
    assert (skipped.audited, skipped.vulnerable, skipped.lines) == (0, (), [UNREACHABLE])


def test_a_tool_that_fails_is_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    """No answer at all is told in the same way."""
    (tmp_path / "pins.txt").write_text(f"orjson==1.0 --hash=sha256:{'0' * 64}\n")
    options = ["--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:1/v1/query"]
    assert audit(tmp_path / "pins.txt", options).lines == [UNREACHABLE]


def test_a_tag_that_floats_is_named_and_pinned_by_its_registry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The digest stands behind the tag, and is renewed when it is asked for again."""
    with answering(Registry) as port:
        text = f"# images\nPYTHON_IMAGE=127.0.0.1:{port}/python:3.11-slim\n"
        pinned = images.pin(text, scheme="http")
        assert pinned == text.replace("slim", f"slim@{DIGEST}")
        assert images.pin(pinned.replace("ab", "cd"), scheme="http") == pinned
    (tmp_path / "loose.env").write_text(text)
    (tmp_path / "pinned.env").write_text(pinned)
    assert images.main([str(tmp_path / "loose.env")]) == 1
    assert "make images" in capsys.readouterr().err
    assert images.main([str(tmp_path / "pinned.env")]) == 0
