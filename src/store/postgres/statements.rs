//! The statements of a commit. Each is atomic by itself, and either changes its row or fails: an
//! update that finds no row of the version before it leaves the journal entry's version null,
//! which the table refuses (`fault` makes a Conflict of it), and so undoes all of the transaction.

/// Parameters of objects: 1 tenant, 2 identifier, 3 owner, 4 version, 5 type, 6 class, 7 state,
/// 8 activation, 9 deactivation, 10 archived, 11 and 12 MAC, 13 to 15 blob's kind, key version and
/// length, 16 attributes, 17 blob, 18 to 23 entries of its own, 24 and 25 names, 26 place, 27 to 30 audit, 31 and 32 its sets
/// (`alike` and `dated`), 33 rules of the index.
pub(super) const INSERT: &str = "
WITH changed AS (
    INSERT INTO objects (tenant, unique_identifier, owner, version, object_type, class, state, activation_date,
        deactivation_date, archived, mac_version, mac, blob_kind, blob_key_version, blob_length, attributes, blob,
        alike, dated, index_rules)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $31, $32, $33)
    RETURNING sequence, version
), joined AS (
    INSERT INTO dated_objects (dated, object) SELECT $32, sequence FROM changed
), entered AS (
    INSERT INTO entries (object, tenant, attribute, name, instance, field, number, bytes)
    SELECT DISTINCT changed.sequence, $1::bigint, wanted.* FROM changed,
        unnest($18::int4[], $19::bytea[], $20::int4[], $21::int4[], $22::int8[], $23::bytea[]) AS wanted
), named AS (
    INSERT INTO names (tenant, name, distinguisher, object)
    SELECT DISTINCT $1::bigint, wanted.*, changed.sequence FROM changed, unnest($24::bytea[], $25::bytea[]) AS wanted
), audited AS (
    INSERT INTO audit (node, sequence, hash, body)
    SELECT * FROM unnest($27::bytea[], $28::int8[], $29::bytea[], $30::bytea[])
)
INSERT INTO journal (position, kind, tenant, key, version)
SELECT journal_position($26), 0, $1, $2, changed.version FROM changed";

/// The object goes from one set of dates to another. `was` is the row before the change, for a
/// statement does not see what it changes itself; its `changed` says that nothing came in between.
macro_rules! moved {
    ($dated:literal) => {
        concat!(
            "moved AS (
                UPDATE dated_objects d SET dated = ",
            $dated,
            " FROM changed, objects was
                WHERE was.sequence = changed.sequence AND d.dated = was.dated AND d.object = was.sequence
                    AND was.dated <> ",
            $dated,
            "
            )"
        )
    };
}

/// An update that changes neither entries of the object's own nor names.
/// Parameters: 1 tenant, 2 identifier, 3 version, 4 type, 5 class, 6 state, 7 activation,
/// 8 deactivation, 9 archived, 10 and 11 MAC, 12 to 14 blob's kind, key version and length,
/// 15 attributes, 16 blob, 17 and 18 its sets, 19 place, 20 to 23 audit.
pub(super) const UPDATE_ROW: &str = concat!(
    "
WITH changed AS (
    UPDATE objects SET version = $3::bigint, object_type = $4, class = $5, state = $6, activation_date = $7,
        deactivation_date = $8, archived = $9, mac_version = $10, mac = $11, blob_kind = $12, blob_key_version = $13,
        blob_length = $14, attributes = $15, blob = $16, alike = $17, dated = $18::bigint
    WHERE tenant = $1 AND unique_identifier = $2 AND version = $3::bigint - 1
    RETURNING sequence, version
), ",
    moved!("$18::bigint"),
    ", audited AS (
    INSERT INTO audit (node, sequence, hash, body)
    SELECT * FROM unnest($20::bytea[], $21::int8[], $22::bytea[], $23::bytea[])
)
INSERT INTO journal (position, kind, tenant, key, version)
SELECT journal_position($19), 0, $1, $2, (SELECT version FROM changed)"
);

