"""The same job by others: the same bodies to the same receiver, signed the same way, in order per school.

The ceiling keeps nothing; the other two are what a team would begin with. None of them has a ledger, retries in order,
a circuit, or an answer to "has it been processed".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.bench.figures import Figure, rate
from tests.bench.resources import cpu, read_usage
from tests.bench.rivals import task_per_message
from tests.bench.world import inversions
from tests.support.receivers.raw_http import MESSAGE
from tests.support.register.schools import numbered_brin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.bench.world import World

    Load = Callable[[], Awaitable[object]]

PARTITIONS: Final = 12
SCHOOLS: Final = 3000
EACH: Final = 10
FEW_SCHOOLS: Final = 600
FEW_EACH: Final = 5
DATABASE: Final = "rival"


async def bare_own_client(world: World) -> list[Figure]:
    """Bare aiokafka and the hub's own HTTP client."""
    return await _by_kafka(world, "bare", "own", schools=SCHOOLS, each=EACH)


async def bare_pyreqwest(world: World) -> list[Figure]:
    """Bare aiokafka and pyreqwest."""
    return await _by_kafka(world, "bare", "pyreqwest", schools=SCHOOLS, each=EACH)


async def one_by_one(world: World) -> list[Figure]:
    """FastStream, one message at a time."""
    return await _by_kafka(world, "one_by_one", schools=FEW_SCHOOLS, each=FEW_EACH)


async def task_queue(world: World) -> list[Figure]:
    """Run procrastinate with a task per message."""
    dsn = f"{world.stack.connection['databaseDsn'].rpartition('/')[0]}/{DATABASE}"
    await world.admin.execute(f"drop database if exists {DATABASE} with (force)")
    await world.admin.execute(f"create database {DATABASE} owner osr_hub")
    await task_per_message.prepare(dsn)
    url = f"{world.sink}/ok/task"
    warm_up = [(brin, body.decode()) for brin, body in await _bodies(world, 10, 1)]
    await task_per_message.defer(dsn, warm_up)
    await world.start("rival", "-m", "tests.bench.rivals.task_per_message", dsn, url)
    await world.until_arrived(10)
    made = [(brin, body.decode()) for brin, body in await _bodies(world, FEW_SCHOOLS, FEW_EACH)]
    return await _measure(world, lambda: task_per_message.defer(dsn, made), len(made))


async def _by_kafka(world: World, module: str, *words: str, schools: int, each: int) -> list[Figure]:
    topic = f"bench.{module}{''.join(words)}"
    options = {
        "bootstrap_servers": world.stack.connection["kafkaBootstrapServers"],
        **world.stack.kafka_security,
    }
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    await admin.create_topics([NewTopic(name=topic, num_partitions=PARTITIONS, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        for brin, body in await _bodies(world, 10, 1):
            await producer.send_and_wait(topic, body, brin.encode())
        await world.start("rival", "-m", f"tests.bench.rivals.{module}", topic, f"{world.sink}/ok/rival", *words)
        await world.until_arrived(10)
        made = await _bodies(world, schools, each)

        async def load() -> None:
            for brin, body in made:
                await producer.send(topic, body, brin.encode())
            await producer.flush()

        return await _measure(world, load, len(made))
    finally:
        await producer.stop()


async def _measure(world: World, load: Load, n: int) -> list[Figure]:
    before = await read_usage(world, with_fsyncs=False)
    began, wall = time.monotonic(), time.time()
    await load()
    loaded = time.monotonic() - began
    got = await world.until_arrived(n)
    took = max(one.at for one in got) - wall
    after = await read_usage(world, with_fsyncs=False)
    spent = {name: used - before.cpu.get(name, 0.0) for name, used in after.cpu.items()}
    return [
        rate("messages taken", n / took),
        Figure(what="loaded in", value=loaded, unit="s"),
        cpu("CPU s per 1,000", sum(spent.values()) / n * 1000),
        cpu("CPU s per 1,000: itself", spent["rival"] / n * 1000),
        Figure(what="inversions", value=inversions(got), unit="", better="lower"),
    ]


async def _bodies(world: World, schools: int, each: int) -> list[tuple[str, bytes]]:
    """Return bodies as the hub sent one, for schools and numbers of their own."""
    sample = await world.sample()
    found = MESSAGE.search(sample)
    assert found is not None
    start, end = sample[: found.start()], sample[found.end() :]
    return [
        (brin, start + b'"partitionkey":"%s","sequence":"%020d"' % (brin.encode(), number + 1) + end)
        for number in range(each)
        for brin in map(numbered_brin, range(schools))
    ]
