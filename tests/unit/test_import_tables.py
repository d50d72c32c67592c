"""Tables as spreadsheets write them, in any form; what cannot be read is named with its line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.errors import FieldLocation, InvalidInput
from hub.imports.drafts import COLUMNS as MANDATE_COLUMNS
from hub.imports.listing import read_listing
from hub.imports.result import RowErrors
from hub.imports.systems import COLUMNS as SYSTEM_COLUMNS
from hub.imports.table import Column, read_table

A, B, C = Column("a"), Column("b"), Column("c", is_required=False)
COLUMNS = (A, B, C)
SAMPLE = (Path(__file__).parent.parent / "data" / "vestigingen-po.csv").read_bytes()
CELLS = st.text(
    st.characters(codec="cp1252", exclude_categories=("Cc", "Cs", "Cf", "Zs", "Zl", "Zp"), include_characters=" ;,'\""),
    max_size=8,
).map(str.strip)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


def rows(data: bytes) -> list[tuple[int, tuple[str, ...]]]:
    """Read a table whose rows are all right."""
    errors = RowErrors()
    table = read_table(data, COLUMNS, errors)
    errors.refuse()
    return table.rows


def faults(data: bytes) -> list[tuple[str, str]]:
    """Read a table that is wrong, and show what is said of it."""
    with pytest.raises(InvalidInput) as refused:
        rows(data)
    return [(error.field, error.code) for error in refused.value.errors]


@pytest.mark.parametrize(
    "data",
    [
        b"a;b;c\n1;2;3\n",
        b"a,b,c\n1,2,3\n",
        b"a\tb\tc\n1\t2\t3\n",
        b"a;b;c\r\n1;2;3",
        b"a;b;c\r1;2;3\r",
        b"\xef\xbb\xbfa;b;c\n1;2;3\n",
        b"a;b;c;;\n1;2;3;;;\n",
        b"a;b;c\n1;2;3;;;\n;;;\n\n   \n;;;;;;\n",
        b'"A";" b ";"c"\n"1";"2";"3"\n',
        "a;b;c\n1;2;3\n".encode("utf-16"),
        "a;b;c\n1;2;3\n".encode("utf-16-le"),
        "a;b;c\n1;2;3\n".encode("utf-16-be"),
        "\ufeff\ufeffa;b;c\n1;2;3\n".encode(),
    ],
)
def test_a_table_is_read_however_it_was_saved(data: bytes) -> None:
    """Separator, line ends, byte order mark, empty lines and separators at the end say nothing."""
    assert rows(data) == [(2, ("1", "2", "3"))]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"sep=;\na;b;c\n1;2;3\n", 3),
        (b"\xef\xbb\xbfsep=,\r\na,b,c\r\n1,2,3\r\n", 3),
        (b"SEP=\t\ra\tb\tc\r1\t2\t3\r", 3),
        (b'"sep=;"\na;b;c\n1;2;3\n', 3),
        (b"sep=;;;;\na;b;c;;\n1;2;3;;\n", 3),
        (b"\n;;;\na;b;c\n\n1;2;3\n", 5),
        (b"\n\nsep=,\n,,\na,b,c\n1,2,3\n", 6),
    ],
)
def test_what_stands_before_the_table_is_passed_over_and_lines_are_counted(data: bytes, line: int) -> None:
    """A spreadsheet's `sep=` and empty lines are no header, and every row keeps its line in the file."""
    assert rows(data) == [(line, ("1", "2", "3"))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("line 1, the whole file", "empty")]),
        (b"\n ;;\r\n\t\n", [("line 1, the whole file", "empty")]),
        (b"sep=;\n\n", [("line 1, the whole file", "empty")]),
        (b"sep=|\na|b\n1|2\n", [("line 1, the whole row", "separator")]),
        (b"a|b\n1|2\n", [("line 1, a", "missing_column"), ("line 1, b", "missing_column")]),
        (b"\nx;b\n1;2\n", [("line 2, a", "missing_column")]),
        (b"a;b;a\n1;2;3\n", [("line 1, a", "duplicate_column")]),
        (b"a;b\n1;2;3\n1\n1;2\n", [("line 2, the whole row", "columns"), ("line 3, the whole row", "columns")]),
        (b'a;b\n1;"2" x\n1;2\n', [("line 2, the whole row", "unreadable")]),
        (b'a;b\n1;2\n1;"2\n', [("line 3, the whole row", "unreadable")]),
        (b"a;b\n1;2\x00\n1;\x1f2\n", [(f"line {n}, the whole row", "control_character") for n in (2, 3)]),
        ("a;b\n1;2\u202e3\n1;\ufffd\n".encode(), [(f"line {n}, the whole row", "control_character") for n in (2, 3)]),
        (b"a;b\n1;\x81\n1;2\n", [("line 2, the whole row", "encoding")]),
        ("a;b\n1;\xe9\n1;\xe8\n".encode() + b"1;\xe9\n", [("line 4, the whole row", "encoding")]),
        (b"a;b\n1;\xe9\n1;\xe8\n" + "1;\xe9\n".encode(), [("line 4, the whole row", "encoding")]),
        (b"\xef\xbb\xbfa;b\n1;\xe9\n", [("line 2, the whole row", "encoding")]),
        ("a;b\n1;2\n".encode("utf-16") + b"\x00", [("line 3, the whole row", "encoding")]),
        (b"PK\x03\x04\x14\x00", [("line 1, the whole file", "not_csv")]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", [("line 1, the whole file", "not_csv")]),
        (b"%PDF-1.7\n", [("line 1, the whole file", "not_csv")]),
        (b"\n <!DOCTYPE html><p>a;b", [("line 1, the whole file", "not_csv")]),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(data: bytes, expected: list[tuple[str, str]]) -> None:
    """Never replaced in silence, never a traceback: each line and what is wrong with it."""
    assert faults(data) == expected


def test_a_name_in_cp1252_keeps_its_marks() -> None:
    """A quotation mark that only cp1252 has, in a file without a mark."""
    assert rows("a;b\n’t Een;Zoë\n".encode("cp1252")) == [(2, ("’t Een", "Zoë", ""))]  # noqa: RUF001 - as it is there


@given(
    st.lists(st.tuples(CELLS.filter(bool), CELLS, CELLS), max_size=6),
    st.sampled_from(";,\t"),
    st.sampled_from(("\n", "\r\n", "\r")),
    st.sampled_from(ENCODINGS),
    st.booleans(),
    st.integers(0, 3),
)
def test_any_table_is_read_as_it_was_written(
    table: list[tuple[str, str, str]],
    separator: str,
    end: str,
    encoding: str,
    declares: bool,  # noqa: FBT001 - drawn by hypothesis
    trailing: int,
) -> None:
    """Whatever is in the cells and however the file is saved, the same cells come out."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=separator * trailing + end)
    writer.writerows([("a", "b", "c"), *table])
    text = (f"sep={separator}{end}" if declares else "") + out.getvalue()
    assert [values for _, values in rows(text.encode(encoding))] == table


@given(st.binary(max_size=200) | st.builds(lambda a, b: a + b, st.just(b"a;b\n"), st.binary(max_size=100)))
@example(b"a;b\r1;2\r")
@example(b'a;b\n"')
@example(b"\xff\xfea")
@example(b"\xff\xfe\x00\x00a")
def test_any_bytes_are_rows_or_named_errors(data: bytes) -> None:
    """Nothing else is raised, whatever is given; each error names a line of the file."""
    for columns in (COLUMNS, MANDATE_COLUMNS, SYSTEM_COLUMNS):
        errors = RowErrors()
        try:
            read_table(data, columns, errors)
            errors.refuse()
        except InvalidInput as refused:
            for error in refused.errors:
                assert error.in_ is FieldLocation.FILE
                line = int(error.field.removeprefix("line ").partition(",")[0])
                assert 1 <= line <= max(1, data.count(b"\n") + data.count(b"\r") + 1)


@given(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_a_file_of_schools_with_any_damage_is_read_or_refused(at: int, put: bytes, cut: int) -> None:
    """Bytes that are lost, added or changed anywhere lead to a listing or to errors with lines."""
    errors = RowErrors()
    try:
        read_listing(SAMPLE[:at] + put + SAMPLE[at + cut :], errors)
        errors.refuse()
    except InvalidInput as refused:
        unnamed = [error.field for error in refused.errors if not error.field.startswith("line ")]
        assert unnamed == []
