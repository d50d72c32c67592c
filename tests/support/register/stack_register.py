"""The register of the end-to-end tests: real schools, invented systems, and files of mandates between them.

In: a running stack. Out: a register to grant mandates in, and CSV files to import.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from tests.support.servers.stacks import SCHOOLS, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.support.servers.stacks import RunningStack

SERVICES: Final = ("BRON_PO", "VERZUIM", "RIO", "VVA")
TEST_LAS: Final = "00000099000000007000"
BOARDS: Final = ("41561", "42634", "41676", "41775")

Line = tuple[str, str, str, str, str, str, str]


async def set_up_register(stack: RunningStack, folder: Path) -> None:
    """Import the sample of schools and the systems of the tests, and wait until the simulated LAS has subscribed."""
    simulated = stack.connection["simulators"]["las"]["oin"]
    systems = folder / "systems.csv"
    lines = [f"{oin};{name};{','.join(SERVICES)}\n" for oin, name in ((TEST_LAS, "Getuige"), (simulated, "Nagebootst"))]
    systems.write_text("supplier_oin;system_name;service_codes\n" + "".join(lines))
    await stack.done("osr-hub", "import", "schools", str(SCHOOLS))
    await stack.done("osr-hub", "import", "systems", str(systems))

    async def subscribed() -> bool:
        listed = await stack.call("GET", "/subscriptions")
        return any(one["supplierOin"] == simulated and one["status"] == "active" for one in listed["items"])

    await until(subscribed, "the simulated LAS has subscribed")


def sample_brins() -> tuple[str, ...]:
    """Return the schools of the sample, in its order."""
    with SCHOOLS.open(encoding="cp1252", newline="") as file:
        return tuple(dict.fromkeys(row["BRIN NUMMER"] for row in csv.DictReader(file, delimiter=";")))


def mandate_lines(schools: Sequence[str], supplier: str, years: Iterable[int], services: Sequence[str]) -> list[Line]:
    """Return one mandate per school, service and school year, for the whole school."""
    return [
        (brin, service, supplier, f"{year}-08-01", f"{year + 1}-07-31", "", "")
        for brin in schools
        for service in services
        for year in years
    ]


def write_mandates(path: Path, lines: Iterable[Line]) -> Path:
    """Write a file of mandates and return its path."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(("brin", "service_code", "supplier_oin", "start_date", "end_date", "branch", "routing_id"))
        writer.writerows(lines)
    return path
