"""Commands on services and systems, with a real broker: what they add, list and print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient

from hub.kafka.topics import ensure_topics
from hub.store import register
from schemas.topics import service_queue
from tests.support.api.school_calls import ONE, fill_register
from tests.support.servers.commands import osr_hub, read

if TYPE_CHECKING:
    from hub.store.pool import Connection

WORDS: Final = ("--shown-as", "ROD vo", "--kind", "duo", "--reason", "begins in May")


async def test_a_service_is_added_with_its_topic_and_its_acl(database: str, connection: Connection, kafka: str) -> None:
    """The topic has the table's shape; what to permit is printed; a second time is refused; it is listed."""
    await fill_register(connection)
    code = f"X{database.rpartition('/')[2][-8:].upper()}".replace("_", "-")
    topic = f"duo.{code.lower()}.v1"
    settings = {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka}
    try:
        ended, said, failed = await osr_hub(database, "services", "add", code, *WORDS, **settings)
        assert (ended, failed) == (0, "")
        assert f"topic {topic} is there" in said
        assert said.count("kafka-acls.sh") == 2
        assert await ensure_topics(kafka, [service_queue(topic, "ROD vo")]) == await _nothing_to_do(kafka)
        refused = await osr_hub(database, "services", "add", code, *WORDS, **settings)
        assert (refused[0], "is in the register already" in refused[2]) == (2, True)
    finally:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.delete_topics([topic])
        await admin.close()
    row = await connection.fetchrow("select actor, reason from audit where action = 'service.added'")
    assert row is not None
    assert tuple(row) == ("osr-hub command line", "begins in May")
    listed = (await read(database, "services", "list"))["items"]
    assert [each["topic"] for each in listed if each["serviceCode"] == code] == [topic]


async def _nothing_to_do(kafka: str) -> object:
    return await ensure_topics(kafka, [])


async def test_a_service_without_a_broker_is_added_and_says_what_is_left(database: str, connection: Connection) -> None:
    """The row is there, the exit code says that something is to be done; a rename changes what people read."""
    await fill_register(connection)
    ended, said, failed = await osr_hub(database, "services", "add", "ROD_VO", *WORDS)
    assert (ended, "duo:rod-vo" in said, "osr-hub topics" in failed) == (1, True, True)
    assert (await osr_hub(database, "services", "change", "ROD_VO", "--shown-as", "ROD VO", "--reason", "x"))[0] == 0
    found = {each.code: each for each in await register.services(connection)}
    assert (found["ROD_VO"].shown_as, found["ROD_VO"].version) == ("ROD VO", 2)
    assert (await osr_hub(database, "services", "change", "GEEN", "--shown-as", "x", "--reason", "x"))[0] == 2
    assert (await osr_hub(database, "services", "add", "rod", *WORDS))[0] == 2


async def test_systems_are_listed_with_their_codes(database: str, connection: Connection) -> None:
    """All of them as a table and as the API answers it, and one with its contact."""
    await fill_register(connection)
    listed = (await read(database, "systems", "list"))["items"]
    assert [(each["systemCode"], each["systemName"]) for each in listed] == [(ONE, "Een"), (ONE[:-4] + "2000", "Ander")]
    code, said, _ = await osr_hub(database, "systems", "show", ONE)
    assert (code, '"contact"' in said) == (0, True)
    assert (await osr_hub(database, "systems", "show", "geen"))[0] == 2
