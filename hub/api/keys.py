"""`GET /v1/keys`: the public keys that webhooks are signed with, for anyone. In: nothing. Out: keys, newest first."""

from fastapi import APIRouter

from hub.api.state import ConnectionHere
from hub.store import keys as store
from hub.views.models import Items
from hub.views.subscriptions import KeyBody

router = APIRouter(prefix="/keys", tags=["subscriptions"])


@router.get("")
async def list_keys(c: ConnectionHere) -> Items[KeyBody]:
    """List the keys; the first one is made when the hub starts."""
    found = await store.public_keys(c)
    return Items(
        items=[
            KeyBody(
                id=key.id,
                algorithm="Ed25519",
                public_key=key.text,
                created_at=key.created_at,
                retired_at=key.retired_at,
            )
            for key in found
        ],
        next=None,
    )
