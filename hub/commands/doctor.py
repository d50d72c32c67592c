"""`osr-hub doctor`: check this installation. Exit code 1 when something is wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import asyncpg
import typer
from aiokafka.errors import KafkaError

from hub.clock import now
from hub.commands.output import print_line
from hub.domain.cause import Cause
from hub.domain.says import explain
from hub.errors import ConfigurationError, LogIsAhead
from hub.kafka.topics import missing_topics
from hub.observe.lag import LagReader
from hub.operations import keys
from hub.recovery import compare
from hub.settings import load
from hub.store import observe
from hub.store.migrations import current_revision, newest_revision
from hub.store.pool import DATABASE_ERRORS, prefer_index_lookups
from schemas.topics import MANDATES, Broker, topics_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from hub.observe.lag import Lag
    from hub.settings import Kafka, Settings
    from hub.store.keys import Sealed

CONNECT_TIMEOUT_SECONDS: Final = 5.0
MAX_SKEW_SECONDS: Final = 2.0
UNREACHABLE: Final = (KafkaError, *DATABASE_ERRORS)
ROLES: Final = {
    "produce": "osr-produce",
    "plan": "osr-consume plan",
    "forward": "osr-consume forward",
    "reports": "osr-consume reports",
}
app = typer.Typer()


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    what: str
    is_well: bool
    words: str


@app.command()
def doctor() -> None:
    """Check settings, database, Kafka, processes and destinations."""
    findings = asyncio.run(_findings())
    for each in findings:
        print_line(f"{'well ' if each.is_well else 'WRONG'}  {each.what}: {each.words}")
    if not all(each.is_well for each in findings):
        raise typer.Exit(1)


async def _findings() -> list[Finding]:
    try:
        settings = load()
    except ConfigurationError as fault:
        return [Finding("settings", is_well=False, words=str(fault))]
    findings = list(_settings(settings))
    findings += [each async for each in _database(settings)]
    findings += [
        await _kafka("Kafka", settings.kafka, Broker.OURS),
        await _kafka("DUO's Kafka", settings.duo_kafka, Broker.DUO),
        await _published_log(settings),
    ]
    return findings


def _settings(settings: Settings) -> Iterator[Finding]:
    needed: dict[str, Callable[[], object]] = {
        "this hub's OIN": lambda: settings.oin,
        "tokens": settings.check_tokens,
        "sealing keys": lambda: settings.sealing_keys,
    }
    for what, check in needed.items():
        try:
            check()
        except ConfigurationError as fault:
            yield Finding(what, is_well=False, words=str(fault))
        else:
            yield Finding(what, is_well=True, words="set")


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    try:
        c = await asyncpg.connect(settings.database.url, timeout=CONNECT_TIMEOUT_SECONDS)
    except (*DATABASE_ERRORS, ConfigurationError) as error:
        yield Finding("database", is_well=False, words=f"it does not answer: {error or type(error).__name__}")
        return
    try:
        schema, clock, newest = await current_revision(c), await observe.database_clock(c), newest_revision()
        fits = schema == newest
        words = f"schema {schema}" if fits else f"schema {schema}, this code needs {newest}: run `osr-hub migrate`"
        yield Finding("database", is_well=fits, words=words)
        skew = abs((now() - clock).total_seconds())
        words = f"{skew:.1f} s between this machine and the database"
        yield Finding("clocks", is_well=skew < MAX_SKEW_SECONDS, words=words)
        if fits:
            await prefer_index_lookups(c)
            for each in _processes(await LagReader().read(c, now())):
                yield each
            if settings.secrets.keys:
                yield _sealed(*await keys.count_outdated(c, settings.secrets.keys))
    finally:
        await c.close()


def _sealed(older: int, closed: Sequence[Sealed]) -> Finding:
    if closed:
        owners = ", ".join(sorted({each.owner for each in closed}))
        words = f"no key opens {len(closed)} of them, of {owners}: put the key that sealed them back"
        return Finding("sealed secrets", is_well=False, words=words)
    words = f"{older} need an older key: `osr-hub keys reseal`" if older else "all under the newest key"
    return Finding("sealed secrets", is_well=True, words=words)


def _processes(lag: Lag) -> Iterator[Finding]:
    for role, command in ROLES.items():
        n = lag.processes.get(role, 0)
        yield Finding(role, is_well=n > 0, words=f"{n} at work" if n else f"none is at work; start `{command}`")
    for each in lag.destinations:
        is_well = each.cause in {Cause.NONE, Cause.BACK_OFFICE} and not each.standing.dead
        yield Finding(each.destination.name, is_well=is_well, words=explain(each.cause, each.standing))
    words = f"{lag.parked} wait for a decision: `osr-hub parked list`" if lag.parked else "none"
    yield Finding("parked records", is_well=not lag.parked, words=words)


async def _kafka(what: str, kafka: Kafka, broker: Broker) -> Finding:
    try:
        options = kafka.client_options()
        servers = ",".join(options["bootstrap_servers"])
        missing = await missing_topics(servers, topics_on(broker), options=options)
    except ConfigurationError as fault:
        return Finding(what, is_well=False, words=str(fault))
    except (KafkaError, OSError, TimeoutError) as error:
        return Finding(what, is_well=False, words=f"it does not answer: {error or type(error).__name__}")
    if missing:
        return Finding(what, is_well=False, words=f"without {', '.join(missing)}: run `osr-hub topics`")
    return Finding(what, is_well=True, words="answers, with all topics")


async def _published_log(settings: Settings) -> Finding:
    what = "published log"
    try:
        c = await asyncpg.connect(settings.database.url, timeout=CONNECT_TIMEOUT_SECONDS)
        try:
            (await compare(c, settings.kafka.client_options(), MANDATES.name)).raise_if_ahead()
        finally:
            await c.close()
    except LogIsAhead as fault:
        return Finding(what, is_well=False, words=f"{fault.detail}; {fault.next_step}")
    except (*UNREACHABLE, ConfigurationError) as error:
        return Finding(what, is_well=False, words=f"it cannot be compared: {error or type(error).__name__}")
    return Finding(what, is_well=True, words="the database has all that is on it")
