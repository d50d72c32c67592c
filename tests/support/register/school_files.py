"""Files of schools, as DUO publishes them over the years, and a register that imported one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from hub.imports import SchoolImportOptions, SchoolsImported, ToAccept, import_schools, import_systems
from hub.store.register import read_schools
from schemas.identifiers import Brin
from tests.support.register.small_register import ONE, OTHER, at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.domain.difference import DifferenceEntry
    from hub.domain.school import School
    from hub.register import Moment
    from hub.store.pool import Connection

OLD_NAMES: Final = "PROVINCIE;BEVOEGD GEZAG NUMMER;BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM;TELEFOONNUMMER"
NEW_NAMES: Final = "PROVINCIE;BEVOEGD GEZAG NUMMER;INSTELLINGSCODE;VESTIGINGSCODE;VESTIGINGSNAAM;TELEFOONNUMMER"


def po(schools: Mapping[str, tuple[str, Mapping[str, str]]]) -> bytes:
    """Write a file of po as it was for years: cp1252, each school by its board and the names of its branches."""
    rows = [
        f"Gelderland;{board};{brin};{branch};{name};0261234567"
        for brin, (board, branches) in schools.items()
        for branch, name in branches.items()
    ]
    return "\n".join((OLD_NAMES, *rows, "")).encode("cp1252")


def vo(schools: Mapping[str, tuple[str, Mapping[str, str]]]) -> bytes:
    """Write a file of vo as it is today: UTF-8 with a mark, CRLF, new names, and the structure of education."""
    rows = [
        f'Gelderland;{board};{brin};{branch};"{name}";0261234567;HAVO/VWO'
        for brin, (board, branches) in schools.items()
        for branch, name in branches.items()
    ]
    return "\r\n".join((f"{NEW_NAMES};ONDERWIJSSTRUCTUUR", *rows, "")).encode("utf-8-sig")


def special(schools: Mapping[str, tuple[str, Mapping[str, str]]], kinds: Mapping[str, str]) -> bytes:
    """Write a file of special schools: each row says of which kind it is, Sbo where `kinds` does not say."""
    rows = [
        f"{kinds.get(brin, 'Sbo')};Gelderland;{board};{brin};{branch};{name};0261234567;;{kinds.get(brin, 'Sbo')}"
        for brin, (board, branches) in schools.items()
        for branch, name in branches.items()
    ]
    return "\n".join((f"SOORT PRIMAIR ONDERWIJS;{NEW_NAMES};CLUSTER;ONDERWIJS", *rows, "")).encode("cp1252")


def town(size: int, board: str = "41561") -> dict[str, tuple[str, dict[str, str]]]:
    """Make schools of one branch each, whose codes no other test uses: 00ZA, 01ZA and so on."""
    brins = [f"{n % 100:02d}Z{chr(65 + n // 100)}" for n in range(size)]
    return {brin: (board, {f"{brin}00": f"School {brin}"}) for brin in brins}


async def take(  # noqa: PLR0913 - as the command has options
    c: Connection,
    data: bytes,
    at: Moment,
    *,
    accepted: int = 0,
    withdrawals: int = 0,
    dry_run: bool = False,
    part: bool = False,
) -> SchoolsImported:
    """Import a file of schools in a transaction of its own."""
    async with c.transaction():
        options = SchoolImportOptions(
            accepted=ToAccept(closures=accepted, withdrawals=withdrawals), dry_run=dry_run, is_part=part
        )
        return await import_schools(c, data, at, options=options)


SYSTEMS: Final = f"supplier_oin;system_name;service_codes\n{ONE};Een;VVA,RIO\n{OTHER};Ander;VVA\n".encode()
FOUR: Final = {f"18DS0{n}": name for n, name in enumerate("abcd")}
GAPS: Final = {"11OA00": "’t Een", "11OA03": "Twee", "11OA04": "Drie"}  # noqa: RUF001 - a mark that cp1252 has
BEFORE: Final = {"18DS": ("41561", FOUR), "11OA": ("42634", GAPS), **town(100)}
NEXT: Final = at(date(2026, 12, 1))


def without(*brins: str) -> bytes:
    """Write the file of po that leaves these schools out."""
    return po({brin: told for brin, told in BEFORE.items() if brin not in brins})


async def settle_in(c: Connection) -> None:
    """Import the first file of po into an empty register, and two systems."""
    await take(c, po(BEFORE), at())
    await import_systems(c, SYSTEMS, at())


def codes(entries: Sequence[DifferenceEntry]) -> list[str]:
    """Return the codes of entries."""
    return [entry.code for entry in entries]


async def school(c: Connection, brin: str) -> School:
    """Read a school."""
    return (await read_schools(c, [brin]))[Brin(brin)]
