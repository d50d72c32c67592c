"""What brokers tell of themselves: the time, and the room on their disks. In: a broker. Out: facts; nothing is written.

The time is that at which the leader of the metadata quorum answers, which it reports of itself as a replica. A broker
may not know these questions, or not answer them to this client: then a fact is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from hub.clock import now

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_MS: Final = 10_000
METADATA_TOPIC: Final = "__cluster_metadata"
_REPLICAS: Final = CompactArray(
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_timestamp", Int64),
    ("last_caught_up_timestamp", Int64),
    ("tags", TaggedFields),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerDisk:
    """A folder of a broker's data, and the bytes of its disk: all of them, and those that are free."""

    node: int
    folder: str
    total: int
    usable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFacts:
    """For how many seconds the broker's clock is ahead of this machine's (None: not told), and its disks."""

    ahead_seconds: float | None
    disks: tuple[BrokerDisk, ...]


async def read_broker_facts(options: Mapping[str, Any]) -> BrokerFacts:
    """Ask a broker; raise aiokafka's `KafkaError`. `options` are aiokafka's connection settings."""
    client = AIOKafkaClient(**{"request_timeout_ms": REQUEST_MS, **options})
    try:
        await client.bootstrap()
        return BrokerFacts(ahead_seconds=await _ahead(client), disks=await _disks(client))
    finally:
        await client.close()


async def _ahead(client: AIOKafkaClient) -> float | None:
    asked = now()
    answer = await _send(client, client.get_random_node(), DescribeQuorumRequest())
    answered = now()
    for _topic, partitions, _tags in answer.topics if answer is not None else ():
        for _index, code, leader, _epoch, _mark, voters, *_ in partitions:
            told = [told for replica, _end, told, *_ in voters if replica == leader and told > 0]
            if not code and told:
                return (datetime.fromtimestamp(told[0] / 1000, UTC) - (asked + (answered - asked) / 2)).total_seconds()
    return None


async def _disks(client: AIOKafkaClient) -> tuple[BrokerDisk, ...]:
    found: list[BrokerDisk] = []
    for broker in client.cluster.brokers():
        answer = await _send(client, broker.nodeId, DescribeLogDirsRequest())
        for code, folder, _topics, total, usable, *_ in answer.results if answer is not None else ():
            if not code and total > 0:
                found.append(BrokerDisk(node=broker.nodeId, folder=folder, total=total, usable=usable))
    return tuple(found)


async def _send(client: AIOKafkaClient, node: int, request: object) -> Any:  # noqa: ANN401 - aiokafka has no types
    """Return a broker's answer, or None where it does not know the question."""
    try:
        return await client.send(node, request)
    except NotImplementedError:
        return None


class _DescribeQuorumResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 55
    API_VERSION = 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", _REPLICAS),
                        ("observers", _REPLICAS),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeQuorumStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 55
    API_VERSION = 1
    RESPONSE_TYPE = _DescribeQuorumResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeQuorumRequest(Request[_DescribeQuorumStruct]):  # type: ignore[misc]
    """Ask for the replicas of the cluster's metadata."""

    API_KEY: ClassVar[int] = 55

    def build(self, request_struct_class: type[_DescribeQuorumStruct]) -> _DescribeQuorumStruct:
        """Write the request."""
        return request_struct_class([(METADATA_TOPIC, [(0, {})], {})], {})


class _DescribeLogDirsResponse(Response):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 4
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "results",
            CompactArray(
                ("error_code", Int16),
                ("folder", CompactString("utf-8")),
                (
                    "topics",
                    CompactArray(
                        ("topic", CompactString("utf-8")),
                        (
                            "partitions",
                            CompactArray(
                                ("partition", Int32),
                                ("size", Int64),
                                ("offset_lag", Int64),
                                ("is_future", Boolean),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("total_bytes", Int64),
                ("usable_bytes", Int64),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeLogDirsStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 35
    API_VERSION = 4
    RESPONSE_TYPE = _DescribeLogDirsResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeLogDirsRequest(Request[_DescribeLogDirsStruct]):  # type: ignore[misc]
    """Ask for the folders of a broker and their disks, without the partitions in them."""

    API_KEY: ClassVar[int] = 35

    def build(self, request_struct_class: type[_DescribeLogDirsStruct]) -> _DescribeLogDirsStruct:
        """Write the request."""
        return request_struct_class([], {})
