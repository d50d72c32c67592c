"""Be our FastStream broker: nothing acknowledged or created by itself, and news of topics soon."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

if TYPE_CHECKING:
    from collections.abc import Mapping

_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def make_broker(options: Mapping[str, Any]) -> KafkaBroker:
    """Make a broker from aiokafka's own connection options."""
    return KafkaBroker(
        options["bootstrap_servers"],
        security=_security(options),
        metadata_max_age_ms=options.get("metadata_max_age_ms", 3000),
        allow_auto_create_topics=False,
        ack_policy=AckPolicy.MANUAL,
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        graceful_timeout=5,
    )


def _security(options: Mapping[str, Any]) -> BaseSecurity | None:
    protocol = options.get("security_protocol", "PLAINTEXT")
    context, encrypts = options.get("ssl_context"), protocol.endswith("SSL")
    if protocol.startswith("SASL"):
        return _SASL[options["sasl_mechanism"]](
            options["sasl_plain_username"], options["sasl_plain_password"], ssl_context=context, use_ssl=encrypts
        )
    return BaseSecurity(ssl_context=context, use_ssl=True) if encrypts else None
