-- Texts that a client chooses (identifiers, owners, names, keys) are bytea in UTF-8: PostgreSQL's
-- text refuses U+0000, and compares by a collation that an operating system's update may change.
-- To read one: convert_from(unique_identifier, 'UTF8').
-- Tags and enumerations are unsigned 32-bit numbers: bigint in `objects`, and in `entries`, where
-- only equality is asked and size counts, the same 32 bits as integer.

-- `sequence` is the order of creation: Locate answers newest first.
CREATE TABLE objects (
    sequence          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant            bigint  NOT NULL,
    unique_identifier bytea   NOT NULL,
    owner             bytea   NOT NULL,
    version           bigint  NOT NULL,
    object_type       bigint  NOT NULL,
    class             bigint  NOT NULL,
    state             bigint  NOT NULL,
    activation_date   bigint,
    deactivation_date bigint,
    archived          boolean NOT NULL,
    mac_version       bigint  NOT NULL,
    mac               bytea   NOT NULL,
    blob_kind         bigint,
    blob_key_version  bigint,
    blob_length       bigint,
    attributes        bytea   NOT NULL,
    blob              bytea
-- Room for an update beside its row, for no indexed column changes.
) WITH (fillfactor = 80);
-- What is encrypted does not compress.
ALTER TABLE objects ALTER COLUMN blob SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX objects_identifier ON objects (tenant, unique_identifier);
CREATE INDEX objects_tenant ON objects (tenant, sequence);
CREATE INDEX objects_owner ON objects (tenant, owner, sequence);

-- One row per searchable value: a number and empty bytes, or 0 and bytes that begin with a 1.
-- `entries_value` finds the objects of a value, in order of creation.
CREATE TABLE entries (
    object    bigint  NOT NULL,
    tenant    bigint  NOT NULL,
    attribute integer NOT NULL,
    instance  integer NOT NULL,
    field     integer NOT NULL,
    name      bytea   NOT NULL,
    number    bigint  NOT NULL,
    bytes     bytea   NOT NULL
);
CREATE INDEX entries_object ON entries (object, attribute, name, instance, field);
CREATE INDEX entries_value ON entries (tenant, attribute, field, name, number, bytes, object, instance);

CREATE TABLE names (
    tenant        bigint NOT NULL,
    name          bytea  NOT NULL,
    distinguisher bytea  NOT NULL,
    object        bigint NOT NULL,
    CONSTRAINT names_taken PRIMARY KEY (tenant, name, distinguisher)
);
CREATE INDEX names_object ON names (object);

CREATE TABLE entities (
    kind        bigint NOT NULL,
    tenant      bigint NOT NULL,
    key         bytea  NOT NULL,
    version     bigint NOT NULL,
    body        bytea  NOT NULL,
    mac_version bigint NOT NULL,
    mac         bytea  NOT NULL,
    CONSTRAINT entities_key PRIMARY KEY (kind, tenant, key)
);

-- A position is (transaction id + base) << 20 | place in the transaction. A counter would not do:
-- a transaction that took a lower number may commit after one that took a higher, and a reader
-- past the higher would never see it. In order of transaction ids, everything below the oldest
-- transaction in flight is final, and readers stop there.
CREATE TABLE journal (
    position bigint PRIMARY KEY,
    kind     bigint NOT NULL,
    tenant   bigint NOT NULL,
    key      bytea  NOT NULL,
    version  bigint NOT NULL
);
-- Transaction ids begin anew in another cluster (dump and restore): the base lifts them above
-- what the journal has. The server checks it at start.
CREATE TABLE journal_base (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    base   bigint  NOT NULL
);
INSERT INTO journal_base (base) VALUES (0);

CREATE FUNCTION journal_position(place bigint) RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT ((pg_current_xact_id()::text::bigint + base) << 20) | place FROM journal_base WHERE single $$;

CREATE FUNCTION journal_horizon() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + base) << 20 FROM journal_base WHERE single $$;

CREATE TABLE audit (
    node     bytea  NOT NULL,
    sequence bigint NOT NULL,
    hash     bytea  NOT NULL,
    body     bytea  NOT NULL,
    CONSTRAINT audit_sequence PRIMARY KEY (node, sequence)
);

CREATE TABLE checkpoints (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node    bytea  NOT NULL,
    size    bigint NOT NULL,
    text    bytea  NOT NULL
);
CREATE INDEX checkpoints_node ON checkpoints (node, size, ordinal);

-- What was written down stays written, whoever asks by mistake. The server's own role has no
-- right to it anyway (below); against the owner of the tables stand the signed checkpoints.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME; END $$;
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoints_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the server's role may do, where migrations run as another one:
--     SELECT keyward_grant('the_server_s_role');
CREATE FUNCTION keyward_grant(server name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), server);
    EXECUTE format('GRANT SELECT ON refinery_schema_history TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON objects, entities TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON entries, names TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT ON journal, audit, checkpoints TO %I', server);
    EXECUTE format('GRANT SELECT, UPDATE ON journal_base TO %I', server);
END $$;
-- Functions are for everybody unless said otherwise; this one only works for the tables' owner anyway.
REVOKE EXECUTE ON FUNCTION keyward_grant(name) FROM PUBLIC;

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'keyward') AND current_user <> 'keyward' THEN
        PERFORM keyward_grant('keyward');
    END IF;
END $$;
