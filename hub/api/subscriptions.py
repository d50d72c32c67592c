"""`/v1/subscriptions`: a system subscribes to messages by webhook. In: requests. Out: subscriptions, and due lanes."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from hub import subscribe
from hub.access import Caller, Role
from hub.access.rules import may_read_subscription, require_supplier
from hub.api.answers import ETAG, LOCATION, TAGGED
from hub.api.auth import LasHere, require
from hub.api.parameters import IfMatch, check_match, etag
from hub.api.subscription_context import (
    SubscriptionContext,
    SubscriptionContextHere,
    require_own,
    require_readable,
)
from hub.api.subscription_requests import (
    NewSubscriptionRequest,
    ReadableSubscription,
    RotationRequest,
    SubscriptionPatch,
)
from hub.domain.signing import format_secret
from hub.domain.subscription import SubscriptionStatus
from hub.errors import FieldError
from hub.store import notices, register
from hub.store import subscriptions as store
from hub.subscribe import trial
from hub.views.models import Items
from hub.views.subscriptions import (
    NewSubscriptionBody,
    RotationBody,
    SubscriptionBody,
    SubscriptionDetailBody,
    TrialBody,
    show_new_subscription,
    show_subscription,
    show_subscription_detail,
)

router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

NEWEST_NOTICES = 10
ReaderHere = Annotated[Caller, Depends(require(Role.LAS, Role.OPERATIONS))]


@router.get("")
async def list_subscriptions(caller: ReaderHere, context: SubscriptionContextHere) -> Items[SubscriptionBody]:
    """List the subscriptions of the caller's systems; operations see all."""
    async with context.borrow() as c:
        found = await store.read_all(c)
    return Items(
        items=[show_subscription(each, context.keys) for each in found if may_read_subscription(caller, each)],
        next=None,
    )


@router.post("", status_code=HTTPStatus.CREATED, responses={201: {"headers": LOCATION | ETAG}})
async def post_subscription(
    body: NewSubscriptionRequest, caller: LasHere, context: SubscriptionContextHere, response: Response
) -> NewSubscriptionBody:
    """Subscribe, after the receiver consented; what it must process is sent at once, the secret is shown only here."""
    if body.faults:
        raise body.refusal(await _check_rest(context, _subscriber(caller, body.readable), body.readable))
    oin, options = require_supplier(caller), body.to_options(context.keys)
    asker = subscribe.Subscriber(oin=oin, systems=caller.systems, system_code=body.system_code)
    async with context.borrow() as c:
        system = await subscribe.check_request(c, asker, options)
        await subscribe.check_free(c, system.code)
    allowed_rate = await context.obtain_consent(oin, options)
    agreed = subscribe.AgreedRequest(options=options, allowed_rate=allowed_rate, system_code=system.code)
    async with context.borrow() as c, c.transaction():
        made, secret = await subscribe.subscribe(c, oin, agreed, context.keys, context.now())
        await context.write_entry(c, "created", caller, (None, made))
    context.notify()
    response.headers["Location"] = f"/v1/subscriptions/{made.id}"
    response.headers["ETag"] = etag(made.version)
    return show_new_subscription(made, secret, context.keys)


@router.get("/{subscription_id}", responses=TAGGED)
async def get_subscription(
    subscription_id: UUID, caller: ReaderHere, context: SubscriptionContextHere, response: Response
) -> SubscriptionDetailBody:
    """Read a subscription, with the newest notices about it."""
    async with context.borrow() as c:
        found = require_readable(await store.find(c, subscription_id), caller)
        about = await notices.newest(c, found.id, NEWEST_NOTICES)
    response.headers["ETag"] = etag(found.version)
    return show_subscription_detail(found, about, context.keys)


@router.patch("/{subscription_id}", responses=TAGGED)
async def patch_subscription(
    subscription_id: UUID,
    body: SubscriptionPatch,
    caller: LasHere,
    context: SubscriptionContextHere,
    response: Response,
    if_match: IfMatch = None,
) -> SubscriptionBody:
    """Change a subscription; another address, rate or certificate needs the receiver's consent again."""
    if body.faults:
        raise body.refusal(await _check_rest(context, None, body.readable))
    async with context.borrow() as c:
        before = require_own(await store.find(c, subscription_id), caller)
        check_match(if_match, before.version, required=True)
        options = body.merge(before.options, context.keys)
        asker = subscribe.Subscriber(oin=before.supplier_oin, system_code=before.system_code)
        await subscribe.check_request(c, asker, options)
    asks = not body.model_fields_set.isdisjoint(subscribe.NEEDS_CONSENT)
    agreed = subscribe.AgreedRequest(
        options=options,
        allowed_rate=await context.obtain_consent(before.supplier_oin, options) if asks else before.allowed_rate,
    )
    async with context.borrow() as c, c.transaction():
        locked = require_own(await store.lock(c, subscription_id), caller)
        check_match(etag(before.version), locked.version)
        after = await subscribe.change(c, locked, agreed, context.now())
        await context.write_entry(c, "changed", caller, (locked, after))
    context.notify()
    response.headers["ETag"] = etag(after.version)
    return show_subscription(after, context.keys)


