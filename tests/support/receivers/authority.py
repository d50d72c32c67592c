"""Certificate authorities of the tests' own. In: a name. Out: certificates with their keys, in PEM."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

START = datetime(2026, 1, 1, tzinfo=UTC)
DECADE = timedelta(days=3650)


class Authority:
    """An authority: a root, or one below another."""

    def __init__(self, above: Authority | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(f"Test CA {x509.random_serial_number()}")
        signing = above or self
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        made = _builder(signing.name, self.name, self.key, START, START + DECADE)
        self.certificate = made.add_extension(constraints, critical=True).sign(signing.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, name: str, start: datetime = START, end: datetime = START + DECADE) -> bytes:
        """Issue a certificate for a host, with its key."""
        certificate, key = self.issue_apart(name, start, end)
        return certificate + key

    def issue_apart(
        self,
        name: str,
        start: datetime = START,
        end: datetime = START + DECADE,
        encryption: KeySerializationEncryption | None = None,
    ) -> tuple[bytes, bytes]:
        """Issue a certificate and its key, the key under a password when one is given."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            _builder(self.name, _name(name), key, start, end)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(usages, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
        return certificate.public_bytes(Encoding.PEM), private


def self_signed(name: str) -> bytes:
    """Make a certificate that nobody but itself vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _builder(_name(name), _name(name), key, START, START + DECADE)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) + private


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )
