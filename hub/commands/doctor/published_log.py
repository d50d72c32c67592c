"""Checks that the published log holds nothing that the database lacks, as after a restored backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from hub.commands.doctor.finding import Finding, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.kafka.reach import find_fault
from hub.recovery import compare
from schemas.topics import MANDATES

if TYPE_CHECKING:
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return one finding; `LogIsAhead` is one too."""
    what, options = "published log", settings.kafka.client_options()
    try:
        async with open_current(settings) as c:
            (await compare(c, options, MANDATES.name)).raise_if_ahead()
    except (KafkaError, OSError) as error:
        return [wrong(what, f"it cannot be compared: {await find_fault(options, error, [MANDATES.name])}")]
    return [well(what, "the database has all that is on it")]
