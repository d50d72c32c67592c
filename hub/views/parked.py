"""The body of a parked record. In: a record that could not be used. Out: what it holds, and why it is parked."""

from base64 import b64encode
from typing import Literal

from hub.store.operations import Parked, ParkedState
from hub.views.models import CamelModel, Moment

Fault = Literal["unparsable", "schema", "unknown_school", "unknown_delivery", "future"]


class ParkedBody(CamelModel):
    """A record that was put aside; its bytes as long as they are kept, and never in lists."""

    id: str
    topic: str
    partition: int
    offset: int
    reason: Fault
    blame: Literal["sender", "hub"]
    detail: str
    received_at: Moment
    bytes_base64: str | None
    state: ParkedState


def show_parked(parked: Parked) -> ParkedBody:
    """Return the body of a parked record with all its bytes."""
    body = show_listed(parked)
    return body.model_copy(update={"bytes_base64": None if parked.bytes is None else b64encode(parked.bytes).decode()})


def show_listed(parked: Parked) -> ParkedBody:
    """Return the body of a parked record in a list, where bytes are left out."""
    return ParkedBody(
        id=str(parked.id),
        topic=parked.topic,
        partition=parked.partition,
        offset=parked.offset,
        reason=parked.reason,
        blame=parked.blame,
        detail=parked.detail,
        received_at=parked.received_at,
        bytes_base64=None,
        state=parked.state,
    )
