"""The whole stack. In: a wish. Out: every process running and answering, `connection.json`, and a clean end.

Servers first, side by side; the schema when Postgres answers, the topics each time Kafka does; then everything else.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import structlog

from hub.access import Caller, Role, ensure_keyfile, issue
from hub.clock import now
from hub.embedded.archive import find_kafka
from hub.embedded.connection import StackConnection
from hub.embedded.keys import StackSecrets, development_keyfile
from hub.embedded.options import DATABASE, DUO_KAFKA, KAFKA, LAS_OIN, SERVERS, StackOptions, process_settings
from hub.embedded.paths import DataDir, cache_dir, hold_lock, write_private
from hub.embedded.postgres import EmbeddedPostgres, find_postgres
from hub.embedded.readiness import HeartbeatProbe
from hub.embedded.services import hub_programs, las_token_file, las_url, simulator_programs
from hub.embedded.supervisor import Supervisor
from hub.kafka.topics import create_missing, ensure_topics
from hub.settings import Settings, load
from hub.store.migrations import migrate
from schemas.identifiers import Oin, parse_oin
from schemas.topics import Broker, topics_on

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from hub.embedded.kafka import EmbeddedKafka
    from hub.embedded.program import Program

TOKEN_LIFETIME: Final = timedelta(days=3650)
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
        self._is_announced = False
        self._is_migrated = False

    @property
    def connection(self) -> dict[str, Any]:
        """What `connection.json` says now."""
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
        """Start everything and return when all of it answers; `EmbeddedUnavailable` says why it cannot."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End everything, what depends on others first, within 10 seconds."""
        self._is_announced = False
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
        self._locks.enter_context(hold_lock(self.data))
        self.data.connection.unlink(missing_ok=True)
        if self._options.fresh:
            self.data.clear()
        self.data.make()
        keys = StackSecrets.load_or_create(self.data)
        servers, names = await self._find_servers(keys)
        settings = load(names, dotenv=Path(os.devnull))
        self._connection = self._describe(settings, names, keys)
        await self._prepare_named(settings)
        self._supervisor = Supervisor(
            self._table(settings, names, keys, servers), logs=self.data.logs, changed=self._announce_again
        )
        await self._supervisor.start()
        self._is_announced = True
        self._announce_again()

    async def _find_servers(self, keys: StackSecrets) -> tuple[list[EmbeddedPostgres | EmbeddedKafka], dict[str, str]]:
        """Return the servers that the stack runs itself, and the settings of everything else."""
        servers: list[EmbeddedPostgres | EmbeddedKafka] = []
        named: dict[str, str] = {}
        if self._options.database is None:
            postgres = find_postgres(
                self.data, port=keys.postgres_port, admin_password=keys.admin_password, password=keys.password
            )
            servers.append(postgres)
            named[f"{DATABASE}DSN"] = postgres.dsn
        if self._options.kafka is None:
            kafka = await find_kafka(self.data, keys, cache_dir())
            servers.append(kafka)
            named[f"{KAFKA}{SERVERS}"] = kafka.bootstrap
            if self._options.duo_kafka is None:
                named[f"{DUO_KAFKA}{SERVERS}"] = kafka.bootstrap
        return servers, process_settings(self._options, self.data, keys, named)

    def _describe(self, settings: Settings, names: Mapping[str, str], keys: StackSecrets) -> StackConnection:
        """Make the tokens and say how the stack is reached."""
        settings.check_tokens()
        path, moment, audience = development_keyfile(self.data), now(), settings.auth.audience

        def token(role: Role, *oins: Oin) -> str:
            caller = Caller(subject=f"development {role}", roles=frozenset({role}), oins=frozenset(oins))
            return issue(path, caller, now=moment, lifetime=TOKEN_LIFETIME, audience=audience)

        ensure_keyfile(path)
        simulators: dict[str, dict[str, str]] = {}
        if self._options.with_simulators:
            write_private(las_token_file(self.data), token(Role.LAS, parse_oin(LAS_OIN)))
            simulators["las"] = {"oin": LAS_OIN, "url": las_url(keys)}
        tokens = {"operations": token(Role.OPERATIONS), "duo": token(Role.DUO)}
        return StackConnection(settings=settings, names=names, tokens=tokens, simulators=simulators)

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

            async def bring_to_newest() -> None:
                if not self._is_migrated:
                    await migrate(settings.direct_dsn)
                    self._is_migrated = True

            return server.program(on_ready=bring_to_newest)
        is_duos_too = self._options.duo_kafka is None
        topics = [*topics_on(Broker.OURS), *(topics_on(Broker.DUO) if is_duos_too else ())]

        async def have_topics() -> None:
            await create_missing(server.bootstrap, topics)

        return server.program(on_ready=have_topics, maintain=have_topics)

    async def _prepare_named(self, settings: Settings) -> None:
        """Bring servers that the caller named to what the hub needs."""
        if self._options.database is not None:
            await migrate(settings.direct_dsn)
        for broker, own, kafka in (
            (Broker.OURS, self._options.kafka is None, settings.kafka),
            (Broker.DUO, self._options.kafka is None and self._options.duo_kafka is None, settings.duo_kafka),
        ):
            if not own:
                found = await ensure_topics(
                    ",".join(kafka.bootstrap_servers or ()), topics_on(broker), options=kafka.client_options()
                )
                for difference in found.differences:
                    log.warning(
                        "topics.differ", says=difference, next="a person decides; osr-hub topics shows it again"
                    )

    def _announce_again(self) -> None:
        if self._is_announced and self._connection is not None and self._supervisor is not None:
            self._connection.write(self.data.connection, self._supervisor.pids)
