"""A reader of a queue to start from, for DUO: aiokafka, SQLite.

It reads a queue, handles each message once and only when it is newer than what is held, and reports on duo.reports.v1.
Settings: OSR_KAFKA (host:port,…), OSR_QUEUE (duo.rio.v1), OSR_GROUP, OSR_STATE (the SQLite file), OSR_SOURCE (a URN of
the reader); with TLS OSR_CAFILE, OSR_CERTFILE and OSR_KEYFILE; with a password OSR_USERNAME and OSR_PASSWORD.
"""

import asyncio
import json
import os
import signal
import sqlite3
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import TopicPartition

REPORTS = "duo.reports.v1"
SOURCE = os.environ.get("OSR_SOURCE", "urn:nld:oin:00000000000000000000:systeem:duo-reader")
HEADERS = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
TABLES = """
pragma journal_mode = wal; pragma synchronous = full;
create table if not exists messages (id text primary key, result text);
create table if not exists units (id text, branch text, version int, type text, data text, primary key (id, branch));
"""


def security() -> dict[str, Any]:
    """Return the options for TLS and for a password, as the environment has them."""
    env, found = os.environ, {"security_protocol": "PLAINTEXT"}
    if "OSR_CAFILE" in env:
        files = (env["OSR_CAFILE"], env.get("OSR_CERTFILE"), env.get("OSR_KEYFILE"))
        context = create_ssl_context(cafile=files[0], certfile=files[1], keyfile=files[2])
        found = {"security_protocol": "SSL", "ssl_context": context}
    if "OSR_USERNAME" in env:
        found["security_protocol"] = "SASL_SSL" if "OSR_CAFILE" in env else "SASL_PLAINTEXT"
        found |= {"sasl_mechanism": env.get("OSR_MECHANISM", "PLAIN"), "sasl_plain_username": env["OSR_USERNAME"]}
        found |= {"sasl_plain_password": env["OSR_PASSWORD"]}
    return found


def handle(state: sqlite3.Connection, event: dict[str, Any]) -> str:
    """Handle a message once, and return its result; a repeat has the result of the first time.

    Only the version counts, not the order of arrival: after a replay or a restore the current state comes again, under
    a new id, and an older version never replaces a newer one.
    """
    found = state.execute("select result from messages where id = ?", (event["id"],)).fetchone()
    if found:
        return found[0]
    data, branch = event["data"], event.get("branch", "")
    with state:
        sql = """insert into units values (?, ?, ?, ?, ?) on conflict do update set version = excluded.version,
            type = excluded.type, data = excluded.data where excluded.version > version"""
        state.execute(sql, (data["mandateId"], branch, data["mandateVersion"], event["type"], json.dumps(data)))
        state.execute("insert into messages values (?, ?)", (event["id"], "processed"))
    return "processed"


def write_report(event: dict[str, Any], result: str) -> bytes:
    """Write the report on a message; its id is computed, so that a repeat is known as one."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    report = {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE_URL, f"{SOURCE}/{event['id']}/{result}")),
        "source": SOURCE,
        "type": "nl.osr.report.v1",
        "time": now,
        "datacontenttype": "application/json",
        "partitionkey": event["partitionkey"],
        "data": {"deliveryId": event["id"], "status": result, "signals": [], "reportedAt": now},
    }
    return json.dumps(report).encode()


async def read(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, state: sqlite3.Connection) -> None:
    """Handle, report, and only then commit: whatever dies in between makes a repeat, never a loss."""
    async for record in consumer:
        event = json.loads(record.value)
        if event["type"].startswith("nl.osr.mandate."):
            result = handle(state, event)
            await producer.send_and_wait(REPORTS, write_report(event, result), key=record.key, headers=HEADERS)
            print(f"{event['partitionkey']} {event['sequence']} {event['type']} {result}", flush=True)
        await consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1})


async def main() -> None:
    """Read until told to stop."""
    servers, options = os.environ["OSR_KAFKA"].split(","), security()
    state = sqlite3.connect(os.environ.get("OSR_STATE", "duo-reader.sqlite"))
    state.executescript(TABLES)
    consumer = AIOKafkaConsumer(
        os.environ["OSR_QUEUE"],
        bootstrap_servers=servers,
        group_id=os.environ.get("OSR_GROUP", "duo-reader"),
        auto_offset_reset="earliest",  # a topic that was made anew is read from its start, not skipped
        enable_auto_commit=False,
        metadata_max_age_ms=3000,
        **options,
    )
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True, acks="all", **options)
    async with consumer, producer:
        reading = asyncio.create_task(read(consumer, producer, state))
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, reading.cancel)
        await asyncio.wait([reading])
    if not reading.cancelled():
        reading.result()


if __name__ == "__main__":
    asyncio.run(main())
