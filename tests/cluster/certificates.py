"""An authority and a certificate of it, as docs/cluster.md makes them with openssl."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificates(folder: Path, *, ends: timedelta = timedelta(days=1)) -> Path:
    """Write ca.pem, cert.pem and key.pem, the first two valid until so long from now."""
    folder.mkdir()
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        for name in ("segjudge", "segjudge-cluster")
    ]
    now = datetime.now(UTC)
    for name, subject, key, is_authority in zip(
        ("ca.pem", "cert.pem"), names, keys, (True, False), strict=True
    ):
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3))
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .sign(keys[0], hashes.SHA256())
        )
        (folder / name).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder
