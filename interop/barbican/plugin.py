"""The KMIP secret store plugin of OpenStack Barbican, called as Barbican's service calls it.

Usage: plugin.py HOST PORT CA.pem CLIENT.pem CLIENT.key USER PASSWORD
The key must have mode 0400: the plugin insists.
"""

import base64
import datetime
import logging
import os
import sys

from barbican.plugin import kmip_secret_store
from barbican.plugin.interface import secret_store
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from oslo_config import cfg
from steps import refused, step

host, port, ca, certificate, key, user, password = sys.argv[1:8]
# Every refusal would be told there at length.
logging.disable(logging.CRITICAL)
Algorithm, Kind, Spec = secret_store.KeyAlgorithm, secret_store.SecretType, secret_store.KeySpec


def plugin(**more):
    configuration = cfg.ConfigOpts()
    configuration.register_group(kmip_secret_store.kmip_opt_group)
    configuration.register_opts(kmip_secret_store.kmip_opts, group=kmip_secret_store.kmip_opt_group)
    where = {"host": host, "port": int(port), "ca_certs": ca, "certfile": certificate, "keyfile": key}
    who = {"username": user, "password": password}
    for name, value in {**where, **who, **more}.items():
        configuration.set_override(name, value, group="kmip_plugin")
    return kmip_secret_store.KMIPSecretStore(configuration)


store = plugin()


def pem_of(pair):
    private = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = pair.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def certificate_of(pair):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "amphora.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    until = now + datetime.timedelta(days=1)
    made = x509.CertificateBuilder(name, name, pair.public_key(), x509.random_serial_number(), now, until)
    return made.sign(pair, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def kept(kind, secret, spec, through=store):
    """Stores, fetches, compares, deletes, and asks for it once more."""
    metadata = through.store_secret(secret_store.SecretDTO(kind, base64.b64encode(secret), spec, None))
    fetched = through.get_secret(kind, metadata)
    assert fetched.type == kind
    assert (fetched.key_spec.alg, fetched.key_spec.bit_length) == (spec.alg, spec.bit_length), fetched.key_spec
    assert base64.b64decode(fetched.secret) == secret, base64.b64decode(fetched.secret)
    through.delete_secret(metadata)
    refused(lambda: through.get_secret(kind, metadata), "ITEM_NOT_FOUND")


def generated(algorithm, bits, octets):
    metadata = store.generate_symmetric_key(Spec(algorithm, bits))
    fetched = store.get_secret(Kind.SYMMETRIC, metadata)
    assert (fetched.key_spec.alg, fetched.key_spec.bit_length) == (algorithm, bits), fetched.key_spec
    assert len(base64.b64decode(fetched.secret)) == octets
    store.delete_secret(metadata)
    refused(lambda: store.get_secret(Kind.SYMMETRIC, metadata), "ITEM_NOT_FOUND")


def fits(private, public):
    private = serialization.load_pem_private_key(base64.b64decode(private.secret), None)
    public = serialization.load_pem_public_key(base64.b64decode(public.secret))
    signature = private.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    public.verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())
    return public.key_size


@step("AES keys of every length are generated, fetched and deleted")
def _():
    for bits in (128, 192, 256):
        generated(Algorithm.AES, bits, bits // 8)


@step("triple DES keys are generated")
def _():
    generated(Algorithm.DESEDE, 192, 24)


@step("HMAC keys are generated")
def _():
    for algorithm, bits in [
        (Algorithm.HMACSHA1, 160),
        (Algorithm.HMACSHA256, 256),
        (Algorithm.HMACSHA384, 384),
        (Algorithm.HMACSHA512, 512),
    ]:
        generated(algorithm, bits, bits // 8)


@step("RSA pairs are generated, and their halves fit")
def _():
    for bits in (2048, 3072):
        pair = store.generate_asymmetric_key(Spec(Algorithm.RSA, bits))
        private = store.get_secret(Kind.PRIVATE, pair.private_key_meta)
        public = store.get_secret(Kind.PUBLIC, pair.public_key_meta)
        assert private.key_spec.bit_length == bits
        assert fits(private, public) == bits
        store.delete_secret(pair.private_key_meta)
        store.delete_secret(pair.public_key_meta)


@step("symmetric keys are stored, fetched and deleted")
def _():
    for algorithm, bits in [(Algorithm.AES, 256), (Algorithm.DESEDE, 192), (Algorithm.HMACSHA256, 256)]:
        kept(Kind.SYMMETRIC, os.urandom(bits // 8), Spec(algorithm, bits))


own = rsa.generate_private_key(65537, 2048)


@step("private and public keys are stored, fetched and deleted")
def _():
    private, public = pem_of(own)
    kept(Kind.PRIVATE, private, Spec(Algorithm.RSA, 2048))
    kept(Kind.PUBLIC, public, Spec(Algorithm.RSA, 2048))


@step("so are keys in PKCS#1, which the plugin announces as something else")
def _():
    private, public = pem_of(own)
    older = plugin(pkcs1_only=True)
    kept(Kind.PRIVATE, private, Spec(Algorithm.RSA, 2048), older)
    kept(Kind.PUBLIC, public, Spec(Algorithm.RSA, 2048), older)


@step("certificates are stored, fetched and deleted")
def _():
    kept(Kind.CERTIFICATE, certificate_of(own), Spec())


@step("passphrases are stored, fetched and deleted")
def _():
    kept(Kind.PASSPHRASE, "pâsswörd of a volume".encode(), Spec())


@step("opaque data is stored, fetched and deleted")
def _():
    for size in (1, 20_000):
        kept(Kind.OPAQUE, os.urandom(size), Spec())


@step("what the server does not make is refused, in its words")
def _():
    refused(lambda: store.generate_asymmetric_key(Spec(Algorithm.DSA, 2048)), "FEATURE_NOT_SUPPORTED", "DSA")
    refused(lambda: store.generate_symmetric_key(Spec(Algorithm.DESEDE, 56)), "INVALID_FIELD", "56 bits")


@step("a wrong password is refused")
def _():
    stranger = plugin(password="guessed")
    refused(lambda: stranger.generate_symmetric_key(Spec(Algorithm.AES, 256)), "AUTHENTICATION_NOT_SUCCESSFUL")


@step("without user and password the certificate is enough")
def _():
    kept(Kind.PASSPHRASE, b"pass", Spec(), plugin(username=None, password=None))
