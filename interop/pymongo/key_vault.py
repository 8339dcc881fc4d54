"""The key vault, in memory, where the driver looks for a MongoDB collection."""

import copy

from bson import decode, encode
from bson.raw_bson import RawBSONDocument


class Collection:
    """What the driver's client-side encryption asks of its key vault, and no more."""

    def __init__(self):
        self.documents = {}

    def with_options(self, **_options):
        return self

    def insert_one(self, document):
        self.documents[bytes(document["_id"])] = decode(document.raw)

    def find(self, query):
        wanted = decode(query.raw) if isinstance(query, RawBSONDocument) else query
        return _Cursor(RawBSONDocument(encode(each)) for each in self.documents.values() if _matches(each, wanted))

    def bulk_write(self, updates):
        for update in updates:
            document = self.documents[bytes(update._filter["_id"])]
            for name, value in update._doc["$set"].items():
                document[name] = copy.deepcopy(decode(encode({"value": value}))["value"])
        return _Written(len(updates))


class MongoClient:
    """The driver takes any class of this name, and of AsyncMongoClient; this one holds a single collection."""

    def __init__(self):
        self.collection = Collection()

    def __getitem__(self, _database):
        return {"keys": self.collection}


class AsyncCollection(Collection):
    """The same documents, for the driver's asynchronous half."""

    def __init__(self, other):
        self.documents = other.documents

    async def insert_one(self, document):
        super().insert_one(document)

    async def bulk_write(self, updates):
        return super().bulk_write(updates)


class AsyncMongoClient(MongoClient):
    def __init__(self, other):
        self.collection = AsyncCollection(other.collection)


class _Cursor(list):
    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        return None

    async def __aiter__(self):
        for each in self:
            yield each


class _Written:
    def __init__(self, count):
        self.modified_count = count


def _matches(document, query):
    for name, wanted in query.items():
        if name == "$or":
            if not any(_matches(document, each) for each in wanted):
                return False
            continue
        held = document.get(name, [])
        held = held if isinstance(held, list) else [held]
        among = wanted["$in"] if isinstance(wanted, dict) else [wanted]
        if not any(each in among for each in held):
            return False
    return True
