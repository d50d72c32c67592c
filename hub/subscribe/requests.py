"""Check the options of a subscription and obtain consent. In: options. Out: the rate allowed, or errors."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, assert_never

from hub.errors import FieldError, InvalidInput
from hub.outbound.addresses import AddressNotAllowed, read_url
from hub.outbound.handshake import Agreed, Disagreed, ask_consent
from hub.sealing import unseal
from hub.store import subscriptions
from schemas.kinds import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from hub.domain.subscription import SubscriptionOptions
    from hub.outbound import Outbound
    from hub.store.keys import Keys
    from hub.store.pool import Connection


async def check_request(c: Connection, oin: str, options: SubscriptionOptions) -> None:
    """Raise `InvalidInput` with all that is wrong with what a supplier requests; its receiver is not asked."""
    urls = {"/url": options.url, "/noticeUrl": options.notice_url}
    faults = await check_fields(c, oin, urls=urls, services=options.services, types=options.types)
    if faults:
        raise InvalidInput(faults)


async def check_fields(
    c: Connection, oin: str, *, urls: Mapping[str, str | None], services: Sequence[str], types: Sequence[str]
) -> list[FieldError]:
    """Return what is wrong with these parts of a request; None or none where a part could not be read."""
    found = [error async for error in _unknown(c, oin, services)]
    return [*found, *_refused_urls(urls), *_unknown_types(types)]


async def obtain_consent(outbound: Outbound, options: SubscriptionOptions, origin: str, keys: Keys) -> int | None:
    """Ask the receiver for its consent and return the rate it allows, None for no limit; else raise `InvalidInput`."""
    identity = unseal(options.client_certificate, keys) if options.client_certificate else None
    consent = await ask_consent(outbound, options.url, origin=origin, rate=options.requested_rate, identity=identity)
    match consent:
        case Agreed():
            return consent.allowed_rate
        case Disagreed():
            raise InvalidInput([FieldError(field="/url", code=consent.code, detail=consent.detail)])
        case _:
            assert_never(consent)


async def _unknown(c: Connection, oin: str, services: Sequence[str]) -> AsyncIterator[FieldError]:
    if not await subscriptions.is_registered(c, oin):
        detail = f"no system is registered for supplier {oin}; ask operations to register it"
        yield FieldError(field="/supplierOin", code="unknown_system", detail=detail)
    for code in await subscriptions.unknown_services(c, services):
        detail = f"there is no service {code}"
        index = services.index(code)
        yield FieldError(field=f"/services/{index}", code="unknown_service", detail=detail)


def _refused_urls(urls: Mapping[str, str | None]) -> Iterator[FieldError]:
    for field, url in urls.items():
        if url is None:
            continue
        try:
            read_url(url)
        except AddressNotAllowed as error:
            yield FieldError(field=field, code="address_not_allowed", detail=str(error))


def _unknown_types(types: Sequence[str]) -> Iterator[FieldError]:
    for index, pattern in enumerate(types):
        if not any(fnmatchcase(kind.value, pattern) for kind in EventType):
            detail = f"no type of message is meant by {pattern}; nl.osr.mandate.* is an example that is"
            yield FieldError(field=f"/types/{index}", code="unknown_type", detail=detail)
