"""Replays and cancellations through the API. In: the API, for an operator. Out: jobs, and what was decided on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.commands.output import local_time
from hub.errors import HubError, Unavailable
from hub.views.bulk import BulkBody, CancellationBody, ReplayBody

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from hub.commands.remote import RemoteHub

RESOURCES: Final[Mapping[str, type[BulkBody]]] = {"replays": ReplayBody, "cancellations": CancellationBody}


def list_jobs(remote: RemoteHub, limit: int) -> list[tuple[str, ...]]:
    """Return the rows of the newest jobs of both kinds."""
    listed = [each for resource in RESOURCES for each in _list(remote, resource, limit)]
    return sorted(listed, reverse=True)[:limit]


def find_job(remote: RemoteHub, act_id: UUID) -> tuple[str, BulkBody]:
    """Return the resource of a job, and the job."""
    refused: HubError | None = None
    for resource, body in RESOURCES.items():
        try:
            return resource, body.model_validate(remote.get(resource, act_id))
        except Unavailable:
            raise
        except HubError as error:
            refused = error
    raise refused or HubError("there is no such job")


def decide_job(remote: RemoteHub, act_id: UUID, decision: str, reason: str) -> BulkBody:
    """Approve or stop a job."""
    resource, _ = find_job(remote, act_id)
    return RESOURCES[resource].model_validate(remote.post(resource, act_id, decision, reason=reason))


def _list(remote: RemoteHub, resource: str, limit: int) -> list[tuple[str, ...]]:
    return [
        _row(resource, RESOURCES[resource].model_validate(each)) for each in remote.get(resource, limit=limit)["items"]
    ]


def _row(resource: str, body: BulkBody) -> tuple[str, ...]:
    values: dict[str, Any] = dict(body)
    todo, done = values.get("to_send", values.get("to_cancel")), values.get("sent", values.get("cancelled"))
    numbers = (body.matched, todo, done, body.skipped)
    kind, asked = resource.removesuffix("s"), local_time(body.asked_at)
    return str(body.id), kind, body.state, *map(str, numbers), asked, body.reason or ""
