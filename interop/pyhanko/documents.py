"""pyHanko signs PDF documents with keys that never leave Keyward's token, and validates them.

Usage: documents.py HOST PORT HTTPS_PORT CA.pem CLIENT.pem CLIENT.key KEYWARD DIR
KEYWARD is the server's program, DIR its directory: the issuing authority's certificate and list come
from there, as an administrator gets them.
"""

import io
import logging
import subprocess
import sys

from asn1crypto import crl, pem, x509
from kmip.core import enums
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from signers import DataSigner, DigestSigner
from steps import refused, step
from token_keys import Server

host, port, https_port, ca, certificate, key, program, directory = sys.argv[1:9]
# What is not valid would be told there at length.
logging.disable(logging.CRITICAL)
server = Server(host, int(port), int(https_port), ca, certificate, key)


def authority(*command):
    said = subprocess.run(
        [program, "certificate-authority", *command, "--dir", directory], check=True, capture_output=True
    )
    return pem.unarmor(said.stdout)[2]


root = x509.Certificate.load(authority("show"))


def document():
    writer = PdfFileWriter()
    words = b"BT /F1 24 Tf 72 720 Td (A contract.) Tj ET"
    font = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Font"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/Type1"),
            generic.pdf_name("/BaseFont"): generic.pdf_name("/Helvetica"),
        }
    )
    fonts = generic.DictionaryObject({generic.pdf_name("/F1"): writer.add_object(font)})
    page = PageObject(
        contents=writer.add_object(generic.StreamObject(stream_data=words)),
        media_box=(0, 0, 595, 842),
        resources=generic.DictionaryObject({generic.pdf_name("/Font"): fonts}),
    )
    writer.insert_page(page)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def signed(pdf, signer, field="Signature1", hashing="sha256"):
    metadata = PdfSignatureMetadata(
        field_name=field, md_algorithm=hashing, reason="Agreed", subfilter=SigSeedSubFilter.PADES
    )
    return sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), metadata, signer=signer).getvalue()


def statuses(pdf, **more):
    context = lambda: ValidationContext(**{"trust_roots": [root], "allow_fetching": False, **more})
    return [validate_pdf_signature(each, context()) for each in PdfFileReader(io.BytesIO(pdf)).embedded_signatures]


def good(status):
    assert status.bottom_line, status.pretty_print_details()
    return status


class Person:
    """A pair in the token and its certificate."""

    def __init__(self, name, algorithm, bits):
        self.private, self.public = server.create_pair(algorithm, bits)
        self.identifier, der = server.certify(self.public, name)
        self.certificate = x509.Certificate.load(der)

    def signer(self, kind=DataSigner, **more):
        return kind(server, self.private, self.certificate, **more)


@step("an RSA pair is made in the token, and certified")
def rsa():
    person = Person("Rosa Signer", enums.CryptographicAlgorithm.RSA, 3072)
    assert person.certificate.subject.native["common_name"] == "Rosa Signer"
    assert person.certificate.issuer == root.subject
    return person


@step("so is a pair on P-256")
def ec():
    person = Person("Eric Signer", enums.CryptographicAlgorithm.EC, 256)
    assert person.certificate.public_key.curve == ("named", "secp256r1")
    return person


@step("a document signed with PKCS#1 v1.5 and SHA-256 is valid, for who believes the issuing authority")
def contract():
    pdf = signed(document(), rsa.signer())
    [status] = statuses(pdf)
    good(status)
    return pdf


@step("with PSS")
def _():
    for hashing in ("sha256", "sha512"):
        [status] = statuses(signed(document(), rsa.signer(prefer_pss=True), hashing=hashing))
        assert good(status).pkcs7_signature_mechanism == "rsassa_pss"
        assert status.md_algorithm == hashing


@step("with ECDSA")
def _():
    for hashing in ("sha256", "sha384"):
        [status] = statuses(signed(document(), ec.signer(), hashing=hashing))
        good(status)
        assert status.md_algorithm == hashing


@step("with each, where the server sees a digest only")
def _():
    for signer in [rsa.signer(DigestSigner), rsa.signer(DigestSigner, prefer_pss=True), ec.signer(DigestSigner)]:
        [status] = statuses(signed(document(), signer))
        good(status)


@step("two sign one document")
def _():
    both = statuses(signed(contract, ec.signer(), field="Signature2"))
    names = [good(status).signing_cert.subject.native["common_name"] for status in both]
    assert names == ["Rosa Signer", "Eric Signer"], names


@step("a document that was changed is not valid")
def _():
    [status] = statuses(contract.replace(b"A contract.", b"A contrast."))
    assert not status.intact and not status.bottom_line


@step("nor is one for who believes another authority")
def _():
    other = x509.Certificate.load(pem.unarmor(open(ca, "rb").read())[2])
    [status] = statuses(contract, trust_roots=[other])
    assert status.intact and status.valid and not status.trusted


@step("the private keys do not leave the server")
def _():
    for person in (rsa, ec):
        refused(lambda: server.client.get(person.private), "SENSITIVE")


@step("a certificate that is revoked is on the authority's list, and what it signed no longer valid")
def _():
    def with_list():
        revocations = crl.CertificateList.load(authority("crl"))
        return statuses(contract, crls=[revocations], revocation_mode="require")

    [status] = with_list()
    good(status)
    server.client.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, rsa.identifier)
    [status] = with_list()
    assert status.revoked and not status.bottom_line


@step("a revoked key signs nothing")
def _():
    server.client.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, rsa.private)
    refused(lambda: signed(document(), rsa.signer()), "PERMISSION_DENIED", "Compromised")
