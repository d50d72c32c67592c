"""Records that anybody might put on a topic: each broken in its own way, none a report that can be used."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import orjson

ID: Final = str(UUID(int=7))
DATA: Final = {"deliveryId": ID, "status": "processed", "reportedAt": "2026-01-01T00:00:00Z"}
REPORT: Final = {"specversion": "1.0", "id": "1", "source": "urn:x", "type": "nl.osr.report.v1", "data": DATA}
STRUCTURED: Final = [("content-type", b"application/cloudevents+json")]


def hostile_report(**data: object) -> bytes:
    """Return a report whose data differ."""
    return orjson.dumps({**REPORT, "data": {**DATA, **data}})


def hostile_text(old: str, new: str) -> bytes:
    """Return a report with a part of its text replaced."""
    return orjson.dumps(REPORT).decode().replace(old, new).encode()


RECORDS: Final[dict[str, tuple[bytes | None, list[tuple[str, bytes]]]]] = {
    "nothing": (None, []),
    "empty": (b"", STRUCTURED),
    "not text": (b"\xff\xfe\x00\x80", STRUCTURED),
    "cut off": (orjson.dumps(REPORT)[:-9], STRUCTURED),
    "two documents": (orjson.dumps(REPORT) * 2, STRUCTURED),
    "a number": (b"1", STRUCTURED),
    "a list": (b"[" + orjson.dumps(REPORT) + b"]", STRUCTURED),
    "a byte order mark": (b"\xef\xbb\xbf" + orjson.dumps(REPORT), STRUCTURED),
    "a batch": (
        b"[" + orjson.dumps(REPORT) + b"]",
        [("content-type", b"application/cloudevents-batch+json")],
    ),
    "data as text": (hostile_text('{"deliveryId"', '"x","y":{"deliveryId"'), STRUCTURED),
    "an infinite number": (hostile_text('"1"', "1e999"), STRUCTURED),
    "deep": (b"[" * 100_000 + b"]" * 100_000, STRUCTURED),
    "deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, STRUCTURED),
    "deep data": (hostile_text('"processed"', "[" * 900 + "]" * 900), STRUCTURED),
    "a huge number": (hostile_text('"1"', "1" + "0" * 5000), STRUCTURED),
    "not a number": (hostile_text('"1"', "NaN"), STRUCTURED),
    "a lone surrogate": (hostile_text('"processed"', '"\\ud800"'), STRUCTURED),
    "a zero character in the status": (hostile_text('"processed"', '"\\u0000"'), STRUCTURED),
    "a zero character in the type": (hostile_text("nl.osr", "\\u0000"), STRUCTURED),
    "zeros in headers": (b"x", [("ce_id", b"\x00"), ("\x00", b"\x00"), ("content-type", b"\x00")]),
    "headers that are not text": (b"x", [("content-type", b"\xff\xfe"), ("ce_type", b"\xff")]),
    "many headers": (b"x", [("h" * 100, b"v" * 100)] * 500),
    "a header without a value": (b"x", [("content-type", b"")]),
    "a name as long as a book": (hostile_text('"source"', '"' + "a" * 200_000 + '":1,"source"') + b"x", STRUCTURED),
    "a time that is none": (hostile_report(reportedAt="yesterday"), STRUCTURED),
    "a time without a zone": (hostile_report(reportedAt="2026-01-01T00:00:00"), STRUCTURED),
    "a time after time": (hostile_report(reportedAt="9999-12-31T23:59:59-14:00"), STRUCTURED),
    "a time as a number": (hostile_report(reportedAt=1e308), STRUCTURED),
    "the far future": (hostile_report(reportedAt="2999-01-01T00:00:00Z"), STRUCTURED),
    "no such status": (hostile_report(status="perhaps"), STRUCTURED),
    "a status that is stored but never reported": (hostile_report(status="superseded"), STRUCTURED),
    "an id that is none": (hostile_report(deliveryId="1; drop table deliveries"), STRUCTURED),
    "named twice": (hostile_report(mandateId=ID, mandateVersion=1), STRUCTURED),
    "named by half": (hostile_report(deliveryId=None, mandateId=ID), STRUCTURED),
    "a version beyond all": (
        hostile_report(deliveryId=None, mandateId=ID, mandateVersion=2**63),
        STRUCTURED,
    ),
    "signals that are none": (hostile_report(signals={"kind": "Signaal"}), STRUCTURED),
    "a signal of no kind": (hostile_report(signals=[{"kind": "Gerucht"}]), STRUCTURED),
    "another type": (hostile_text("nl.osr.report.v1", "nl.osr.mandate.granted.v1"), STRUCTURED),
    "another version of the envelope": (hostile_text('"1.0"', '"2.0"'), STRUCTURED),
    "data that are no base64": (hostile_text('"data"', '"data_base64":"%%%","x"'), STRUCTURED),
    "binary with a header that is not UTF-8": (
        orjson.dumps(DATA),
        [("ce_specversion", b"1.0"), ("ce_id", b"\xff"), ("ce_source", b"x"), ("ce_type", b"nl.osr.report.v1")],
    ),
    "binary without a type": (b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"x")]),
}
