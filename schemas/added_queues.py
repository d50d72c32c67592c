"""AsyncAPI of an installation with more services than the first version. In: document and topics. Out: document.

A queue of DUO for a service that an operator added is described as the others are.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas.topics import DUO_RIO, Topic

PATTERN: Final = "duo_rio_v1"
"""The channel that is described as all queues of DUO are."""


def with_queues(document: bytes, topics: Iterable[Topic]) -> bytes:
    """Return the document with a channel and an operation for each topic that it does not have yet."""
    described: dict[str, Any] = json.loads(document)
    channels, operations = described["channels"], described["operations"]
    known = {channel["address"] for channel in channels.values()}
    added = [topic for topic in topics if topic.name not in known]
    for topic in added:
        key = topic.name.replace(".", "_").replace("-", "_")
        channels[key] = _renamed(channels[PATTERN], topic, key)
        operations[f"send_{key}"] = _renamed(operations[f"send_{PATTERN}"], topic, key)
    return json.dumps(described, ensure_ascii=False).encode() if added else document


def _renamed(described: Mapping[str, Any], topic: Topic, key: str) -> dict[str, Any]:
    text = json.dumps(described)
    for before, after in ((DUO_RIO.name, topic.name), (PATTERN, key), (DUO_RIO.says, topic.says)):
        text = text.replace(json.dumps(before)[1:-1], json.dumps(after)[1:-1])
    renamed: dict[str, Any] = json.loads(text)
    return renamed
