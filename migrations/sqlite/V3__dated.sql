-- Dates, too, stand in sets: what was made or changed in one second has them alike. `dated` is
-- minus the number of that set, or 0. Descending, so that newer sets are at the end of the index.
-- `index_rules` says by which rules an object's entries were made: 0 is how they were before this
-- version, and they stay so until the row is written again.

-- Made anew, for columns that searches read stand before the large ones.
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
    dated             INTEGER NOT NULL,
    index_rules       INTEGER NOT NULL,
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
       deactivation_date, archived, alike, 0, 0, mac_version, mac, blob_kind, blob_key_version, blob_length,
       attributes, blob
FROM objects;
DROP TABLE objects;
ALTER TABLE objects_anew RENAME TO objects;
CREATE UNIQUE INDEX objects_identifier ON objects (tenant, unique_identifier);
CREATE INDEX objects_tenant ON objects (tenant, sequence);
CREATE INDEX objects_owner ON objects (tenant, owner, sequence);
CREATE INDEX objects_alike ON objects (alike, sequence);
CREATE INDEX objects_dated ON objects (dated DESC, sequence);
