"""Pictures drawn by code with metadata of every kind, and a signer made for the test."""

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from PIL import Image, PngImagePlugin

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SIGNABLE = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def drawing() -> Image.Image:
    picture = Image.new("RGB", (96, 96))
    picture.putdata([(x * 2, y * 2, (x ^ y) & 255) for y in range(96) for x in range(96)])
    return picture


def saved(form: str, **options) -> bytes:
    out = io.BytesIO()
    drawing().save(out, form, **options)
    return out.getvalue()


def png(*, compressed: bool = False, **texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text, zip=compressed)
    return saved("PNG", pnginfo=info)


def xmp(attributes: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
        f"{attributes}/></rdf:RDF></x:xmpmeta>"
    ).encode()


def source(code: str) -> bytes:
    return xmp(f'Iptc4xmpExt:DigitalSourceType="{IPTC}{code}"')


def with_xmp(form: str, packet: bytes) -> bytes:
    if form == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        return saved("PNG", pnginfo=info)
    return saved(form, xmp=packet)


def with_exif(form: str, software: str = "", comment: bytes = b"") -> bytes:
    exif = Image.Exif()
    if software:
        exif[0x0131] = software
    if comment:
        exif.get_ifd(0x8769)[0x9286] = comment
    return saved(form, exif=exif)


@cache
def authority() -> tuple[bytes, bytes, bytes]:
    """PEM of a certificate authority's certificate, a signer's chain, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.now(UTC)

    def named(name: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            ]
        )

    def usage(**given: bool) -> x509.KeyUsage:
        names = (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
        )  # fmt: skip
        return x509.KeyUsage(**{name: given.get(name, False) for name in names})

    def certificate(subject: str, key: Any, issuer_key: Any, *extensions: tuple[Any, bool]) -> Any:
        made = (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named("root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=9))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
            )
        )
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(issuer_key, hashes.SHA256())

    root_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    root = certificate(
        "root",
        root_key,
        root_key,
        (x509.BasicConstraints(True, None), True),
        (usage(key_cert_sign=True, crl_sign=True), True),
    )
    leaf = certificate(
        "signer",
        key,
        root_key,
        (x509.BasicConstraints(False, None), True),
        (usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    root_pem, leaf_pem = root.public_bytes(encoding), leaf.public_bytes(encoding)
    return root_pem, leaf_pem + root_pem, secret


def signed(content: bytes, form: str, code: str | None, name: str = "Example Camera") -> bytes:
    """The picture with a C2PA manifest by the test's signer."""
    import c2pa

    _, chain, key = authority()
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
    action = {"action": "c2pa.created"}
    if code is not None:
        action["digitalSourceType"] = f"{IPTC}{code}"
    manifest = {
        "claim_generator_info": [{"name": name, "version": "1"}],
        "title": "drawing",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    out = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest) as builder:
        builder.sign(signer, SIGNABLE[form], io.BytesIO(content), out)
    return out.getvalue()
