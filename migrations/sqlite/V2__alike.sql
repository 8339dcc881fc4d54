-- Index entries that many objects have alike stand once, as a set: in `entries` under minus the
-- set's number. `objects.alike` is that negative number, or 0; rows from before this version have
-- all entries as their own until they are written again.
CREATE TABLE alike (
    number INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX alike_digest ON alike (tenant, digest);

-- Made anew, for a column that searches read stands before the large ones.
CREATE TABLE objects_anew (
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
    alike             INTEGER NOT NULL,
    mac_version       INTEGER NOT NULL,
    mac               BLOB    NOT NULL,
    blob_kind         INTEGER,
    blob_key_version  INTEGER,
    blob_length       INTEGER,
    attributes        BLOB    NOT NULL,
    blob              BLOB
) STRICT;
INSERT INTO objects_anew
SELECT sequence, tenant, unique_identifier, owner, version, object_type, class, state, activation_date,
       deactivation_date, archived, 0, mac_version, mac, blob_kind, blob_key_version, blob_length,
       attributes, blob
FROM objects;
DROP TABLE objects;
ALTER TABLE objects_anew RENAME TO objects;
CREATE UNIQUE INDEX objects_identifier ON objects (tenant, unique_identifier);
CREATE INDEX objects_tenant ON objects (tenant, sequence);
CREATE INDEX objects_owner ON objects (tenant, owner, sequence);
CREATE INDEX objects_alike ON objects (alike, sequence);
