"""`osr-hub import` as a command: output, exit codes and effects."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

if TYPE_CHECKING:
    from hub.store.pool import Connection

SCHOOLS = Path(__file__).parent.parent / "data" / "vestigingen-po.csv"
SYSTEMS = "supplier_oin;system_name;service_codes\n00000099000000001000;Een;VVA\n"
MANDATES = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"


async def osr_hub(dsn: str, *words: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, its answer and what it says of faults."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.cli", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OSR_HUB_DATABASE__DSN": dsn, "OSR_HUB_OIN": "00000099000000009000"},
    )
    out, faults = await process.communicate()
    return process.returncode or 0, out.decode(), faults.decode()


@pytest.fixture
async def files(tmp_path: Path, database: str) -> Path:
    """Give a folder for files, and a register with the sample's schools and a system."""
    (tmp_path / "systems.csv").write_text(SYSTEMS)
    assert (await osr_hub(database, "import", "schools", str(SCHOOLS)))[:2] == (
        0,
        "schools: 59 new, 0 changed, 0 unchanged; events: 0\n",
    )
    assert (await osr_hub(database, "import", "systems", str(tmp_path / "systems.csv")))[0] == 0
    return tmp_path


async def test_a_good_file_is_taken_and_counted(files: Path, database: str, connection: Connection) -> None:
    """A good file gives one line of result, without a progress bar outside a terminal."""
    good = files / "mandates.csv"
    good.write_text(f"{MANDATES}18DS;VVA;00000099000000001000;2026-08-01;;18DS01;\n")
    assert await osr_hub(database, "import", "mandates", str(good)) == (
        0,
        "mandates: 1 new, 0 changed, 0 unchanged; events: 1\n",
        "",
    )
    assert await connection.fetchval("select count(*) from event_outbox") == 1


async def test_a_bad_file_is_refused_whole(files: Path, database: str, connection: Connection) -> None:
    """A bad file is refused with exit code 2 and every bad line."""
    bad = files / "mandates.csv"
    bad.write_text(
        f"{MANDATES}18DS;VVA;00000099000000001000;2026-08-01;;;\n99ZZ;VVA;00000099000000001000;2026-08-01;;;\n"
        "11OA;VVA;00000099000000001000;1 augustus;;;\n"
    )
    code, out, faults = await osr_hub(database, "import", "mandates", str(bad))
    assert (code, out) == (2, "")
    assert faults.splitlines() == [
        "osr-hub: 2 rows are wrong; nothing was imported:",
        "  line 3, brin: school 99ZZ is not in the register",
        "  line 4, start_date: '1 augustus' is not a date; write it as 2026-08-01",
    ]
    assert await connection.fetchval("select count(*) from mandates") == 0


async def test_a_difference_is_shown_before_it_is_made(files: Path, database: str, connection: Connection) -> None:
    """A dry run shows the same difference as table and as JSON, and changes nothing."""
    lines = SCHOOLS.read_bytes().decode("cp1252").replace("42634;11OA", "42635;11OA").splitlines(keepends=True)
    newer = files / "newer.csv"
    newer.write_text("".join(line for line in lines if ";18DS03;" not in line))
    code, shown, _ = await osr_hub(database, "import", "schools", str(newer), "--dry-run")
    assert code == 0
    assert "1 moved" in shown and "1 branches closed" in shown  # noqa: PT018 - one table
    assert "42635" in shown and "18DS03" in shown  # noqa: PT018 - one table
    assert "nothing was changed; events that would follow: 0, mandates that would end: 0" in shown
    code, text, _ = await osr_hub(database, "import", "schools", str(newer), "--dry-run", "--json")
    body = orjson.loads(text)
    assert (code, body["dryRun"], body["sector"], body["closings"], body["acceptClosures"]) == (0, True, "po", 1, None)
    assert [(e["code"], e["before"], e["after"]) for e in body["moved"]] == [("11OA", "42634", "42635")]
    assert [e["code"] for e in body["branchesClosed"]] == ["18DS03"]
    assert await connection.fetchval("select count(*) from branches where closed_on is not null") == 0
    assert (await osr_hub(database, "import", "schools", str(newer)))[1].splitlines()[0] == (
        "schools: 0 new, 2 changed, 57 unchanged; events: 0"
    )
    assert "no difference" in (await osr_hub(database, "import", "schools", str(newer), "--dry-run"))[1]


