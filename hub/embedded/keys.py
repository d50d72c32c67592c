"""What a stack remembers and keeps secret. In: its data folder. Out: passwords, a sealing key and ports, made once."""

from __future__ import annotations

import base64
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Self

import orjson

from hub.embedded import ports
from hub.embedded.errors import DataFolderUnusable
from hub.embedded.paths import DataDir, write_private

if TYPE_CHECKING:
    from pathlib import Path

PORTS: Final = ("postgres_port", "kafka_port", "kafka_controller_port", "las_port", "login_port")


@dataclass(frozen=True, kw_only=True, slots=True)
class StackSecrets:
    """The secrets of one stack and the ports of its servers."""

    admin_password: str
    password: str
    kafka_password: str
    kafka_controller_password: str
    sealing_key: str
    postgres_port: int
    kafka_port: int
    kafka_controller_port: int
    las_port: int
    login_port: int

    @classmethod
    def load_or_create(cls, data: DataDir) -> Self:
        """Read what an earlier start kept, or make it; replace ports that another program took meanwhile, and keep all.

        Raises `DataFolderUnusable` when the file is damaged.
        """
        path = _path(data)
        try:
            kept = orjson.loads(path.read_bytes()) if path.exists() else {}
            remembered = [int(kept[name]) for name in PORTS if name in kept]
            chosen = dict(zip(PORTS, ports.choose(remembered, len(PORTS)), strict=True))
            passwords = ("admin_password", "password", "kafka_password", "kafka_controller_password")
            made = {**{name: _random_password() for name in passwords}, "sealing_key": _random_sealing_key()}
            secrets_ = cls(**{**made, **kept, **chosen})
        except (ValueError, TypeError) as error:
            raise DataFolderUnusable(data.root, f"{path.name} is damaged") from error
        write_private(path, orjson.dumps(asdict(secrets_), option=orjson.OPT_INDENT_2).decode())
        return secrets_


def development_keyfile(data: DataDir) -> Path:
    """Return the path of the key that signs development tokens."""
    return data.keys / "development-token-key.json"


def _path(data: DataDir) -> Path:
    return data.keys / "stack.json"


def _random_password() -> str:
    return secrets.token_hex(24)


def _random_sealing_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
