"""Objectives of destinations. In: objectives and measurements. Out: which destination has which, and what met it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.objective import Objective, ObjectiveCounts
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from hub.settings import Settings
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnObjective:
    """The objective that a destination has of its own, if any; `version` rises with every change."""

    destination: int
    objective: Objective | None
    version: int


def default_objective(settings: Settings) -> Objective:
    """Return the objective of destinations that have none of their own."""
    given = settings.objectives
    return Objective(
        transport_seconds=given.transport_seconds, processing_seconds=given.processing_seconds, share=given.share
    )


async def own_objectives(c: Connection) -> dict[int, Objective]:
    """Return the objectives of destinations that have one of their own."""
    found = {row["id"]: read_objective(row) for row in await queries.read_own_objectives(c)}
    return {destination: objective for destination, objective in found.items() if objective is not None}


async def lock_objective(c: Connection, name: str) -> OwnObjective | None:
    """Lock a destination and return its own objective; None when there is no such destination."""
    row = await queries.lock_own_objective(c, name=name)
    if row is None:
        return None
    return OwnObjective(destination=row["id"], objective=read_objective(row), version=row["objective_version"])


async def write_objective(c: Connection, destination: int, objective: Objective | None) -> None:
    """Give a destination an objective of its own, or that of the settings."""
    await queries.write_own_objective(
        c,
        id=destination,
        transport=objective and objective.transport_seconds,
        processing=objective and objective.processing_seconds,
        share=objective and objective.share,
    )


async def counts(c: Connection) -> dict[int, ObjectiveCounts]:
    """Return per destination what met its objective, this month and now."""
    return {
        row["destination"]: ObjectiveCounts(
            month=row["month"], month_met=row["month_met"], hour=row["hour"], hour_met=row["hour_met"]
        )
        for row in await queries.sum_objective_counts(c)
    }


async def add_counts(c: Connection, process: int, judged: Mapping[tuple[int, bool], int]) -> None:
    """Add how many measurements met the objective or not, per destination, to this hour."""
    keys = sorted({destination for destination, _ in judged})
    await queries.add_objective_counts(
        c,
        process=process,
        destinations=keys,
        mets=[judged.get((key, True), 0) for key in keys],
        misseds=[judged.get((key, False), 0) for key in keys],
    )


def read_objective(row: Mapping[str, Any]) -> Objective | None:
    """Return the objective of a row's columns, if it has one."""
    if row["objective_share"] is None:
        return None
    return Objective(
        transport_seconds=row["objective_transport"],
        processing_seconds=row["objective_processing"],
        share=row["objective_share"],
    )
