"""The whole stack. In: options. Out: every process running and answering, `connection.json`, and a clean end.

Servers start first, side by side; the schema follows when PostgreSQL answers, the topics each time Kafka does; then
everything else.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import structlog
from aiokafka.errors import KafkaError

from hub.clock import now
from hub.embedded.archive import find_kafka
from hub.embedded.connection import StackConnection
from hub.embedded.kafka import KafkaAccess
from hub.embedded.keys import StackSecrets
from hub.embedded.options import (
    DATABASE,
    DUO_KAFKA,
    KAFKA,
    LAS_OIN,
    PREFIX,
    SERVERS,
    StackOptions,
    check_http_host,
    choose_http_port,
    process_settings,
)
from hub.embedded.paths import DataDir, cache_dir, check_space, hold_lock, naming_the_folder
from hub.embedded.ports import LOOPBACK
from hub.embedded.postgres import EmbeddedPostgres, find_postgres
from hub.embedded.readiness import HeartbeatProbe
from hub.embedded.services import hub_programs, las_url, simulator_programs
from hub.embedded.supervisor import Supervisor
from hub.embedded.tokens import DevelopmentTokens, keep_fresh
from hub.errors import EmbeddedUnavailable, HubError
from hub.kafka.reach import find_fault
from hub.kafka.topics import create_missing, ensure_topics
from hub.operations.services import find_topics
from hub.settings import Kafka, Settings, load
from hub.store.migrations import migrate
from hub.store.reasons import in_words
from hub.store.waiting import check_addresses
from schemas.topics import Broker, topics_on

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from hub.embedded.kafka import EmbeddedKafka
    from hub.embedded.program import Program

log = structlog.get_logger(__name__)


class Stack:
    """One stack in one data folder; `start` it, or use it as a context."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self.data = DataDir(options.data_dir.absolute())
        self._locks = ExitStack()
        self._supervisor: Supervisor | None = None
        self._heartbeats: HeartbeatProbe | None = None
        self._connection: StackConnection | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._is_announced = False
        self._is_migrated = False

    @property
    def connection(self) -> dict[str, Any]:
        """The content of `connection.json` now."""
        if self._connection is None or self._supervisor is None:
            message = "the stack does not run"
            raise RuntimeError(message)
        return self._connection.as_json(self._supervisor.pids)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything and return when all of it answers; raise `EmbeddedUnavailable` when it cannot."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End everything, what depends on others first, within 10 seconds."""
        self._is_announced = False
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
            self._renewal = None
        if self._connection is not None:
            self.data.connection.unlink(missing_ok=True)
        if self._heartbeats is not None:
            self._heartbeats.close()
            self._heartbeats = None
        if self._supervisor is not None:
            await self._supervisor.stop()
            self._supervisor = None
        self._locks.close()

    async def _start(self) -> None:
        with naming_the_folder(self.data):
            self._locks.enter_context(hold_lock(self.data))
            self.data.connection.unlink(missing_ok=True)
            if self._options.fresh:
                self.data.clear()
            self.data.create()
            check_space(self.data)
            keys = StackSecrets.load_or_create(self.data)
        check_http_host(self._options.caller.get(f"{PREFIX}HTTP__HOST", LOOPBACK))
        port = choose_http_port(self._options, self._locks)
        servers, named = await self._find_servers(keys)
        names = process_settings(self._options, self.data, keys, named, port)
        settings = load(names, dotenv=Path(os.devnull))
        self._connection = self._describe(settings, names, keys)
        await self._prepare_named(settings)
        self._supervisor = Supervisor(
            self._table(settings, names, keys, servers), logs=self.data.logs, changed=self._announce_again
        )
        await self._supervisor.start()
        self._is_announced = True
        self._announce_again()
        self._renewal = asyncio.create_task(keep_fresh(self._tokens, self._publish))

    async def _find_servers(self, keys: StackSecrets) -> tuple[list[EmbeddedPostgres | EmbeddedKafka], dict[str, str]]:
        """Return the servers that the stack runs itself, and the settings that name them."""
        servers: list[EmbeddedPostgres | EmbeddedKafka] = []
        named: dict[str, str] = {}
        if self._options.database is None:
            postgres = find_postgres(
                self.data, port=keys.postgres_port, admin_password=keys.admin_password, password=keys.password
            )
            servers.append(postgres)
            named[f"{DATABASE}DSN"] = postgres.dsn
        if self._options.kafka is None:
            access = KafkaAccess(password=keys.kafka_password, controller_password=keys.kafka_controller_password)
            kafka = await find_kafka(self.data, keys, cache_dir(), access=access)
            servers.append(kafka)
            for group in (KAFKA, *([DUO_KAFKA] if self._options.duo_kafka is None else [])):
                named |= {f"{group}{name}": value for name, value in kafka.client_settings().items()}
        return servers, named

    def _describe(self, settings: Settings, names: Mapping[str, str], keys: StackSecrets) -> StackConnection:
        """Describe how the stack is reached, with the first tokens of this run."""
        settings.check_tokens()
        self._tokens = DevelopmentTokens(self.data, settings.auth.audience, with_las=self._options.with_simulators)
        simulators = {"las": {"oin": LAS_OIN, "url": las_url(keys)}} if self._options.with_simulators else {}
        return StackConnection(settings=settings, names=names, tokens=self._tokens.issue(now()), simulators=simulators)

    def _table(
        self,
        settings: Settings,
        names: Mapping[str, str],
        keys: StackSecrets,
        servers: list[EmbeddedPostgres | EmbeddedKafka],
    ) -> list[Program]:
        first = [self._server_program(server, settings) for server in servers]
        depends_on = tuple(program.name for program in first)
        self._heartbeats = HeartbeatProbe(settings.direct_dsn)
        table = [*first, *hub_programs(settings, names, self._heartbeats, depends_on)]
        if self._options.with_simulators:
            table += simulator_programs(settings, names, self.data, keys, depends_on)
        return table

    def _server_program(self, server: EmbeddedPostgres | EmbeddedKafka, settings: Settings) -> Program:
        if isinstance(server, EmbeddedPostgres):

            async def migrate_once() -> None:
                if not self._is_migrated:
                    await migrate(settings.direct_dsn)
                    self._is_migrated = True

            return server.program(on_ready=migrate_once)
        is_duos_too = self._options.duo_kafka is None

        async def create_topics() -> None:
            added = await find_topics(settings, Broker.DUO) if is_duos_too else ()
            topics = [*topics_on(Broker.OURS), *added]
            await create_missing(server.bootstrap, topics, options=server.client_options())

        return server.program(on_ready=create_topics, maintain=create_topics)

    async def _prepare_named(self, settings: Settings) -> None:
        """Create the schema and the topics on servers that the caller named."""
        if self._options.database is not None:
            try:
                with in_words():
                    await check_addresses(settings.database, needs_session=True)
                    await migrate(settings.direct_dsn)
            except HubError as fault:
                raise EmbeddedUnavailable(f"the database of {DATABASE}DSN cannot be used: {fault}") from fault
        for broker, own, kafka, group in (
            (Broker.OURS, self._options.kafka is None, settings.kafka, KAFKA),
            (
                Broker.DUO,
                self._options.kafka is None and self._options.duo_kafka is None,
                settings.duo_kafka,
                DUO_KAFKA,
            ),
        ):
            if own:
                continue
            await _prepare_topics(kafka, broker, group)

    def _publish(self, tokens: Mapping[str, str]) -> None:
        if self._connection is not None:
            self._connection = replace(self._connection, tokens=tokens)
            self._announce_again()

    def _announce_again(self) -> None:
        if self._is_announced and self._connection is not None and self._supervisor is not None:
            self._connection.write(self.data.connection, self._supervisor.pids)


async def _prepare_topics(kafka: Kafka, broker: Broker, group: str) -> None:
    """Create missing topics on a Kafka that the caller named, and log what differs."""
    options = kafka.client_options()
    try:
        found = await ensure_topics(",".join(options["bootstrap_servers"]), topics_on(broker), options=options)
    except (KafkaError, OSError) as error:
        words = await find_fault(options, error)
        raise EmbeddedUnavailable(f"the Kafka of {group}{SERVERS} cannot be used: {words}") from error
    for difference in found.differences:
        log.warning("topics.differ", difference=difference, next="osr-hub topics, or as it says")