/// As [`INSERT`]. EXCEPT compares sets by hashing or sorting, whatever the planner believes of
/// their sizes; entries that stay are not touched.
pub(super) const UPDATE: &str = concat!(
    "
WITH changed AS (
    UPDATE objects SET owner = $3, version = $4::bigint, object_type = $5, class = $6, state = $7, activation_date = $8,
        deactivation_date = $9, archived = $10, mac_version = $11, mac = $12, blob_kind = $13, blob_key_version = $14,
        blob_length = $15, attributes = $16, blob = $17, alike = $31,
        dated = $32::bigint, index_rules = $33
    WHERE tenant = $1 AND unique_identifier = $2 AND version = $4::bigint - 1
    RETURNING sequence, version
), ",
    moved!("$32::bigint"),
    ", wanted (attribute, name, instance, field, number, bytes) AS MATERIALIZED (
    SELECT * FROM unnest($18::int4[], $19::bytea[], $20::int4[], $21::int4[], $22::int8[], $23::bytea[])
), held AS MATERIALIZED (
    SELECT e.attribute, e.name, e.instance, e.field, e.number, e.bytes
    FROM entries e WHERE e.object = (SELECT sequence FROM changed)
), gone AS (
    DELETE FROM entries e USING (SELECT * FROM held EXCEPT SELECT * FROM wanted) AS old
    WHERE e.object = (SELECT sequence FROM changed) AND e.attribute = old.attribute AND e.name = old.name
        AND e.instance = old.instance AND e.field = old.field AND e.number = old.number AND e.bytes = old.bytes
), entered AS (
    INSERT INTO entries (object, tenant, attribute, name, instance, field, number, bytes)
    SELECT changed.sequence, $1::bigint, new.*
    FROM changed, (SELECT * FROM wanted EXCEPT SELECT * FROM held) AS new
), names_wanted (name, distinguisher) AS MATERIALIZED (
    SELECT * FROM unnest($24::bytea[], $25::bytea[])
), names_held AS MATERIALIZED (
    SELECT n.name, n.distinguisher FROM names n WHERE n.object = (SELECT sequence FROM changed)
), unnamed AS (
    DELETE FROM names n USING (SELECT * FROM names_held EXCEPT SELECT * FROM names_wanted) AS old
    WHERE n.tenant = $1 AND n.name = old.name AND n.distinguisher = old.distinguisher
), named AS (
    INSERT INTO names (tenant, name, distinguisher, object)
    SELECT $1::bigint, new.*, changed.sequence
    FROM changed, (SELECT * FROM names_wanted EXCEPT SELECT * FROM names_held) AS new
), audited AS (
    INSERT INTO audit (node, sequence, hash, body)
    SELECT * FROM unnest($27::bytea[], $28::int8[], $29::bytea[], $30::bytea[])
)
INSERT INTO journal (position, kind, tenant, key, version)
SELECT journal_position($26), 0, $1, $2, (SELECT version FROM changed)"
);

/// Parameters of entities: 1 kind, 2 tenant, 3 key, 4 version, 5 body, 6 and 7 MAC, 8 place, 9 to 12 audit.
macro_rules! put {
    ($change:literal) => {
        concat!(
            "WITH changed AS (",
            $change,
            " RETURNING version), audited AS (
                INSERT INTO audit (node, sequence, hash, body)
                SELECT * FROM unnest($9::bytea[], $10::int8[], $11::bytea[], $12::bytea[])
            )
            INSERT INTO journal (position, kind, tenant, key, version)
            SELECT journal_position($8), $1, $2, $3, (SELECT version FROM changed)"
        )
    };
}

pub(super) const PUT_FIRST: &str = put!(
    "INSERT INTO entities (kind, tenant, key, version, body, mac_version, mac) VALUES ($1, $2, $3, $4, $5, $6, $7)"
);
pub(super) const PUT_NEXT: &str = put!(
    "UPDATE entities SET version = $4::bigint, body = $5, mac_version = $6, mac = $7
     WHERE kind = $1 AND tenant = $2 AND key = $3 AND version = $4::bigint - 1"
);

pub(super) const AUDIT: &str = "
INSERT INTO audit (node, sequence, hash, body) SELECT * FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $4::bytea[])";

/// Answers the number of the set of a digest, and up to which set was looked. Nothing, when another
/// transaction makes or deletes it at this moment: asked again, it is there.
/// Parameters: 1 tenant, 2 digest, 3 to 8 entries, 9 up to which set was looked before, 10 how many
/// are looked at.
///
/// Whoever makes a set deletes those of the next few that nobody has, and that no node may be about
/// to name: a node names what it asked for within ten minutes (`sets::FRESH`), asking renews `used`
/// when it is an hour old, and a connection that is silent for three hours is dead.
///
/// A set is no use without the commit that names it, and that one waits for the disk: also for this.
pub(super) const SET: &str = "
WITH hasty AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), found AS MATERIALIZED (
    SELECT number, used < now() - interval '1 hour' AS old FROM hasty, alike WHERE tenant = $1 AND digest = $2
), renewed AS (
    UPDATE alike SET used = now() FROM found WHERE alike.number = found.number AND found.old RETURNING alike.number
), made AS (
    INSERT INTO alike (tenant, digest)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM found)
    ON CONFLICT (tenant, digest) DO NOTHING RETURNING number
), entered AS (
    INSERT INTO entries (object, tenant, attribute, name, instance, field, number, bytes)
    SELECT DISTINCT -made.number, $1::bigint, wanted.* FROM made,
        unnest($3::int4[], $4::bytea[], $5::int4[], $6::int4[], $7::int8[], $8::bytea[]) AS wanted
), next AS MATERIALIZED (
    SELECT number FROM alike WHERE number > $9 AND EXISTS (SELECT FROM made) ORDER BY number LIMIT $10
), gone AS (
    DELETE FROM alike USING next
    WHERE alike.number = next.number AND alike.used < now() - interval '3 hours'
        AND NOT EXISTS (SELECT FROM dated_objects d WHERE d.dated = -alike.number OFFSET 0)
        AND NOT EXISTS (SELECT FROM objects o WHERE o.alike = -alike.number OFFSET 0)
    RETURNING alike.number
), cleared AS (
    DELETE FROM entries USING gone WHERE entries.object = -gone.number
)
SELECT number, CASE WHEN NOT EXISTS (SELECT FROM made) THEN $9
    ELSE coalesce((SELECT max(number) FROM next HAVING count(*) = $10), 0) END AS looked
FROM (SELECT number FROM made UNION ALL SELECT number FROM renewed UNION ALL SELECT number FROM found WHERE NOT old)
    AS known";
