"""Stand-in until the real module lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.domain.delivery import Status
    from hub.store.pool import Connection


async def add(c: Connection, process: int, deltas: Mapping[tuple[int, Status, bool], int]) -> None:
    """Add deltas."""
    keys = sorted(deltas)
    await c.execute(
        """insert into tallies as t (process, destination, status, expects_report, n)
           select $1, d, s::delivery_status, e, n from unnest($2::smallint[], $3::text[], $4::bool[], $5::bigint[]) u(d,s,e,n)
           order by 2,3,4
           on conflict (process, destination, status, expects_report) do update set n = t.n + excluded.n""",
        process, [k[0] for k in keys], [k[1].value for k in keys], [k[2] for k in keys], [deltas[k] for k in keys])
