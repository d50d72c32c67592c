"""`/v1/subscriptions`: a system asks to be told. In: its wishes. Out: subscriptions, and lanes that are due."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from hub import subscribe
from hub.api.answers import ETAG, LOCATION, TAGGED
from hub.api.auth import LasHere, require
from hub.api.models import Items
from hub.api.preconditions import IfMatch, check_match, etag
from hub.api.subscription_desk import DeskHere, may_read, own, own_oin, readable
from hub.api.subscription_models import (
    NewSubscriptionBody,
    RotationBody,
    RotationRequest,
    SubscriptionBody,
    SubscriptionPatch,
    SubscriptionRequest,
    TrialBody,
    show,
    show_new,
)
from hub.domain.signing import format_secret
from hub.domain.subscription import SubscriptionStatus
from hub.store import subscriptions as store
from hub.subscribe import trial
from hub.tokens import Caller, Role

router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

ReaderHere = Annotated[Caller, Depends(require(Role.LAS, Role.OPERATIONS))]


@router.get("")
async def list_subscriptions(caller: ReaderHere, desk: DeskHere) -> Items[SubscriptionBody]:
    """List a system's own subscription; operations see all."""
    async with desk.borrow() as c:
        found = await store.read_all(c)
    return Items(items=[show(each, desk.keys) for each in found if may_read(caller, each)], next=None)


@router.post("", status_code=HTTPStatus.CREATED, responses={201: {"headers": LOCATION | ETAG}})
async def post_subscription(
    body: SubscriptionRequest, caller: LasHere, desk: DeskHere, response: Response
) -> NewSubscriptionBody:
    """Subscribe: the receiver is asked for its consent, then told what must be heard; the secret is shown only here."""
    with body.comes_first():
        oin, wish = own_oin(caller), body.to_wish(desk.keys)
    async with desk.borrow() as c:
        await subscribe.check(c, oin, wish, body.unread)
        await subscribe.check_free(c, oin)
    wanted = subscribe.Change(wish=wish, allowed_rate=await desk.agree(wish))
    async with desk.borrow() as c, c.transaction():
        made, secret = await subscribe.subscribe(c, oin, wanted, desk.keys, desk.now())
        await desk.note(c, "created", caller, (None, made))
    desk.ring()
    response.headers["Location"] = f"/v1/subscriptions/{made.id}"
    response.headers["ETag"] = etag(made.version)
    return show_new(made, secret, desk.keys)


@router.get("/{subscription_id}", responses=TAGGED)
async def get_subscription(
    subscription_id: UUID, caller: ReaderHere, desk: DeskHere, response: Response
) -> SubscriptionBody:
    """Read a subscription."""
    async with desk.borrow() as c:
        found = readable(await store.find(c, subscription_id), caller)
    response.headers["ETag"] = etag(found.version)
    return show(found, desk.keys)


@router.patch("/{subscription_id}", responses=TAGGED)
async def patch_subscription(
    subscription_id: UUID,
    body: SubscriptionPatch,
    caller: LasHere,
    desk: DeskHere,
    response: Response,
    if_match: IfMatch = None,
) -> SubscriptionBody:
    """Change what is asked for; another address, rate or certificate needs the receiver's consent again."""
    async with desk.borrow() as c:
        with body.comes_first():
            before = own(await store.find(c, subscription_id), caller)
            check_match(if_match, before.version, required=True)
        wish = body.merge(before.wish, desk.keys)
        await subscribe.check(c, before.supplier_oin, wish, body.unread)
    asks = not body.model_fields_set.isdisjoint(subscribe.NEEDS_CONSENT)
    wanted = subscribe.Change(wish=wish, allowed_rate=await desk.agree(wish) if asks else before.allowed_rate)
    async with desk.borrow() as c, c.transaction():
        locked = own(await store.lock(c, subscription_id), caller)
        check_match(etag(before.version), locked.version)
        after = await subscribe.change(c, locked, wanted, desk.now())
        await desk.note(c, "changed", caller, (locked, after))
    desk.ring()
    response.headers["ETag"] = etag(after.version)
    return show(after, desk.keys)


@router.delete("/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_subscription(subscription_id: UUID, caller: LasHere, desk: DeskHere, if_match: IfMatch = None) -> None:
    """Delete a subscription: its copies are cancelled, what must be heard waits for the next one."""
    async with desk.borrow() as c, c.transaction():
        found = own(await store.lock(c, subscription_id), caller)
        check_match(if_match, found.version)
        await desk.note(c, "deleted", caller, (found, await subscribe.remove(c, found, desk.now())))
    desk.ring()


@router.post("/{subscription_id}/pause", responses=TAGGED)
async def post_pause(
    subscription_id: UUID, caller: LasHere, desk: DeskHere, response: Response, if_match: IfMatch = None
) -> SubscriptionBody:
    """Let everything wait."""
    async with desk.borrow() as c, c.transaction():
        found = own(await store.lock(c, subscription_id), caller)
        check_match(if_match, found.version)
        after = await subscribe.pause(c, found, desk.now())
        if after != found:
            await desk.note(c, "paused", caller, (found, after))
    desk.ring()
    response.headers["ETag"] = etag(after.version)
    return show(after, desk.keys)


@router.post("/{subscription_id}/resume", responses=TAGGED)
async def post_resume(
    subscription_id: UUID, caller: LasHere, desk: DeskHere, response: Response, if_match: IfMatch = None
) -> SubscriptionBody:
    """Go on with what waited, in order; a receiver that had wanted nothing any more is asked for its consent again."""
    async with desk.borrow() as c:
        found = own(await store.find(c, subscription_id), caller)
    check_match(if_match, found.version)
    if found.status is SubscriptionStatus.DISABLED:
        await desk.agree(found.wish)
    async with desk.borrow() as c, c.transaction():
        locked = own(await store.lock(c, subscription_id), caller)
        check_match(if_match, locked.version)
        after = await subscribe.activate(c, locked, desk.now())
        if after != locked:
            await desk.note(c, "resumed", caller, (locked, after))
    desk.ring()
    response.headers["ETag"] = etag(after.version)
    return show(after, desk.keys)


@router.post("/{subscription_id}/secrets", status_code=HTTPStatus.CREATED)
async def post_secret(
    subscription_id: UUID,
    caller: LasHere,
    desk: DeskHere,
    body: RotationRequest | None = None,
    if_match: IfMatch = None,
) -> RotationBody:
    """Make a new secret, shown only here; until the grace is over messages are signed by both."""
    grace = timedelta(seconds=(body or RotationRequest()).grace_seconds)
    async with desk.borrow() as c, c.transaction():
        found = own(await store.lock(c, subscription_id), caller)
        check_match(if_match, found.version)
        secret, until = await subscribe.rotate(c, found, grace, desk.keys, desk.now())
        await desk.note(c, "secret_rotated", caller, (found, found), previousValidUntil=until)
    desk.ring()
    return RotationBody(secret=format_secret(secret), previous_valid_until=until)


@router.post("/{subscription_id}/test")
async def post_test(subscription_id: UUID, caller: LasHere, desk: DeskHere) -> TrialBody:
    """Send a signed message that means nothing, and say what the receiver answered."""
    async with desk.borrow() as c:
        found = own(await store.find(c, subscription_id), caller)
        prepared = await trial.prepare(c, found, desk.settings, desk.now())
    return TrialBody.model_validate(await trial.send(desk.outbound, prepared, desk.now()))
