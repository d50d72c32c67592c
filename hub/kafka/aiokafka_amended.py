"""Changes to aiokafka for which it has no option. In: its modules. Out: what all clients of this process do.

Nothing is created by accident: a broker with `auto.create.topics.enable` makes each topic that a client asks about
unless the request forbids it, which aiokafka's do not. A batch that cannot be read stops nobody: aiokafka fetches it
again for ever; here it becomes one record, `UnreadableBatch`. A batch takes no more memory than `codecs` allows.
"""

from __future__ import annotations

import logging
import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import aiokafka.admin.client
import aiokafka.client
import structlog
from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.record._crecords import default_records, legacy_records
from aiokafka.record.memory_records import MemoryRecords

from hub.kafka import codecs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka import TopicPartition

LENGTH_AT: Final = 8
"""Where a batch says how many bytes follow its first twelve."""
OVERHEAD_BYTES: Final = 12
log = structlog.get_logger(__name__)


class UnreadableBatch(ConsumerRecord):  # type: ignore[misc]  # aiokafka has no types
    """All records of a batch that cannot be read, as one: its value is the batch, its offset that of the last one."""

    why = ""


class RememberedBatches:
    """The batches of a fetch as aiokafka reads them; remembers the last one and its bytes."""

    def __init__(self, fetched: bytes) -> None:
        self._records = MemoryRecords(fetched)
        self._fetched = fetched
        self._begin, self._end = 0, 0
        self.batch: Any = None

    @property
    def content(self) -> bytes:
        """The bytes of the last batch."""
        return bytes(self._fetched[self._begin : self._end])

    def has_next(self) -> bool:
        """Return whether there is another batch."""
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        """Return how much was fetched."""
        return int(self._records.size_in_bytes())

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka has no types
        """Return the next batch."""
        (length,) = struct.unpack_from(">i", self._fetched, self._end + LENGTH_AT)
        self._begin, self._end = self._end, self._end + OVERHEAD_BYTES + length
        self.batch = None
        self.batch = self._records.next_batch()
        return self.batch


class ReadableRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of a fetch; a batch that cannot be read is one record of them."""

    _records: RememberedBatches
    _tp: TopicPartition
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[ConsumerRecord[bytes, bytes]]:
        while True:
            try:
                yield from super()._unpack_records()
            except Exception as error:  # each decompressor raises errors of its own
                if self._records.batch is None:
                    raise  # not even where it ends can be read
                yield self._stand_in(error)
            else:
                return

    def _stand_in(self, error: Exception) -> UnreadableBatch:
        content, first = self._records.content, self.next_fetch_offset
        self.next_fetch_offset = max(self._records.batch.next_offset, first + 1)
        topic, partition = self._tp
        last = self.next_fetch_offset - 1
        why = f"the batch of offsets {first} to {last} cannot be read: {type(error).__name__} {error}".strip()
        log.error("batch.unreadable", topic=topic, partition=partition, error=why, next="osr-hub parked list")
        kept = UnreadableBatch(topic, partition, last, -1, 0, None, content, None, -1, len(content), ())
        kept.why = why
        return kept


def amend() -> None:
    """Make the changes; another time is without effect.

    A command that has set up no log does not show aiokafka's lines: it says in a sentence of its own what is wrong.
    """
    if not (logger := logging.getLogger("aiokafka")).handlers:
        logger.addHandler(logging.NullHandler())
    for module in (aiokafka.client, aiokafka.admin.client):
        module.MetadataRequest = partial(MetadataRequest, allow_auto_topic_creation=False)
    fetcher.MemoryRecords, fetcher.PartitionRecords = RememberedBatches, ReadableRecords
    for module in (default_records, legacy_records):
        module.gzip_decode, module.snappy_decode = codecs.decode_gzip, codecs.decode_snappy
        module.lz4_decode, module.zstd_decode = codecs.decode_lz4, codecs.decode_zstd