async def test_many_closings_name_the_command_that_accepts_them(
    files: Path, database: str, connection: Connection
) -> None:
    """Many closings are refused with exit code 2 and the command that accepts them, which works."""
    cut = files / "cut off.csv"
    cut.write_bytes(b"".join(SCHOOLS.read_bytes().splitlines(keepends=True)[:20]))
    code, _, faults = await osr_hub(database, "import", "schools", str(cut))
    wanted = faults.splitlines()[-1].partition("osr-hub ")[2]
    number = wanted.rpartition(" ")[2]
    assert (code, wanted) == (2, f"import schools '{cut}' --accept-closures {number}")
    assert wanted in (await osr_hub(database, "import", "schools", str(cut), "--dry-run"))[1]
    assert (await osr_hub(database, *shlex.split(wanted)[:-1], str(int(number) - 1)))[0] == 2
    assert await connection.fetchval("select count(*) from schools where closed_on is not null") == 0
    assert (await osr_hub(database, *shlex.split(wanted)))[0] == 0
    closed = await connection.fetchval("select count(*) from schools where closed_on is not null")
    assert 0 < closed <= int(number)


SBO = (
    "SOORT PRIMAIR ONDERWIJS;PROVINCIE;BEVOEGD GEZAG NUMMER;INSTELLINGSCODE;VESTIGINGSCODE;VESTIGINGSNAAM;ONDERWIJS\n"
    "Sbo;Drenthe;26000;30UC;30UC00;School 6000;Sbo\nSbo;Drenthe;26001;30VC;30VC00;School 6001;Sbo\n"
)


async def test_next_months_file_of_bo_leaves_sbo_schools_and_their_mandates_alone(
    files: Path, database: str, connection: Connection
) -> None:
    """A file of bo closes no sbo schools."""
    (files / "sbo.csv").write_text(SBO)
    assert (await osr_hub(database, "import", "schools", str(files / "sbo.csv")))[0] == 0
    (files / "mandates.csv").write_text(f"{MANDATES}30UC;VVA;00000099000000001000;2026-08-01;;;\n")
    assert (await osr_hub(database, "import", "mandates", str(files / "mandates.csv")))[0] == 0
    shown = await osr_hub(database, "import", "schools", str(SCHOOLS))
    assert shown == (0, "schools: 0 new, 0 changed, 59 unchanged; events: 0\n", "")
    assert await connection.fetchval("select count(*) from schools where closed_on is not null") == 0
    assert await connection.fetchval("select withdrawn_at from mandates") is None


async def test_many_withdrawals_are_counted_by_system_and_name_the_command_that_accepts_them(
    files: Path, database: str, connection: Connection
) -> None:
    """Six withdrawals are refused with exit code 2 and the command that accepts them, which works."""
    (files / "systems.csv").write_text(
        "supplier_oin;system_name;service_codes\n00000099000000001000;Een;VVA,RIO,BRON_PO,VERZUIM\n"
        "00000099000000002000;Twee;VVA,RIO\n"
    )
    assert (await osr_hub(database, "import", "systems", str(files / "systems.csv")))[0] == 0
    mandates = [f"30UC;{code};00000099000000001000;2026-08-01;;;\n" for code in ("VVA", "RIO", "BRON_PO", "VERZUIM")]
    mandates += [f"30UC;{code};00000099000000002000;2026-08-01;;;\n" for code in ("VVA", "RIO")]
    for name, text in (("sbo", SBO), ("fewer", SBO.replace("Sbo;Drenthe;26000;30UC;30UC00;School 6000;Sbo\n", ""))):
        (files / f"{name}.csv").write_text(text)
    (files / "mandates.csv").write_text(MANDATES + "".join(mandates))
    assert (await osr_hub(database, "import", "schools", str(files / "sbo.csv")))[0] == 0
    assert (await osr_hub(database, "import", "mandates", str(files / "mandates.csv")))[0] == 0
    command = ("import", "schools", str(files / "fewer.csv"))
    code, _, said = await osr_hub(database, *command, "--accept-closures", "1")
    assert (code, "6 mandates would be withdrawn (Een: 4, Twee: 2). Nothing was imported." in said) == (2, True)
    accepting = said.splitlines()[-1].partition("osr-hub ")[2]
    assert accepting.endswith("fewer.csv --accept-closures 1 --accept-withdrawals 6")
    assert "mandates withdrawn, per system: Een: 4, Twee: 2" in (await osr_hub(database, *command, "--dry-run"))[1]
    body = orjson.loads((await osr_hub(database, *command, "--dry-run", "--json"))[1])
    assert (body["mandatesEnded"], body["acceptWithdrawals"], body["kinds"]) == (6, 6, ["sbo"])
    assert {each["systemName"] for each in body["withdrawals"]} == {"Een", "Twee"}
    assert await connection.fetchval("select count(*) from mandates where withdrawn_at is not null") == 0
    assert (await osr_hub(database, *shlex.split(accepting)))[0] == 0
    assert await connection.fetchval("select count(*) from mandates where withdrawn_at is not null") == 6


