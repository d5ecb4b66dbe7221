"""The only place that makes certificates: an authority for one cell, whose key is never written anywhere."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=30)
_SKEW = datetime.timedelta(hours=1)
_PEM = serialization.Encoding.PEM


def write(folder: Path, *, name: str, domain: str, hosts: Sequence[str] = ()) -> None:
    """Write `ca.pem`, `proxy/cert.pem` and `proxy/key.pem` into a folder; the last may be read by root only.

    Args:
        folder: an existing folder.
        name: the cell's, for people who look at the authority.
        domain: the certificate is for it and for every name directly in it.
        hosts: further names that it is for; `*` stands for one label.
    """
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = _named(f"CA of cell {name}")
    ca = _authority(issuer, ca_key)
    certificate = _certificate(issuer, ca_key, key.public_key(), names=(f"*.{domain}", domain, *hosts))
    (folder / "proxy").mkdir(mode=0o755)
    (folder / "ca.pem").write_bytes(ca.public_bytes(_PEM))
    (folder / "proxy" / "cert.pem").write_bytes(certificate.public_bytes(_PEM))
    key_file = folder / "proxy" / "key.pem"
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _authority(issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return the authority's own certificate."""
    return (
        _unsigned(issuer, issuer, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    issuer: x509.Name, ca_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePublicKey, *, names: Sequence[str]
) -> x509.Certificate:
    """Return the certificate for names, of which the first is shown as its own."""
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in dict.fromkeys(names)])
    return (
        _unsigned(issuer, _named(names[0]), key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _unsigned(issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """Begin a certificate that is valid from an hour ago: clocks differ."""
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return builder.not_valid_before(now - _SKEW).not_valid_after(now + LIFETIME)


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Say what a key is for: signing certificates, or TLS."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _named(text: str) -> x509.Name:
    """Return a name that is nothing but a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
