"""The envelope as a checked model: what the published schemas are made from, and what tests hold real bytes to.

The hot path does not pass here: `schemas.cloudevents` writes and reads without building models.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.identifiers import BranchField, BrinField, RoutingIdField, SchoolOinField
from schemas.kinds import EventType
from schemas.messages import DeliveryChange, MandateChange, Report, SubscriptionNotice

Data = TypeVar("Data")

Sequence = Annotated[str, Field(pattern=r"^[0-9]{20}$")]
DeliveryId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Traceparent = Annotated[str, Field(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")]
MandateEventType = Literal[
    EventType.GRANTED,
    EventType.AMENDED,
    EventType.WITHDRAWN,
    EventType.STARTED,
    EventType.EXPIRED,
]


class CloudEvent(BaseModel, Generic[Data]):
    """A CloudEvents 1.0 event with the attributes that the hub uses; others are allowed and ignored."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)]
    """Together with the source unique; the same on every repeat."""
    source: Annotated[str, Field(min_length=1)]
    """Who says this, as a URN with the OIN of the hub that wrote it."""
    type: Annotated[str, Field(min_length=1)]
    subject: str | None = None
    """The school OIN of the school concerned."""
    time: AwareDatetime | None = None
    """When the change was recorded, not when it takes effect."""
    datacontenttype: str | None = None
    dataschema: str | None = None
    partitionkey: str | None = None
    """The BRIN of the school concerned; the key of the record on Kafka."""
    sequence: str | None = None
    """A number as 20 digits; what it counts is said by the topic."""
    position: str | None = None
    """The place in the published log as a whole, as 20 digits."""
    previoussequence: str | None = None
    correlationid: str | None = None
    """The id of the mandate that it is about."""
    causationid: str | None = None
    """The id of the event that this one follows from."""
    branch: str | None = None
    routingid: str | None = None
    replayof: str | None = None
    ledgerepoch: int | None = None
    traceparent: str | None = None
    data: Data


class PublishedEvent(CloudEvent[Data], Generic[Data]):
    """An event that the hub writes: every attribute of the NL GOV profile that it promises is there."""

    source: Annotated[str, Field(pattern=r"^urn:nld:oin:[0-9]{8}[0-9A-Z]{12}:systeem:osr-hub$")]
    """The hub, by its OIN."""
    subject: SchoolOinField
    time: AwareDatetime
    """When the hub recorded the change, not when it takes effect; UTC, in milliseconds."""
    datacontenttype: Literal["application/json"]
    dataschema: str
    partitionkey: BrinField


class MandateEvent(PublishedEvent[MandateChange]):
    """A mandate change on the published log; `sequence` is the school's own number, contiguous from 1."""

    type: MandateEventType
    sequence: Sequence
    """The school's own number, contiguous from 1."""
    previoussequence: Sequence | None = None
    """The last number before it that was kept, 0 for none; only where the log was filled again after others went."""
    position: Sequence | None = None
    """The place in the log as a whole, over all schools: the order of `GET /v1/events`."""
    correlationid: str
    """The id of the mandate."""


class ForwardedMessage(PublishedEvent[MandateChange]):
    """A mandate change narrowed to one unit: the record in a DUO queue and the body of a webhook."""

    type: MandateEventType
    id: DeliveryId
    """The delivery's id, the same on every repeat; drop repeats by it."""
    sequence: Sequence
    """The number in the lane (destination, school)."""
    previoussequence: Sequence | None = None
    """The highest earlier number that was or will be sent; absent on a lane's first message."""
    correlationid: str
    """The id of the mandate."""
    causationid: str
    """The id of the event that this message narrows."""
    branch: BranchField | None = None
    """Present when the unit is a branch with a routing characteristic."""
    routingid: RoutingIdField | None = None
    """Present when the unit has a routing characteristic."""
    replayof: DeliveryId | None = None
    """The delivery that this one stands in for, on a replay."""
    ledgerepoch: Annotated[int, Field(ge=1)]
    """Rises when the hub was restored from a backup."""
    traceparent: Traceparent | None = None


class DeliveryEvent(PublishedEvent[DeliveryChange]):
    """The end of transport or of processing of one delivery, on the published log."""

    type: Literal[EventType.DELIVERY_CHANGED]
    correlationid: str
    """The id of the mandate."""
    causationid: str
    """The id of the event that the delivery carries."""


class ReportEvent(CloudEvent[Report]):
    """What a receiver did with a delivery, as it writes it: the attributes that CloudEvents requires are enough."""

    type: Literal[EventType.REPORT]


class NoticeEvent(CloudEvent[SubscriptionNotice]):
    """A notice about a subscription: the body of a POST to its `noticeUrl`, signed like a webhook."""

    id: DeliveryId
    """The same on every repeat."""
    type: Literal[EventType.SUBSCRIPTION_NOTICE]
    subject: str
    """The id of the subscription."""
    time: AwareDatetime
    """When the notice was written."""
    datacontenttype: Literal["application/json"]
    dataschema: str
