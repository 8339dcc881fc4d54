-- Index entries that many objects have alike stand once, as a set: in `entries` under minus the
-- set's number. `objects.alike` is that negative number, or 0; rows from before this version have
-- all entries as their own until they are written again.
CREATE TABLE alike (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant bigint NOT NULL,
    digest bytea  NOT NULL,
    CONSTRAINT alike_digest UNIQUE (tenant, digest)
);
ALTER TABLE objects ADD COLUMN alike bigint NOT NULL DEFAULT 0;
CREATE INDEX objects_alike ON objects (alike, sequence);

-- As before, and the new table.
CREATE OR REPLACE FUNCTION keyward_grant(server name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), server);
    EXECUTE format('GRANT SELECT ON refinery_schema_history TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON objects, entities TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON entries, names TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT ON alike, journal, audit, checkpoints TO %I', server);
    EXECUTE format('GRANT SELECT, UPDATE ON journal_base TO %I', server);
END $$;

-- Whoever could write objects before still can.
DO $$
DECLARE
    server name;
BEGIN
    FOR server IN
        SELECT DISTINCT grantee::name FROM information_schema.role_table_grants
        WHERE table_schema = current_schema() AND table_name = 'objects' AND privilege_type = 'INSERT'
            AND grantee NOT IN ('PUBLIC', current_user)
    LOOP
        EXECUTE format('GRANT SELECT, INSERT ON alike TO %I', server);
    END LOOP;
END $$;
