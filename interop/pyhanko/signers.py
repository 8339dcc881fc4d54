"""pyHanko's signers whose keys are Keyward's."""

import asyncio
import hashlib

from kmip.core import enums
from pyhanko.sign.signers import Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

# Of the mechanisms that pyHanko chooses: PyKMIP's parameters, and KMIP's in JSON.
MECHANISMS = {
    "rsassa_pkcs1v15": (
        {"cryptographic_algorithm": enums.CryptographicAlgorithm.RSA, "padding_method": enums.PaddingMethod.PKCS1v15},
        {"CryptographicAlgorithm": "RSA", "PaddingMethod": "PKCS1V1_5"},
    ),
    "rsassa_pss": (
        {"cryptographic_algorithm": enums.CryptographicAlgorithm.RSA, "padding_method": enums.PaddingMethod.PSS},
        {"CryptographicAlgorithm": "RSA", "PaddingMethod": "PSS"},
    ),
    "ecdsa": (
        {"cryptographic_algorithm": enums.CryptographicAlgorithm.ECDSA},
        {"CryptographicAlgorithm": "ECDSA"},
    ),
}
HASHES = {
    "sha256": (enums.HashingAlgorithm.SHA_256, "SHA_256"),
    "sha384": (enums.HashingAlgorithm.SHA_384, "SHA_384"),
    "sha512": (enums.HashingAlgorithm.SHA_512, "SHA_512"),
}
# Of RSA-4096; what has not been signed yet reserves that much in the document.
LARGEST = 512


class DataSigner(Signer):
    """Sends what is to be signed (CMS's signed attributes, which name the document's digest)."""

    def __init__(self, server, private, certificate, **more):
        super().__init__(signing_cert=certificate, cert_registry=SimpleCertificateStore(), **more)
        self.server = server
        self.private = private

    async def async_sign_raw(self, data, digest_algorithm, dry_run=False):
        if dry_run:
            return bytes(LARGEST)
        return await asyncio.to_thread(self.ask, data, digest_algorithm)

    def get_signature_mechanism_for_digest(self, digest_algorithm):
        mechanism = super().get_signature_mechanism_for_digest(digest_algorithm)
        if mechanism.signature_algo == "rsassa_pss":
            # PyKMIP cannot ask for pyHanko's salt, the longest that fits; without a wish it is as long as the digest.
            mechanism["parameters"]["salt_length"] = hashlib.new(digest_algorithm).digest_size
        return mechanism

    def ask(self, data, hashing):
        mechanism = self.get_signature_mechanism_for_digest(hashing).signature_algo
        parameters = {**MECHANISMS[mechanism][0], "hashing_algorithm": HASHES[hashing][0]}
        return self.server.client.sign(data, uid=self.private, cryptographic_parameters=parameters)


class DigestSigner(DataSigner):
    """Sends the digest of it only, and with PSS asks for the salt that pyHanko chooses."""

    def get_signature_mechanism_for_digest(self, digest_algorithm):
        return Signer.get_signature_mechanism_for_digest(self, digest_algorithm)

    def ask(self, data, hashing):
        mechanism = self.get_signature_mechanism_for_digest(hashing)
        parameters = {**MECHANISMS[mechanism.signature_algo][1], "HashingAlgorithm": HASHES[hashing][1]}
        salt = None
        if mechanism.signature_algo == "rsassa_pss":
            salt = mechanism["parameters"]["salt_length"].native
        return self.server.sign_digest(self.private, hashlib.new(hashing, data).digest(), salt, **parameters)
