"""A derivation master, driven by PyKMIP's mac() as docs/derivation.md shows.

Usage: master.py VERSION MASTER.json OTHER.json
The files are what `keyward key create-master --json` said of two masters, for the scopes team-a and
team-b; PyKMIP's configuration names a client that owns the first one. Prints nothing when all is well.
"""

import json
import os
import sys
import uuid

from kmip.core import enums
from kmip.core.attributes import Name
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import exceptions
from kmip.pie.client import ProxyKmipClient


def new_input(prefix, scope):
    place = scope.encode()
    return prefix + len(place).to_bytes(2, "big") + place + os.urandom(32) + bytes.fromhex("00000100")


def file_key(client, kept, **more):
    label_end = kept.index(b"\0", 4)
    master = uuid.UUID(bytes=kept[label_end + 10 : label_end + 26])
    _, key = client.mac(kept, uid=str(master), **more)
    return key


def refused(what, *arguments, **more):
    try:
        what(*arguments, **more)
    except exceptions.KmipOperationFailure:
        return
    sys.exit(f"{what.__name__} was not refused: {arguments}")


def main():
    version = enums.KMIPVersion["KMIP_" + sys.argv[1].replace(".", "_")]
    own, other = (json.load(open(name, encoding="utf-8")) for name in sys.argv[2:4])
    prefix = bytes.fromhex(own["prefix"])
    with ProxyKmipClient(kmip_version=version) as client:
        kept = new_input(prefix, "team-a/reports")
        key = file_key(client, kept)
        assert len(key) == 32
        assert key == file_key(client, kept), "a file's key is the same each time"
        named = enums.CryptographicAlgorithm.HMAC_SHA256
        assert key == file_key(client, kept, algorithm=named)
        assert key != file_key(client, new_input(prefix, "team-a/reports"))
        refused(file_key, client, kept[:-1])
        refused(file_key, client, new_input(prefix, "team-b"))
        refused(file_key, client, new_input(bytes.fromhex(other["prefix"]), "team-b"))
        refused(client.mac, b"anything else", uid=own["unique_identifier"])
        refused(client.get, own["unique_identifier"])
        found = client.locate(attributes=[name_of(own["name"])])
        assert found == [own["unique_identifier"]], found


def name_of(text):
    name = Name.create(text, enums.NameType.UNINTERPRETED_TEXT_STRING)
    return AttributeFactory().create_attribute(enums.AttributeType.NAME, name)


main()
