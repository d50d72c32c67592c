"""Check the options of a subscription and obtain consent. In: options. Out: the rate allowed, or errors."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, assert_never

from hub.domain.rules import RuleViolation
from hub.domain.system import choose_own
from hub.errors import FieldError, InvalidInput
from hub.outbound.addresses import AddressNotAllowed, read_url
from hub.outbound.handshake import Agreed, Disagreed, ask_consent
from hub.sealing import unseal
from hub.store import register
from schemas.kinds import EventType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from hub.domain.subscription import SubscriptionOptions
    from hub.domain.system import References, System
    from hub.outbound import Outbound
    from hub.store.keys import Keys
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who asks: a supplier, the systems that its token is limited to, and the system that it names."""

    oin: str
    systems: Collection[str] | None = None
    system_code: str | None = None


async def check_request(c: Connection, asker: Subscriber, options: SubscriptionOptions) -> System:
    """Return the system that subscribes.

    Raises `InvalidInput` with all that is wrong with the request; its receiver is not asked.
    """
    references = await register.references(c)
    urls = {"/url": options.url, "/noticeUrl": options.notice_url}
    faults = check_fields(references, asker, urls=urls, services=options.services, types=options.types)
    system = choose_own(references, asker.oin, asker.systems, asker.system_code)
    if faults or isinstance(system, RuleViolation):
        raise InvalidInput(faults)
    return system


def check_fields(
    references: References,
    asker: Subscriber | None,
    *,
    urls: Mapping[str, str | None],
    services: Sequence[str],
    types: Sequence[str],
) -> list[FieldError]:
    """Return what is wrong with these parts of a request; None or none where a part is not checked."""
    return [*_unknown(references, asker, services), *_refused_urls(urls), *_unknown_types(types)]


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


def _unknown(references: References, asker: Subscriber | None, services: Sequence[str]) -> Iterator[FieldError]:
    system = None if asker is None else choose_own(references, asker.oin, asker.systems, asker.system_code)
    if isinstance(system, RuleViolation):
        yield FieldError(field=system.field, code=system.code, detail=system.detail)
    for index, code in enumerate(services):
        if code not in references.services:
            yield FieldError(field=f"/services/{index}", code="unknown_service", detail=f"there is no service {code}")


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
            detail = f"{pattern} matches no type of message; nl.osr.mandate.* is one that does"
            yield FieldError(field=f"/types/{index}", code="unknown_type", detail=detail)
