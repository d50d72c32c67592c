"""Systems and services, to which mandates refer, and which system a request means.

In: what the register holds, and what a request names. Out: the system, or what is wrong. Next: `hub.register`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from hub.domain.rules import RuleViolation
from schemas.identifiers import UNNAMED, SystemCode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hub.domain.rules import GrantRequest, PartialGrant
    from schemas.identifiers import Oin


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to tell about a system."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    url: str | None = None


NO_CONTACT: Final = Contact()


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """An administration system: who supplies it, what it is called, which services it offers."""

    supplier_oin: Oin
    name: str
    service_codes: frozenset[str]
    code: SystemCode = UNNAMED
    """Its supplier's OIN when left out."""
    contact: Contact = NO_CONTACT

    def __post_init__(self) -> None:
        if not self.code:
            object.__setattr__(self, "code", SystemCode(self.supplier_oin))


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service: its queue of DUO, or none where the mandated system itself receives the messages."""

    code: str
    shown_as: str
    destination: str | None
    topic: str | None
    version: int = 1

    @property
    def kind(self) -> Literal["duo", "las"]:
        """Whether DUO receives its messages, or the mandated system."""
        return "las" if self.destination is None else "duo"


@dataclass(frozen=True, kw_only=True)
class References:
    """All systems and services, to which requests refer."""

    systems: Mapping[SystemCode, System]
    services: Mapping[str, Service]

    @cached_property
    def names(self) -> Mapping[SystemCode, str]:
        """What each system is called."""
        return {code: system.name for code, system in self.systems.items()}

    @cached_property
    def by_supplier(self) -> Mapping[str, Sequence[System]]:
        """The systems of each supplier, in the order of their codes."""
        found: dict[str, list[System]] = {}
        for _, system in sorted(self.systems.items()):
            found.setdefault(system.supplier_oin, []).append(system)
        return found


def choose(request: GrantRequest | PartialGrant, references: References) -> System | RuleViolation | None:
    """Return the system that a request means, or what is wrong; None when too little of the request is known.

    By its supplier alone it is the only system of that supplier that offers the service.
    """
    service = request.service_code if request.service_code in references.services else None
    if request.system_code is not None:
        return _by_code(request.system_code, request.supplier_oin, service, references)
    if request.supplier_oin is None:
        return None
    own = references.by_supplier.get(request.supplier_oin)
    if not own:
        detail = f"no system of supplier {request.supplier_oin} is registered"
        return RuleViolation(field="/supplierOin", code="unknown_system", detail=detail)
    return _only_one(request.supplier_oin, service, own)


def choose_own(
    references: References, oin: str, allowed: Collection[str] | None, code: str | None
) -> System | RuleViolation:
    """Return the system that a supplier's token means: by its code, or the only one that the token acts for.

    `allowed` are the systems that the token is limited to; None for all of the supplier's.
    """
    systems = references.by_supplier.get(oin, ())
    own = [each for each in systems if allowed is None or each.code in allowed]
    if code is not None:
        detail = f"supplier {oin} has no system {code}"
        missing = RuleViolation(field="/systemCode", code="unknown_system", detail=detail)
        return next((each for each in own if each.code == code), missing)
    if not own:
        detail = f"no system is registered for supplier {oin}; ask operations to register it"
        return RuleViolation(field="/supplierOin", code="unknown_system", detail=detail)
    return own[0] if len(own) == 1 else which_system(oin, own)


def _by_code(
    code: SystemCode, supplier_oin: str | None, service: str | None, references: References
) -> System | RuleViolation:
    system = references.systems.get(code)
    if system is None:
        detail = f"system {code} is not in the register"
        return RuleViolation(field="/systemCode", code="unknown_system", detail=detail)
    if supplier_oin not in (None, system.supplier_oin):
        detail = f"system {code} is one of supplier {system.supplier_oin}, not of {supplier_oin}"
        return RuleViolation(field="/systemCode", code="other_supplier", detail=detail)
    if service is not None and service not in system.service_codes:
        detail = f"system {code} does not offer {service}"
        return RuleViolation(field="/systemCode", code="service_not_offered", detail=detail)
    return system


def _only_one(oin: str, service: str | None, own: Sequence[System]) -> System | RuleViolation | None:
    if service is None:
        return own[0] if len(own) == 1 else None
    offering = [each for each in own if service in each.service_codes]
    if not offering:
        what = "the system" if len(own) == 1 else "no system"
        does = "does not offer" if len(own) == 1 else "offers"
        return RuleViolation(
            field="/supplierOin", code="service_not_offered", detail=f"{what} of {oin} {does} {service}"
        )
    return offering[0] if len(offering) == 1 else which_system(oin, offering)


def which_system(oin: str, systems: Sequence[System]) -> RuleViolation:
    """Return the violation of a request that names a supplier with several systems, and none of these."""
    codes = ", ".join(each.code for each in systems)
    detail = f"supplier {oin} has several systems: name one of {codes} as systemCode"
    return RuleViolation(field="/systemCode", code="which_system", detail=detail)
