"""The topics on a broker against the published table."""

from __future__ import annotations

import uuid
from dataclasses import replace

from hub.kafka.topics import ensure_topics
from schemas.topics import DELIVERIES, MANDATES


async def test_missing_topics_are_made_and_differences_are_said(kafka: str) -> None:
    """Missing topics are created, existing ones left alone, and differences reported."""
    mark = uuid.uuid4().hex
    mandates, deliveries = (replace(topic, name=f"{topic.name}.{mark}") for topic in (MANDATES, DELIVERIES))
    made = await ensure_topics(kafka, [mandates])
    again = await ensure_topics(kafka, [mandates, deliveries])
    assert (made.created, made.differences) == ((mandates.name,), ())
    assert (again.created, again.differences) == ((deliveries.name,), ())
    changed = await ensure_topics(kafka, [replace(mandates, partitions=6, retention_ms=1000), deliveries])
    assert changed.created == ()
    assert changed.differences == (
        f"{mandates.name} has 12 partitions, the table says 6",
        f"{mandates.name} has retention.ms=-1, the table says 1000",
    )
