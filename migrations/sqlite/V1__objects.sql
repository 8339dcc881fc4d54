-- Managed objects. `sequence` is the order of creation: Locate answers newest first.
-- Small columns stand before the large ones, so that a search does not read blobs.
CREATE TABLE objects (
    sequence          INTEGER PRIMARY KEY,
    tenant            INTEGER NOT NULL,
    unique_identifier TEXT    NOT NULL,
    owner             TEXT    NOT NULL,
    version           INTEGER NOT NULL,
    object_type       INTEGER NOT NULL,
    class             INTEGER NOT NULL,
    state             INTEGER NOT NULL,
    activation_date   INTEGER,
    deactivation_date INTEGER,
    archived          INTEGER NOT NULL,
    mac_version       INTEGER NOT NULL,
    mac               BLOB    NOT NULL,
    blob_kind         INTEGER,
    blob_key_version  INTEGER,
    blob_length       INTEGER,
    attributes        BLOB    NOT NULL,
    blob              BLOB
) STRICT;
CREATE UNIQUE INDEX objects_identifier ON objects (tenant, unique_identifier);
CREATE INDEX objects_tenant ON objects (tenant, sequence);
CREATE INDEX objects_owner ON objects (tenant, owner, sequence);

-- One row per searchable value, clustered by object (written, compared and checked together);
-- `entries_value` finds the objects of a value, in order of creation.
-- `value` is an INTEGER or a BLOB.
CREATE TABLE entries (
    object    INTEGER NOT NULL,
    attribute INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    instance  INTEGER NOT NULL,
    field     INTEGER NOT NULL,
    value     ANY     NOT NULL,
    tenant    INTEGER NOT NULL,
    PRIMARY KEY (object, attribute, name, instance, field, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_value ON entries (tenant, attribute, field, name, value, object);

CREATE TABLE names (
    tenant        INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    distinguisher TEXT    NOT NULL,
    object        INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, distinguisher)
) STRICT, WITHOUT ROWID;
CREATE INDEX names_object ON names (object);

CREATE TABLE entities (
    kind        INTEGER NOT NULL,
    tenant      INTEGER NOT NULL,
    key         TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    body        BLOB    NOT NULL,
    mac_version INTEGER NOT NULL,
    mac         BLOB    NOT NULL,
    PRIMARY KEY (kind, tenant, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    kind     INTEGER NOT NULL,
    tenant   INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    version  INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    node     TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    body     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX audit_sequence ON audit (node, sequence);

CREATE TABLE checkpoints (
    ordinal INTEGER PRIMARY KEY,
    node    TEXT    NOT NULL,
    size    INTEGER NOT NULL,
    text    TEXT    NOT NULL
) STRICT;
CREATE INDEX checkpoints_node ON checkpoints (node, size, ordinal);

-- What was written down stays written. SQLite knows no roles: this guards against mistakes of
-- programs; against whoever owns the file the signed checkpoints do.
CREATE TRIGGER audit_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
CREATE TRIGGER checkpoints_update BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER checkpoints_delete BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
