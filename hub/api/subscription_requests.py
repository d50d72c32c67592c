"""The bodies of requests for subscriptions. In: JSON. Out: options of a subscription, or all faults of their form."""

from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from hub.api.bodies import FormChecked
from hub.domain.subscription import ALL_TYPES, SignatureKind, SubscriptionOptions
from hub.outbound.tls import IdentityUnusable, check_identity, days_left
from hub.sealing import seal, unseal
from hub.store.keys import Keys
from hub.views.models import NULL_IS_DEFAULT, RequestModel, example
from schemas.identifiers import ServiceCode, ServiceCodeField, SystemCodeField

MAX_RATE: Final = 2**31 - 1
MAX_WAIT_SECONDS: Final = 7 * 24 * 60 * 60
MAX_GRACE_SECONDS: Final = 30 * 24 * 60 * 60
ONE_DAY_SECONDS: Final = 24 * 60 * 60


def _check_certificate(pem: str) -> str:
    try:
        certificate = check_identity(pem.encode())
    except IdentityUnusable as error:
        raise ValueError(f"expected a certificate and its private key in PEM: {error}") from None
    if days_left(certificate) < 0:
        raise ValueError("the certificate has expired")
    return pem


Text = TypeVar("Text", bound=str)


def _check_distinct(texts: list[Text]) -> list[Text]:
    if len(set(texts)) != len(texts):
        raise ValueError("each is named once")
    return texts


Url = Annotated[str, Field(min_length=1, max_length=2000, description="Where messages are sent to.")]


NoticeUrl = Annotated[
    str,
    Field(min_length=1, max_length=2000, description="Where notices about the subscription are sent to, if anywhere."),
]


Services = Annotated[list[ServiceCodeField], Field(min_length=1, max_length=100), AfterValidator(_check_distinct)]


Types = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z0-9.*?\[\]!-]{1,100}$")]], Field(min_length=1, max_length=20)
]


Rate = Annotated[StrictInt, Field(ge=1, le=MAX_RATE, description="Messages per minute.")]


Schedule = Annotated[
    list[Annotated[StrictInt, Field(ge=1, le=MAX_WAIT_SECONDS)]],
    Field(min_length=1, max_length=20, description="Seconds between attempts."),
]


Certificate = Annotated[str, Field(max_length=30_000), AfterValidator(_check_certificate)]


Signatures = Annotated[
    list[SignatureKind],
    Field(min_length=1, max_length=2, description="`v1` by the secret, `v1a` by the hub's key; left out: `v1`."),
    AfterValidator(_check_distinct),
]


class ReadableSubscription(RequestModel):
    """What could be read of a request for a subscription."""

    system_code: SystemCodeField | None = None
    url: Url | None = None
    services: Services | None = None
    types: Types | None = None
    processing_results: StrictBool | None = None
    reports: StrictBool | None = None
    requested_rate_per_minute: Rate | None = None
    retry_schedule: Schedule | None = None
    client_certificate: Certificate | None = None
    signatures: Signatures | None = None
    notice_url: NoticeUrl | None = None


class NewSubscriptionRequest(FormChecked):
    """A request for a subscription; only `url` and `services` are required."""

    model_config = example(
        url="https://las.example/hook",
        services=["VVA", "BRON_PO"],
        types=["nl.osr.mandate.*"],
        processingResults=True,
        reports=True,
        requestedRatePerMinute=600,
        retrySchedule=[5, 300, 1800],
    )

    readable_as = ReadableSubscription

    system_code: SystemCodeField | None = None
    """Left out: the only system of the token's supplier."""
    url: Url
    services: Services
    types: Types | None = None
    """Which events of mandates are copied; deliveries that the system must process come in any case."""
    processing_results: StrictBool | None = None
    """Whether DUO's processing of a message is sent, as `nl.osr.delivery.changed.v1`, independent of `types`. It covers
    DUO's services among `services`, or all of them where it names none."""
    reports: StrictBool | None = None
    requested_rate_per_minute: Rate | None = None
    retry_schedule: Schedule | None = None
    client_certificate: Certificate | None = None
    signatures: Signatures | None = None
    notice_url: NoticeUrl | None = None

    def to_options(self, keys: Keys) -> SubscriptionOptions:
        """Return the options in the hub's own terms; a client certificate is sealed."""
        return SubscriptionOptions(
            url=self.url,
            services=tuple(self.services),
            types=tuple(self.types or ALL_TYPES),
            processing_results=bool(self.processing_results),
            reports=self.reports is not False,
            requested_rate=self.requested_rate_per_minute,
            retry_schedule=tuple(self.retry_schedule) if self.retry_schedule else None,
            client_certificate=seal(self.client_certificate.encode(), keys) if self.client_certificate else None,
            signatures=tuple(self.signatures or (SignatureKind.V1,)),
            notice_url=self.notice_url,
        )


class SubscriptionPatch(FormChecked):
    """What shall be different (merge patch): null means as if it had been left out from the start."""

    model_config = example(services=["VVA"], processingResults=False)

    url: Url = ""
    services: Services = Field(default_factory=list)
    types: Types | None = None
    processing_results: StrictBool | None = None
    reports: StrictBool | None = None
    requested_rate_per_minute: Rate | None = None
    retry_schedule: Schedule | None = None
    client_certificate: Certificate | None = None
    signatures: Signatures | None = None
    notice_url: NoticeUrl | None = None

    def merge(self, options: SubscriptionOptions, keys: Keys) -> SubscriptionOptions:
        """Return the options after this patch."""
        before = _to_request(options, keys)
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return before.model_copy(update=given).to_options(keys)


class RotationRequest(RequestModel):
    """How long the secrets until now still sign."""

    model_config = example(graceSeconds=86400)

    grace_seconds: Annotated[StrictInt, Field(ge=0, le=MAX_GRACE_SECONDS), NULL_IS_DEFAULT] = ONE_DAY_SECONDS


def _to_request(options: SubscriptionOptions, keys: Keys) -> NewSubscriptionRequest:
    return NewSubscriptionRequest.model_construct(
        url=options.url,
        services=[ServiceCode(code) for code in options.services],
        types=list(options.types),
        processing_results=options.processing_results,
        reports=options.reports,
        requested_rate_per_minute=options.requested_rate,
        retry_schedule=list(options.retry_schedule) if options.retry_schedule else None,
        client_certificate=unseal(options.client_certificate, keys).decode() if options.client_certificate else None,
        signatures=list(options.signatures),
        notice_url=options.notice_url,
    )
