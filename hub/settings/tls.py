"""How connections to the database are encrypted, by libpq's words. Out: the contexts to try, in their order."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
TLS_WORDS: Final = (
    "sslmode",
    *FILES,
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)
SYSTEM: Final = "system"
"""The value of sslrootcert that means this machine's own authorities."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsOptions:
    """What an address says about TLS."""

    mode: str
    files: Mapping[str, str]
    password: str = field(repr=False)
    is_direct: bool
    lowest: ssl.TLSVersion
    highest: ssl.TLSVersion

    def contexts(self) -> tuple[ssl.SSLContext | None, ...]:
        """Return the contexts to try one after the other, None for a connection without TLS.

        Raises `OSError` (`ssl.SSLError` is one) when a file cannot be used.
        """
        if self.mode == "disable":
            return (None,)
        if self.mode == "allow":
            return None, self._context()
        return (self._context(), None) if self.mode == "prefer" else (self._context(),)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.mode == "verify-full"
        self._load_authorities(context)
        if "sslcert" in self.files:
            context.load_cert_chain(self.files["sslcert"], self.files.get("sslkey"), password=lambda: self.password)
        context.minimum_version, context.maximum_version = self.lowest, self.highest
        context.set_alpn_protocols(["postgresql"])
        return context

    def _load_authorities(self, context: ssl.SSLContext) -> None:
        """Trust the authorities that are named; without any, encryption alone is what `require` asks for."""
        root = self.files.get("sslrootcert")
        if root is None:
            context.verify_mode = ssl.CERT_NONE
        elif root == SYSTEM:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=root)
        if root is not None and "sslcrl" in self.files:
            context.load_verify_locations(cafile=self.files["sslcrl"])
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def read_tls(words: Mapping[str, str]) -> TlsOptions:
    """Read the words about TLS; raise `ValueError` with a sentence when they cannot be meant."""
    files = {name: words[name] for name in FILES if name in words}
    root = files.get("sslrootcert")
    mode = words.get("sslmode") or ("verify-full" if root == SYSTEM else "prefer")
    if mode not in MODES:
        raise ValueError(f"sslmode is one of {', '.join(MODES)}")
    if mode.startswith("verify") and root is None:
        raise ValueError(f"sslmode={mode} needs sslrootcert, a file of authorities or the word system")
    is_direct = words.get("sslnegotiation", "postgres") == "direct"
    if is_direct and mode in MODES[:3]:
        raise ValueError("sslnegotiation=direct needs sslmode=require, verify-ca or verify-full")
    for name, path in files.items():
        if path != SYSTEM and not Path(path).is_file():
            raise ValueError(f"{name} is no file that can be read")
    if "sslkey" in files and "sslcert" not in files:
        raise ValueError("sslkey needs sslcert")
    return TlsOptions(
        mode=mode,
        files=files
        if mode not in {"disable", "allow", "prefer"}
        else {k: v for k, v in files.items() if k != "sslrootcert"},
        password=words.get("sslpassword", ""),
        is_direct=is_direct,
        lowest=_version(words, "ssl_min_protocol_version", ssl.TLSVersion.TLSv1_2),
        highest=_version(words, "ssl_max_protocol_version", ssl.TLSVersion.MAXIMUM_SUPPORTED),
    )


def _version(words: Mapping[str, str], name: str, otherwise: ssl.TLSVersion) -> ssl.TLSVersion:
    if name not in words:
        return otherwise
    if words[name] not in VERSIONS:
        raise ValueError(f"{name} is one of {', '.join(VERSIONS)}")
    return VERSIONS[words[name]]
