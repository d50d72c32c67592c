"""Messages are written in one piece; each is what the encoder of the published language makes of its attributes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.kinds import OF_MANDATES
from hub.envelopes import (
    ChangeSubject,
    LogRow,
    MessageRow,
    StatusChange,
    change_data,
    delivery_change,
    envelope_defaults,
    forwarded_message,
    mandate_event,
)
from schemas.cloudevents import encode, write_sequence
from schemas.identifiers import parse_oin

HUB: Final = envelope_defaults(parse_oin("00000099000000009000"), 'https://hub.example/"a"', 7)
AT: Final = datetime(2026, 11, 23, 9, 0, 0, 123456, UTC)
IDS: Final = st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))
TEXTS: Final = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
NUMBERS: Final = st.integers(1, 2**40)
NASTY: Final = TEXTS | st.sampled_from(
    [',"branches":[', '],"copiedFrom":', '\\",\\"branches\\":[', '"],"copiedFrom":"', "\\"]
)
ROUTES: Final = st.lists(st.fixed_dictionaries({"branch": st.just("18DS01"), "routingId": st.none() | st.just("1")}))
WRITTEN: Final[st.SearchStrategy[dict[str, object]]] = st.fixed_dictionaries(
    {"mandateId": TEXTS, "systemName": NASTY, "branches": ROUTES, "copiedFrom": st.none() | NASTY},
    optional={"restTold": st.booleans()},
)
"""As the register writes it."""
ODD: Final[st.SearchStrategy[dict[str, object]]] = st.fixed_dictionaries(
    {"restTold": st.none(), "branches": st.just([]), "systemName": NASTY}
)
DATA: Final = (WRITTEN | ODD).map(lambda data: orjson.dumps(data).decode())


def common(document: str, kind: str, identifier: UUID) -> dict[str, object]:
    """Give the attributes of every message about 18DS."""
    return {
        "specversion": "1.0",
        "id": str(identifier),
        "source": "urn:nld:oin:00000099000000009000:systeem:osr-hub",
        "type": kind,
        "subject": "0000000700018DS00000",
        "time": "2026-11-23T09:00:00.123Z",
        "datacontenttype": "application/json",
        "dataschema": f'https://hub.example/"a"/v1/schemas/{document}.v1.json',
        "partitionkey": "18DS",
    }


LOG_ROWS: Final = st.builds(
    LogRow,
    id=IDS,
    brin=st.just("18DS"),
    number=NUMBERS,
    kind=st.sampled_from(OF_MANDATES),
    recorded_at=st.just(AT),
    mandate_id=IDS,
    body=DATA,
    traceparent=st.none() | TEXTS,
    previous=st.none() | st.integers(0, 9),
)
MESSAGE_ROWS: Final = st.builds(
    MessageRow,
    id=IDS,
    brin=st.just("18DS"),
    sequence=NUMBERS,
    branch=TEXTS | st.just(""),
    kind=st.sampled_from(OF_MANDATES),
    replay_of=st.none() | IDS,
    event_id=IDS,
    mandate_id=IDS,
    recorded_at=st.just(AT),
    units=st.just(""),
    body=DATA,
    traceparent=st.none() | TEXTS,
)


@given(LOG_ROWS, NUMBERS)
def test_an_event_of_the_log_is_what_the_encoder_writes(row: LogRow, position: int) -> None:
    """The log's event has each attribute in the order of the published language, and the body as it was stored."""
    attributes = {
        "sequence": write_sequence(row.number),
        "previoussequence": None if row.previous is None else write_sequence(row.previous),
        "position": write_sequence(position),
        "correlationid": str(row.mandate_id),
        "traceparent": row.traceparent,
    }
    about = common("mandate-change", f"nl.osr.mandate.{row.kind.value}.v1", row.id)
    assert mandate_event(row, HUB, position) == encode({**about, **attributes}, orjson.Fragment(row.body))


@given(MESSAGE_ROWS, st.integers(0, 9), st.none() | TEXTS)
def test_a_forwarded_message_is_what_the_encoder_writes(row: MessageRow, previous: int, routing: str | None) -> None:
    """A message about a unit has each attribute in its order, and the event's data narrowed to the unit."""
    told = row._replace(units=orjson.dumps([{"branch": row.branch, "routing": routing, "covers": ["18DS00"]}]).decode())
    attributes = {
        "sequence": write_sequence(row.sequence),
        "previoussequence": write_sequence(previous) if previous else None,
        "correlationid": str(row.mandate_id),
        "causationid": str(row.event_id),
        "branch": row.branch or None,
        "routingid": routing,
        "replayof": str(row.replay_of) if row.replay_of else None,
        "ledgerepoch": 7,
        "traceparent": row.traceparent,
    }
    about = common("mandate-change", f"nl.osr.mandate.{row.kind.value}.v1", row.id)
    data = {**orjson.loads(row.body), "branches": [{"branch": "18DS00", "routingId": routing}]}
    data.pop("restTold", None)
    assert forwarded_message(told, previous, HUB) == encode({**about, **attributes}, data)


@given(IDS, TEXTS, st.none() | TEXTS)
def test_a_change_of_a_delivery_is_what_the_encoder_writes(identifier: UUID, name: str, reason: str | None) -> None:
    """A change of a delivery has each attribute in its order, whatever its texts hold; its id is computed."""
    subject = ChangeSubject(
        delivery_id=identifier,
        event_id=identifier,
        destination=name,
        branch="",
        mandate_id=identifier,
        mandate_version=3,
    )
    change = StatusChange(1, "18DS", 4, "waiting", "dead", "2026-11-23T09:00:00.123Z", reason)
    written = delivery_change(change, subject, HUB)
    own = UUID(orjson.loads(written)["id"])
    attributes = {"correlationid": str(identifier), "causationid": str(identifier)}
    about = common("delivery-change", "nl.osr.delivery.changed.v1", own)
    assert written == encode({**about, **attributes}, change_data(change, subject))
    assert delivery_change(change, subject, HUB) == written