@router.delete("/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_subscription(
    subscription_id: UUID, caller: LasHere, context: SubscriptionContextHere, if_match: IfMatch = None
) -> None:
    """Delete a subscription: its copies are cancelled, what must be processed waits for the next subscription."""
    async with context.borrow() as c, c.transaction():
        found = require_own(await store.lock(c, subscription_id), caller)
        check_match(if_match, found.version)
        await context.write_entry(c, "deleted", caller, (found, await subscribe.remove(c, found, context.now())))
    context.notify()


@router.post("/{subscription_id}/pause", responses=TAGGED)
async def post_pause(
    subscription_id: UUID,
    caller: LasHere,
    context: SubscriptionContextHere,
    response: Response,
    if_match: IfMatch = None,
) -> SubscriptionBody:
    """Pause: all deliveries wait."""
    async with context.borrow() as c, c.transaction():
        found = require_own(await store.lock(c, subscription_id), caller)
        check_match(if_match, found.version)
        after = await subscribe.pause(c, found, context.now())
        if after != found:
            await context.write_entry(c, "paused", caller, (found, after))
    context.notify()
    response.headers["ETag"] = etag(after.version)
    return show_subscription(after, context.keys)


@router.post("/{subscription_id}/resume", responses=TAGGED)
async def post_resume(
    subscription_id: UUID,
    caller: LasHere,
    context: SubscriptionContextHere,
    response: Response,
    if_match: IfMatch = None,
) -> SubscriptionBody:
    """Resume in order; the receiver of a disabled subscription must consent again."""
    async with context.borrow() as c:
        found = require_own(await store.find(c, subscription_id), caller)
    check_match(if_match, found.version)
    if found.status is SubscriptionStatus.DISABLED:
        await context.obtain_consent(found.supplier_oin, found.options)
    async with context.borrow() as c, c.transaction():
        locked = require_own(await store.lock(c, subscription_id), caller)
        check_match(if_match, locked.version)
        after = await subscribe.activate(c, locked, context.now())
        if after != locked:
            await context.write_entry(c, "resumed", caller, (locked, after))
    context.notify()
    response.headers["ETag"] = etag(after.version)
    return show_subscription(after, context.keys)


@router.post("/{subscription_id}/secrets", status_code=HTTPStatus.CREATED)
async def post_secret(
    subscription_id: UUID,
    caller: LasHere,
    context: SubscriptionContextHere,
    body: RotationRequest | None = None,
    if_match: IfMatch = None,
) -> RotationBody:
    """Make a new secret, shown only here; until the grace is over messages are signed by both."""
    grace = timedelta(seconds=(body or RotationRequest()).grace_seconds)
    async with context.borrow() as c, c.transaction():
        found = require_own(await store.lock(c, subscription_id), caller)
        check_match(if_match, found.version)
        secret, until = await subscribe.rotate(c, found, grace, context.keys, context.now())
        await context.write_entry(c, "secret_rotated", caller, (found, found), previousValidUntil=until)
    context.notify()
    return RotationBody(secret=format_secret(secret), previous_valid_until=until)


@router.post("/{subscription_id}/test")
async def post_test(subscription_id: UUID, caller: LasHere, context: SubscriptionContextHere) -> TrialBody:
    """Send a signed test message and return what the receiver answered."""
    async with context.borrow() as c:
        found = require_own(await store.find(c, subscription_id), caller)
        prepared = await trial.prepare(c, found, context.settings, context.now())
    async with context.outside(found.supplier_oin):
        return TrialBody.model_validate(await trial.send(context.outbound, prepared, context.now()))


def _subscriber(caller: Caller, body: ReadableSubscription) -> subscribe.Subscriber | None:
    """Return who asks; None when the token does not name one supplier."""
    if caller.oin is None:
        return None
    return subscribe.Subscriber(oin=caller.oin, systems=caller.systems, system_code=body.system_code)


async def _check_rest(
    context: SubscriptionContext, asker: subscribe.Subscriber | None, body: ReadableSubscription | SubscriptionPatch
) -> list[FieldError]:
    """Return what is wrong with the readable rest of a request; the system is left out when `asker` is None."""
    async with context.borrow() as c:
        references = await register.references(c)
    return subscribe.check_fields(
        references,
        asker,
        urls={"/url": body.url or None, "/noticeUrl": body.notice_url},
        services=body.services or (),
        types=body.types or (),
    )
