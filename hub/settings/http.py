"""The settings of the HTTP edge: where it answers, whom it believes, and how much one caller gets."""

from ipaddress import ip_address
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)
from pydantic import model_validator as checks_together

from hub.settings.groups import Address, Network, SettingsGroup, split_commas

PRIVATE_NAMES: Final = (".localhost", ".local", ".internal", ".home.arpa", ".test", ".svc")
"""Ends of host names that never belong to the internet; a name without a dot does not either."""
Port = Annotated[int, Field(ge=0, le=65535)]


def _check_root(url: str) -> str:
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("pages and links begin at the root: give the hub a host name of its own, without a path")
    return url


class Http(SettingsGroup):
    """Where the API and the console answer."""

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: Annotated[Address, AfterValidator(_check_root)] | None = None
    monitoring_port: Port | None = None
    """A port of its own for health and metrics, which the other one then does not have."""
    worker_port: Port | None = None
    """Where `osr-produce` and `osr-consume` answer `/health/live` and `/health/ready`; nowhere when left out."""
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(split_commas)] = ()
    """The proxies whose X-Forwarded-For is believed."""

    @checks_together(mode="after")
    def _check_ports(self) -> Self:
        if self.monitoring_port == self.port:
            raise ValueError("MONITORING_PORT is another one than PORT")
        return self

    @property
    def address(self) -> str:
        """The address of this hub for others, without `/v1` and without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def is_public(self) -> bool:
        """Whether the address is one that the internet may reach: neither this machine's nor of a private network."""
        host = urlsplit(self.address).hostname or ""
        try:
            return ip_address(host).is_global
        except ValueError:
            return "." in host.rstrip(".") and not host.rstrip(".").endswith(PRIVATE_NAMES)


class Limits(SettingsGroup):
    """How much one caller gets of each process that serves: by the subject of its token, or else by its address."""

    requests_per_second: NonNegativeFloat = 1000
    burst: PositiveInt = 5000
    unknown_per_second: NonNegativeFloat = 100
    unknown_burst: PositiveInt = 1000
    remembered: PositiveInt = 10_000
    keyed_at_once: PositiveInt = 16
    kept_answers: PositiveInt = 10_000
    receiver_calls_at_once: PositiveInt = 2
    receiver_calls_per_minute: PositiveInt = 30
    at_once: PositiveInt = 5
    """Requests of one caller that are worked on at the same time; its others wait for these."""
    read_seconds: PositiveFloat = 10
    """How long the answer to a GET may take."""
    silence_seconds: PositiveFloat = 10
    """How long a caller may take to send the head of a request, or the next part of its body."""
    connections: PositiveInt = 1000
    connections_per_address: PositiveInt = 200
    changes_per_school_and_hour: NonNegativeInt = 1000
    """Events that the changes of one school may make in an hour, in calls and on pages; 0 is no limit."""
