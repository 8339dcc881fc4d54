"""Keys that never leave Keyward's token, and the certificates that Keyward issues for them.

Everything goes over TLS with PyKMIP, but Certify, which PyKMIP has not: that goes over HTTPS in JSON.
"""

import http.client
import json
import ssl

from kmip.core import enums, objects
from kmip.core.attributes import CustomAttribute
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie.client import ProxyKmipClient

Mask = enums.CryptographicUsageMask


class Server:
    def __init__(self, host, port, https_port, ca, certificate, key):
        self.client = ProxyKmipClient(
            hostname=host, port=port, cert=certificate, key=key, ca=ca, kmip_version=enums.KMIPVersion.KMIP_1_4
        )
        self.client.open()
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(certificate, key)
        self.https = http.client.HTTPSConnection(host, https_port, context=context)

    def create_pair(self, algorithm, bits):
        """Identifiers of the private and the public key, both active; the pair is made in the token."""
        factory = AttributeFactory()
        common = [
            factory.create_attribute(enums.AttributeType.CRYPTOGRAPHIC_ALGORITHM, algorithm),
            factory.create_attribute(enums.AttributeType.CRYPTOGRAPHIC_LENGTH, bits),
            objects.Attribute(
                attribute_name=objects.Attribute.AttributeName("x-keyward-class"),
                attribute_value=CustomAttribute("token"),
            ),
        ]
        # Content Commitment is what certificates call non-repudiation: who checks contracts asks for it.
        halves = [
            (enums.Tags.COMMON_TEMPLATE_ATTRIBUTE, common),
            (enums.Tags.PRIVATE_KEY_TEMPLATE_ATTRIBUTE, [_mask(factory, Mask.SIGN)]),
            (enums.Tags.PUBLIC_KEY_TEMPLATE_ATTRIBUTE, [_mask(factory, Mask.VERIFY, Mask.CONTENT_COMMITMENT)]),
        ]
        made = self.client.proxy.create_key_pair(
            False, *(objects.TemplateAttribute(attributes=attributes, tag=tag) for tag, attributes in halves)
        )
        assert made.result_status.value is enums.ResultStatus.SUCCESS, made.result_message.value
        self.client.activate(made.private_key_uuid)
        self.client.activate(made.public_key_uuid)
        return made.private_key_uuid, made.public_key_uuid

    def certify(self, public, common_name):
        """Identifier and DER of a certificate of the tenant's issuing authority."""
        subject = [_text("CertificateSubjectCN", common_name)]
        answer = self.ask("Certify", [_text("UniqueIdentifier", public), {"tag": "Attributes", "value": subject}])
        identifier = _value(answer, "UniqueIdentifier")
        return identifier, self.client.get(identifier).value

    def sign_digest(self, private, digest, salt, **parameters):
        """The signature of what has this digest, which the server does not see; PSS with that much salt."""
        named = [{"tag": tag, "type": "Enumeration", "value": value} for tag, value in parameters.items()]
        if salt is not None:
            named.append(_integer("SaltLength", salt))
        payload = [
            _text("UniqueIdentifier", private),
            {"tag": "CryptographicParameters", "value": named},
            {"tag": "DigestedData", "type": "ByteString", "value": digest.hex()},
        ]
        return bytes.fromhex(_value(self.ask("Sign", payload), "SignatureData"))

    def ask(self, operation, payload):
        """One operation of KMIP 2.1 in JSON: the fields of the answer's payload."""
        version = [_integer("ProtocolVersionMajor", 2), _integer("ProtocolVersionMinor", 1)]
        header = [{"tag": "ProtocolVersion", "value": version}, _integer("BatchCount", 1)]
        item = [
            {"tag": "Operation", "type": "Enumeration", "value": operation},
            {"tag": "RequestPayload", "value": payload},
        ]
        message = [{"tag": "RequestHeader", "value": header}, {"tag": "BatchItem", "value": item}]
        body = json.dumps({"tag": "RequestMessage", "value": message})
        self.https.request("POST", "/kmip", body, {"Content-Type": "application/json"})
        response = self.https.getresponse()
        said = response.read()
        assert response.status == 200, (response.status, said)
        answered = _value(json.loads(said)["value"], "BatchItem")
        assert _value(answered, "ResultStatus") == "Success", answered
        return _value(answered, "ResponsePayload")


def _mask(factory, *uses):
    return factory.create_attribute(enums.AttributeType.CRYPTOGRAPHIC_USAGE_MASK, list(uses))


def _text(tag, value):
    return {"tag": tag, "type": "TextString", "value": value}


def _integer(tag, value):
    return {"tag": tag, "type": "Integer", "value": value}


def _value(fields, tag):
    return next(field["value"] for field in fields if field["tag"] == tag)
