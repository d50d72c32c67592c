"""Decode a file that a person saved. In: bytes. Out: its text, with one kind of line end.

The encoding is UTF-8, cp1252 or UTF-16, with or without a byte order mark, or UTF-32 with one. No byte is replaced: one
that stands for no character is an error that names its line, and so is a file that is no text at all.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from hub.errors import FieldError, FieldLocation, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WHOLE_ROW: Final = "the whole row"
WHOLE_FILE: Final = "the whole file"
NOTHING_IMPORTED: Final = "the file cannot be read; nothing was imported"

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FOREIGN: Final = (
    (b"PK\x03\x04", "a workbook such as .xlsx or .ods, or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (.xls)"),
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{\\rtf", "a text document (.rtf)"),
)
_MARKUP: Final = (b"<!doctype", b"<html", b"<?xml", b"<table")
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_SAMPLE: Final = 4096


def read_text(data: bytes) -> str:
    """Return the text of a file; raise `InvalidInput` naming each line that cannot be decoded."""
    _refuse_foreign(data)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", _guess_wide(data)))
    body = data[len(mark) :]
    if encoding is None:
        text = _decode_narrow(body)
    elif encoding == "utf-8":
        text = _decode_utf8(body)
    else:
        text = _decode_wide(body, encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")


def file_error(line: int, column: str, code: str, detail: str) -> FieldError:
    """Return an error at a line of a file."""
    return FieldError(in_=FieldLocation.FILE, field=f"line {line}, {column}", code=code, detail=detail)


def _refuse_foreign(data: bytes) -> None:
    kind = next((words for start, words in _FOREIGN if data.startswith(start)), None)
    if kind is None and data.lstrip().lower().startswith(_MARKUP):
        kind = "a web page or another XML document"
    if kind is not None:
        detail = f"this is {kind}; save the table as CSV"
        raise InvalidInput([file_error(1, WHOLE_FILE, "not_csv", detail)], NOTHING_IMPORTED)


def _guess_wide(data: bytes) -> str | None:
    """Guess UTF-16 without a mark: most of every second byte is zero, as Dutch text has it."""
    sample = data[:_SAMPLE]
    zeros = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if not half or max(zeros) <= half // 2 or min(zeros) > half // 4:
        return None
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _decode_wide(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        before = body[: error.start].decode(encoding).encode()
        detail = f"the file is {encoding.upper()} up to here; the bytes that follow stand for no character"
        wrong = [file_error(len(_LINE_END.split(before)), WHOLE_ROW, "encoding", detail)]
        raise InvalidInput(wrong, NOTHING_IMPORTED) from None


def _decode_utf8(body: bytes) -> str:
    """Decode what its mark says is UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        lines = [line for line, text in _lines(body) if not _is_utf8(text)]
        raise _wrong_lines(lines, "the file says that it is UTF-8, and this line is not") from None


def _decode_narrow(body: bytes) -> str:
    """Decode UTF-8 or cp1252, whichever all lines are in."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        beyond_ascii = [(line, text) for line, text in _lines(body) if not text.isascii()]
    utf8 = [line for line, text in beyond_ascii if _is_utf8(text)]
    other = [line for line, text in beyond_ascii if not _is_utf8(text)]
    if utf8:
        lines, this, rest = (utf8, "UTF-8", "not") if len(utf8) < len(other) else (other, "not UTF-8", "UTF-8")
        raise _wrong_lines(lines, f"this line is {this}, and the other lines are {rest}; save the file in one encoding")
    try:
        return body.decode("cp1252")
    except UnicodeDecodeError:
        lines = [line for line, text in beyond_ascii if not _is_cp1252(text)]
        raise _wrong_lines(lines, "a byte in it stands for no character, neither in UTF-8 nor in cp1252") from None


def _lines(body: bytes) -> Iterable[tuple[int, bytes]]:
    return enumerate(_LINE_END.split(body), start=1)


def _is_utf8(text: bytes) -> bool:
    return _decodes(text, "utf-8")


def _is_cp1252(text: bytes) -> bool:
    return _decodes(text, "cp1252")


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _wrong_lines(lines: Sequence[int], detail: str) -> InvalidInput:
    return InvalidInput([file_error(line, WHOLE_ROW, "encoding", detail) for line in lines], NOTHING_IMPORTED)
