"""Client-side field level encryption of MongoDB's driver with its KMIP provider, without MongoDB.

Usage: fields.py HOST:PORT CA.pem CLIENT.pem CLIENT.key
"""

import asyncio
import os
import sys
import tempfile

from bson import SON
from bson.binary import STANDARD
from bson.codec_options import CodecOptions
from key_vault import AsyncMongoClient, MongoClient
from pymongo.asynchronous.encryption import AsyncClientEncryption
from pymongo.encryption import Algorithm, ClientEncryption, QueryType
from steps import refused, step

endpoint, ca, certificate, key = sys.argv[1:5]
# The driver reads certificate and key from one file.
both = tempfile.NamedTemporaryFile("w")
both.write(open(certificate, encoding="ascii").read() + open(key, encoding="ascii").read())
both.flush()

vault = MongoClient()


def driver(kind=ClientEncryption, client=vault):
    """As an application opens it; a new one has no data key in its cache."""
    tls = {"tlsCAFile": ca, "tlsCertificateKeyFile": both.name}
    provider = {"endpoint": endpoint}
    return kind(
        kms_providers={"kmip": provider, "kmip:second": provider, "local": {"key": os.urandom(96)}},
        key_vault_namespace="encryption.keys",
        key_vault_client=client,
        codec_options=CodecOptions(uuid_representation=STANDARD),
        kms_tls_options={"kmip": tls, "kmip:second": tls},
    )


def master_of(data_key):
    return vault.collection.documents[bytes(data_key)]["masterKey"]


def material_of(data_key):
    return vault.collection.documents[bytes(data_key)]["keyMaterial"]


def round_trip(data_key, value, algorithm=Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random, **more):
    with driver() as encrypts:
        hidden = encrypts.encrypt(value, algorithm, key_id=data_key, **more)
    assert hidden.subtype == 6, hidden.subtype
    assert repr(value).encode() not in hidden
    with driver() as decrypts:
        assert decrypts.decrypt(hidden) == value
    return hidden


@step("a data key under a secret that the driver registers: Register, Activate, Get")
def registered():
    with driver() as opened:
        data_key = opened.create_data_key("kmip", key_alt_names=["registered"])
    assert not master_of(data_key).get("delegated", False)
    return data_key


@step("values of many types under it, with Get for each new driver")
def _():
    for value in ["a name", 4_000_000_000, SON([("street", "Elm"), ("number", 7)]), [1, "two", 3.0], b"\0" * 5000]:
        round_trip(registered, value)


@step("the same value twice, deterministically")
def _():
    algorithm = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Deterministic
    assert round_trip(registered, "once", algorithm) == round_trip(registered, "once", algorithm)


@step("queryable encryption: indexed, and its query")
def _():
    round_trip(registered, "searched", Algorithm.INDEXED, contention_factor=0)
    with driver() as opened:
        opened.encrypt("searched", Algorithm.INDEXED, key_id=registered, contention_factor=0, query_type=QueryType.EQUALITY)


@step("a data key that the server encrypts: Create, Activate, Encrypt, Decrypt")
def delegated():
    with driver() as opened:
        data_key = opened.create_data_key("kmip", {"delegated": True}, key_alt_names=["delegated"])
    assert master_of(data_key)["delegated"] is True
    return data_key


@step("values under it, with Decrypt for each new driver")
def _():
    for value in ["a name", {"nested": {"deep": [True, None]}}]:
        round_trip(delegated, value)


@step("two more data keys under each of these masters")
def _():
    for master in [master_of(registered), master_of(delegated)]:
        wanted = {name: master[name] for name in ("keyId", "delegated") if name in master}
        for _ in range(2):
            with driver() as opened:
                data_key = opened.create_data_key("kmip", wanted)
            assert master_of(data_key)["keyId"] == master["keyId"]
            round_trip(data_key, "under a shared master")


@step("an application's own key material")
def _():
    with driver() as opened:
        round_trip(opened.create_data_key("kmip", key_material=bytes(range(96))), "known material")


@step("a named provider, whose endpoint the master key names")
def _():
    with driver() as opened:
        round_trip(opened.create_data_key("kmip:second", {"endpoint": endpoint, "delegated": True}), "named")


@step("all data keys rewrapped under a new master of the server's, from both kinds, in one go")
def _():
    hidden = [round_trip(key, "kept") for key in (registered, delegated)]
    before = {key: material_of(key) for key in vault.collection.documents}
    with driver() as opened:
        result = opened.rewrap_many_data_key({}, provider="kmip", master_key={"delegated": True})
    assert result.bulk_write_result.modified_count == len(before)
    for key, material in before.items():
        assert material_of(key) != material
        assert master_of(key)["delegated"] is True
    with driver() as opened:
        assert [opened.decrypt(each) for each in hidden] == ["kept", "kept"]


@step("and back under a registered secret")
def _():
    with driver() as opened:
        opened.rewrap_many_data_key({"keyAltNames": "delegated"}, provider="kmip", master_key={})
    assert not master_of(delegated).get("delegated", False)
    round_trip(delegated, "after two rewraps")


@step("the driver's asynchronous half does the same")
def _():
    async def both_ways():
        algorithm = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random
        hidden = round_trip(registered, "hidden before")
        async with driver(AsyncClientEncryption, AsyncMongoClient(vault)) as opened:
            assert await opened.decrypt(hidden) == "hidden before"
            for master in [{}, {"delegated": True}]:
                data_key = await opened.create_data_key("kmip", master)
                assert await opened.decrypt(await opened.encrypt("value", algorithm, key_id=data_key)) == "value"
                round_trip(data_key, "shown after")

    asyncio.run(both_ways())


@step("a master that the server does not have is refused, in the server's words")
def _():
    for more in [{}, {"delegated": True}]:
        with driver() as opened:
            refused(lambda: opened.create_data_key("kmip", {"keyId": "no-such-key", **more}), "Item Not Found", "no-such-key")


@step("material that was changed is refused")
def _():
    document = vault.collection.documents[bytes(registered)]
    kept = document["keyMaterial"]
    document["keyMaterial"] = kept[:-1] + bytes([kept[-1] ^ 1])
    hidden = round_trip(delegated, "other")
    with driver() as opened:
        assert opened.decrypt(hidden) == "other"
        refused(lambda: opened.encrypt("value", Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random, key_id=registered))
    document["keyMaterial"] = kept
    round_trip(registered, "well again")
