"""What an installation decides. In: `OSR_HUB_…` names in the environment and `.env`. Out: one frozen `Settings`.

`read` reads the names and reports everything that is wrong at once; `tree` has the whole; `groups`, `http` and `kafka`
have its parts. Nothing else in the hub reads the environment.
"""

from hub.settings.groups import Auth, Database, Log, LogFormat, LogLevel, Retention, Secrets, Webhook
from hub.settings.http import Http, Limits
from hub.settings.kafka import Kafka
from hub.settings.read import load
from hub.settings.tree import Settings

__all__ = [
    "Auth",
    "Database",
    "Http",
    "Kafka",
    "Limits",
    "Log",
    "LogFormat",
    "LogLevel",
    "Retention",
    "Secrets",
    "Settings",
    "Webhook",
    "load",
]
