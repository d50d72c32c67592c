"""Fetches Apache Kafka from Maven Central, as a process of its own. In: an empty folder. Out: its jars, unchecked.

`python -m hub.embedded.fetch FOLDER` exits with 1 and one line that says why when that fails. Mirrors in jgo's own
settings are used. A connection that breaks halfway is tried again; one that never opens is not.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

VERSION: Final = "4.4.0"
ENDPOINT: Final = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36@kafka.Kafka"
TRIES: Final = 3


def fetch(folder: Path) -> str | None:
    """Resolve the jars and put them into the folder; return why that is not possible, or None."""
    import requests  # noqa: PLC0415 - jgo's own client; loaded only by the process that fetches

    for tries_left in reversed(range(TRIES)):
        work = Path(tempfile.mkdtemp(prefix=".jgo-", dir=folder.parent))
        try:
            for jar in _resolve(work):
                jar.rename(folder / jar.name)
        except (OSError, RuntimeError, ValueError, requests.RequestException) as error:
            if not tries_left or next(work.rglob("*.jar"), None) is None:
                return _reason(error)
        else:
            return None
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return None


def _resolve(work: Path) -> list[Path]:
    from jgo.config import GlobalSettings  # noqa: PLC0415 - loaded only by the process that fetches
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
    from jgo.env import EnvironmentBuilder, LinkStrategy  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    repositories = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    context = MavenContext(repo_cache=work / "repository", remote_repos=repositories)
    builder = EnvironmentBuilder(context=context, cache_dir=work / "cache", link_strategy=LinkStrategy.COPY)
    return list(Path(builder.from_endpoint(ENDPOINT).path).rglob("*.jar"))


def _reason(error: Exception) -> str:
    if isinstance(error, RuntimeError | ValueError):
        return (str(error).splitlines() or [type(error).__name__])[0]
    return type(error).__name__


if __name__ == "__main__":
    sys.exit(fetch(Path(sys.argv[1])))
