-- Dates, too, stand in sets: what was made or changed in one second has them alike. `dated` is
-- minus the number of that set, or 0.

-- Nothing is written meanwhile, but everything can be read until the very end.
LOCK TABLE objects IN SHARE ROW EXCLUSIVE MODE;

-- A server of an older version would not keep what this version relies on. Each of its writes calls
-- this function, and no later one does: from now on they fail, and it has to be replaced.
DROP FUNCTION journal_position(bigint);

-- The objects of a set of dates. One row for each object, also where `dated` is 0. Not an index of
-- `objects`: nearly every update moves the object to another set, and would then have to write all
-- indexes of `objects` anew. Descending, so that newer sets are at the end of the index.
CREATE TABLE dated_objects (
    dated  bigint NOT NULL,
    object bigint NOT NULL
);
INSERT INTO dated_objects (dated, object) SELECT 0, sequence FROM objects;
CREATE INDEX dated_objects_dated ON dated_objects (dated DESC, object);

-- When a node last made sure that a set is there (in steps of an hour): a set that nobody has and
-- nobody may be about to name is deleted.
ALTER TABLE alike ADD COLUMN used timestamptz NOT NULL DEFAULT now();

-- `index_rules` says by which rules an object's entries were made: 0 is how they were before this
-- version, and they stay so until the row is written again. Whoever writes a new row says both.
ALTER TABLE objects
    ADD COLUMN dated       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN index_rules integer NOT NULL DEFAULT 0;
ALTER TABLE objects ALTER COLUMN dated DROP DEFAULT, ALTER COLUMN index_rules DROP DEFAULT;

-- As before, and what sets of dates need.
CREATE OR REPLACE FUNCTION keyward_grant(server name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), server);
    EXECUTE format('GRANT SELECT ON refinery_schema_history TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON objects, entities TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON entries, names TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON alike TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON dated_objects TO %I', server);
    EXECUTE format('GRANT SELECT, INSERT ON journal, audit, checkpoints TO %I', server);
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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON alike TO %I', server);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON dated_objects TO %I', server);
    END LOOP;
END $$;
