"""A hub that loses its database and is restored from a backup.

In: a running stack. Out: changes of every kind in every service, before the backup, after it, and after the disaster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.support.register.stack_register import BOARDS, SERVICES, TEST_LAS
from tests.support.servers.stacks import SCHOOLS, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.stacks import RunningStack

LATER: Final = "00000099000000005000"
"""A system that comes to the register after the backup."""
HEADER: Final = "supplier_oin;system_name;service_codes\n"
SYSTEMS: Final = f"{HEADER}{LATER};Nakomer;RIO\n"
KNOWN: Final = f"{HEADER}{TEST_LAS};Getuige;{','.join(SERVICES)}\n"
FAR: Final = "2031-07-31"
NEAR: Final = "2030-07-31"


@dataclass(kw_only=True)
class RestoreScenario:
    """The changes that schools make on a stack; mandates are known by school and service."""

    stack: RunningStack
    token: str
    made: dict[tuple[str, str], str] = field(default_factory=dict)

    async def settle_in(self, folder: Path) -> None:
        """Import schools and a system."""
        (file := folder / "systems.csv").write_text(KNOWN)
        await self.stack.done("osr-hub", "import", "schools", str(SCHOOLS))
        await self.stack.done("osr-hub", "import", "systems", str(file))

    async def before_backup(self) -> None:
        """Grant mandates with and without routing, in every service."""
        await self.grant("18DS", "VVA", branches=[_route("18DS00", 1), _route("18DS01", 2)])
        await self.grant("11OA", "VVA")
        await self.grant("13JQ", "VVA")
        await self.grant("18DS", "RIO", branches=[_route("18DS00", 1)])
        for brin, service in (("11OA", "BRON_PO"), ("13JQ", "RIO"), ("18DS", "VERZUIM"), ("11OA", "VERZUIM")):
            await self.grant(brin, service)

    async def after_backup(self, folder: Path) -> None:
        """Change dates and routing, end mandates, grant new ones, and import a new system."""
        await self.amend("18DS", "VVA", endDate=NEAR)
        await self.route("18DS", "VVA", "18DS02")
        await self.unroute("18DS", "VVA", "18DS00")
        await self.route("13JQ", "VVA", "13JQ00")
        await self.withdraw("11OA", "VVA")
        await self.grant("11OA", "VVA", branches=[_route("11OA03", 7)])
        await self.grant("12IT", "VVA")
        await self.route("18DS", "RIO", "18DS01")
        await self.unroute("18DS", "RIO", "18DS00")
        await self.withdraw("13JQ", "RIO")
        await self.amend("11OA", "BRON_PO", endDate=NEAR)
        await self.grant("12IT", "BRON_PO", branches=[_route("12IT02", 3)])
        await self.withdraw("18DS", "VERZUIM")
        (file := folder / "later.csv").write_text(SYSTEMS)
        await self.stack.done("osr-hub", "import", "systems", str(file))
        await self.grant("12IT", "RIO", LATER)

    async def after_restore(self) -> None:
        """Change mandates of before the backup, and of after it."""
        await self.amend("18DS", "VVA", endDate="2029-07-31")
        await self.withdraw("12IT", "VVA")
        await self.amend("11OA", "VVA", endDate=NEAR)
        await self.unroute("18DS", "RIO", "18DS01")
        await self.amend("12IT", "RIO", endDate=NEAR)
        await self.withdraw("11OA", "BRON_PO")
        await self.amend("11OA", "VERZUIM", endDate=NEAR)
        await self.grant("13JQ", "BRON_PO")

    async def grant(self, brin: str, service: str, supplier: str = TEST_LAS, **more: object) -> None:
        """Grant a mandate."""
        body = {"brin": brin, "serviceCode": service, "supplierOin": supplier, "endDate": FAR, **more}
        self.made[brin, service] = (await self._call("POST", "/mandates", body))["id"]

    async def amend(self, brin: str, service: str, **change: str) -> None:
        """Change a mandate."""
        path = f"/mandates/{self.made[brin, service]}"
        known = await self._call("GET", path)
        await self.stack.call("PATCH", path, change, token=self.token, etag=f'"{known["version"]}"')

    async def withdraw(self, brin: str, service: str) -> None:
        """Withdraw a mandate."""
        await self._call("POST", f"/mandates/{self.made[brin, service]}/withdrawal", {"reason": "proef"})

    async def route(self, brin: str, service: str, branch: str) -> None:
        """Assign a free routing characteristic to a branch."""
        await self._call("PUT", f"/mandates/{self.made[brin, service]}/routing/{branch}", {"routingId": None})

    async def unroute(self, brin: str, service: str, branch: str) -> None:
        """Remove a branch's routing characteristic."""
        await self._call("DELETE", f"/mandates/{self.made[brin, service]}/routing/{branch}")

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        return await self.stack.call(method, path, body, token=self.token)


def _route(branch: str, nth: int) -> dict[str, str]:
    return {"branch": branch, "routingId": f"00000007000{branch[:4]}{nth:05}"}


async def schools_token(stack: RunningStack) -> str:
    """Return a token of all boards of the sample."""
    return await stack.token("OSR-toegang", *(word for board in BOARDS for word in ("--bge", board)))


async def all_is_sent(stack: RunningStack) -> None:
    """Wait until every change was published, planned and taken by its receivers."""

    async def nothing_waits() -> bool:
        return not [name for name in await stack.left() if not name.endswith("unprocessed")]

    await until(nothing_waits, "everything is sent")


async def reader_of_events(stack: RunningStack, since: str | None) -> tuple[list[dict[str, Any]], str]:
    """Read `GET /v1/events` from a position on; return the events, and the next position."""
    found: list[dict[str, Any]] = []
    while True:
        page = await stack.call("GET", "/events?limit=100" + (f"&since={since}" if since else ""))
        found, since = [*found, *page["items"]], page["next"]
        if not page["more"]:
            return found, str(since)