async def test_files_that_spreadsheets_saved_are_read_or_named_for_what_they_are(files: Path, database: str) -> None:
    """Files with `sep=`, commas, carriage returns or UTF-16 are read; a workbook is named as one."""
    saved = files / "saved.csv"
    header, row = MANDATES.strip().replace(";", ","), "18DS,VVA,00000099000000001000,2026-08-01,,,"
    saved.write_bytes(f"sep=,\r{header}\r{row}\r,,,,,,\r".encode("utf-16"))
    assert (await osr_hub(database, "import", "mandates", str(saved)))[:2] == (
        0,
        "mandates: 1 new, 0 changed, 0 unchanged; events: 1\n",
    )
    saved.write_text('supplier_oin,system_name,service_codes,,\n00000099000000002000,"Een, twee","VVA,RIO",,\n,,,,\n')
    assert (await osr_hub(database, "import", "systems", str(saved)))[1].startswith("systems: 1 new")
    schools = SCHOOLS.read_bytes().decode("cp1252")
    saved.write_bytes(b"\xef\xbb\xbfsep=;\r\n" + schools.replace("\n", ";;\r\n").encode() + b";;;;\r\n")
    assert (await osr_hub(database, "import", "schools", str(saved)))[1].startswith("schools: 0 new, 0 changed, 59 un")
    for kind in ("schools", "systems", "mandates"):
        saved.write_bytes(b"PK\x03\x04 and the rest of a workbook")
        code, _, said = await osr_hub(database, "import", kind, str(saved))
        assert (code, "  line 1, the whole file: this is a workbook such as .xlsx" in said) == (2, True)
        assert "Traceback" not in said


async def test_agreements_decide_who_may_mandate(files: Path, database: str, connection: Connection) -> None:
    """A board without VVA agreement makes no new VVA mandates; the change is in the audit."""
    before = files / "before.csv"
    before.write_text(f"{MANDATES}18DS;VVA;00000099000000001000;2026-08-01;2099-07-31;;\n")
    assert (await osr_hub(database, "import", "mandates", str(before)))[0] == 0
    words = ("agreements", "set", "41561", "VVA", "no", "--reason", "not signed again")
    assert (await osr_hub(database, *words))[1] == "board 41561: OSR signed\nboard 41561: VVA not signed\n"
    assert (await osr_hub(database, *words))[0] == 0
    wish = files / "mandates.csv"
    wish.write_text(f"{MANDATES}18DS;VVA;00000099000000001000;2099-08-01;;;\n")
    code, _, faults = await osr_hub(database, "import", "mandates", str(wish))
    assert (code, "board 41561 has not signed the agreement for VVA" in faults) == (2, True)
    assert await connection.fetchval("select withdrawn_at from mandates") is None
    assert (await osr_hub(database, "agreements", "set", "41561", "VVA", "yes", "--reason", "signed"))[0] == 0
    assert (await osr_hub(database, "import", "mandates", str(wish)))[0] == 0
    notes = await connection.fetch("select action, reason from audit where action like 'board.%agree%' or"
                                   " action = 'board.signed' order by id")  # fmt: skip
    assert [tuple(note) for note in notes] == [
        ("board.agreement_ended", "not signed again"),
        ("board.signed", "signed"),
    ]


async def test_the_agreement_of_the_register_is_asked_for_every_service(files: Path, database: str) -> None:
    """Without OSR agreement a board makes no mandates at all; wrong arguments are refused."""
    assert (await osr_hub(database, "agreements", "set", "41561", "OSR", "no", "--reason", "ended"))[0] == 0
    assert (await osr_hub(database, "agreements", "show", "41561"))[1].startswith("board 41561: OSR not signed")
    systems = files / "systems.csv"
    systems.write_text("supplier_oin;system_name;service_codes\n00000099000000001000;Een;VVA,RIO\n")
    assert (await osr_hub(database, "import", "systems", str(systems)))[0] == 0
    wish = files / "mandates.csv"
    for service in ("VVA", "RIO"):
        wish.write_text(f"{MANDATES}18DS;{service};00000099000000001000;2026-08-01;;;\n")
        assert (await osr_hub(database, "import", "mandates", str(wish)))[0] == 2
    for words in (("00000", "OSR", "no"), ("4156", "OSR", "no"), ("41561", "RIO", "no"), ("41561", "OSR", "maybe")):
        assert (await osr_hub(database, "agreements", "set", *words, "--reason", "x"))[0] == 2
    assert (await osr_hub(database, "agreements", "set", "41561", "OSR", "yes"))[0] == 2


async def test_a_database_that_is_away_is_named() -> None:
    """A database that does not answer is one sentence and exit 2, without the password."""
    code, out, said = await osr_hub("postgresql://u:hush@127.0.0.1:1/none", "import", "schools", str(SCHOOLS))

    assert (code, out) == (2, "")
    assert "the database does not answer" in said
    assert "hush" not in said
    assert "Traceback" not in said
