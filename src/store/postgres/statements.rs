//! The statements of a commit. Each is atomic by itself, and either changes all its rows or fails: an
//! update that finds no row of the version before it leaves the journal entry's version null,
//! which the table refuses (`fault` makes a Conflict of it), and so undoes all of the transaction.
//!
//! Rows come as arrays of columns (`columns`), unnested side by side in a list of targets: in FROM,
//! PostgreSQL would keep each array as a table of its own first, which costs more than the rest.

use std::sync::LazyLock;

use super::columns::{Audit, Entries, Names, Objects};

/// The journal's position of a transaction's first change.
macro_rules! position {
    () => {
        "(SELECT (pg_current_xact_id()::text::bigint + base) << 20 FROM journal_base WHERE single)"
    };
}

type Columns = &'static [(&'static str, &'static str)];

fn names(columns: Columns) -> String {
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// Parameters from `first` on as rows.
fn given(columns: Columns, first: usize) -> String {
    let given = columns.iter().zip(first..);
    let given: Vec<_> = given
        .map(|((name, sql), number)| format!("unnest(${number}::{sql}[]) AS {name}"))
        .collect();
    given.join(", ")
}

/// Parameters: those of objects, entries, names and audit rows, then the place of the first change
/// in its transaction. What `RETURNING` gives is in the order of creation, which is that of places.
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let entries = Objects::COLUMNS.len() + 1;
    let names_from = entries + Entries::COLUMNS.len();
    let audit = names_from + Names::COLUMNS.len();
    let place = audit + Audit::COLUMNS.len();
    format!(
        "WITH changed AS (
            INSERT INTO objects ({objects}) SELECT {given_objects} RETURNING sequence
        ), placed AS MATERIALIZED (
            SELECT array_agg(sequence ORDER BY sequence) AS sequences FROM changed
        ), entered AS (
            INSERT INTO entries (object, tenant, attribute, name, instance, field, number, bytes)
            SELECT sequences[place], ($1::int8[])[place], attribute, name, instance, field, number, bytes
            FROM placed, (SELECT {given_entries}) AS wanted
        ), named AS (
            INSERT INTO names (object, tenant, name, distinguisher)
            SELECT sequences[place], ($1::int8[])[place], name, distinguisher
            FROM placed, (SELECT {given_names}) AS wanted
        ), audited AS (
            INSERT INTO audit ({audit_names}) SELECT {given_audit}
        )
        INSERT INTO journal (position, kind, tenant, key, version)
        SELECT {position} + ${place}::int8 + place - 1, 0, tenant, unique_identifier, version
        FROM (
            SELECT unnest($1::int8[]) AS tenant, unnest($2::bytea[]) AS unique_identifier,
                unnest($3::int8[]) AS version, generate_subscripts($1::int8[], 1) AS place
        ) AS changes",
        objects = names(Objects::COLUMNS),
        given_objects = given(Objects::COLUMNS, 1),
        given_entries = given(Entries::COLUMNS, entries),
        given_names = given(Names::COLUMNS, names_from),
        audit_names = names(Audit::COLUMNS),
        given_audit = given(Audit::COLUMNS, audit),
        position = position!(),
    )
});

/// Parameters: 1 tenant, 2 identifier, 3 owner, 4 version, 5 type, 6 class, 7 state, 8 activation,
/// 9 deactivation, 10 archived, 11 and 12 MAC, 13 to 15 blob's kind, key version and length, 16 attributes,
/// 17 blob, 18 to 23 entries of its own, 24 and 25 names, 26 place, 27 to 30 audit, 31 its set. EXCEPT
/// compares sets by hashing or sorting, whatever the planner believes of their sizes; entries that
/// stay are not touched.
pub(super) const UPDATE: &str = concat!("
WITH changed AS (
    UPDATE objects SET owner = $3, version = $4::bigint, object_type = $5, class = $6, state = $7, activation_date = $8,
        deactivation_date = $9, archived = $10, mac_version = $11, mac = $12, blob_kind = $13, blob_key_version = $14,
        blob_length = $15, attributes = $16, blob = $17, alike = $31
    WHERE tenant = $1 AND unique_identifier = $2 AND version = $4::bigint - 1
    RETURNING sequence, version
), wanted (attribute, name, instance, field, number, bytes) AS MATERIALIZED (
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
SELECT ", position!(), " + $26::int8, 0, $1, $2, (SELECT version FROM changed)");

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
            SELECT ",
            position!(),
            " + $8::int8, $1, $2, $3, (SELECT version FROM changed)"
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

/// Answers the number of the set of a digest. Nothing, when another transaction makes it at this
/// moment: asked again, it is there. Parameters: 1 tenant, 2 digest, 3 to 8 entries.
pub(super) const SET: &str = "
WITH made AS (
    INSERT INTO alike (tenant, digest)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM alike WHERE tenant = $1 AND digest = $2)
    ON CONFLICT (tenant, digest) DO NOTHING RETURNING number
), entered AS (
    INSERT INTO entries (object, tenant, attribute, name, instance, field, number, bytes)
    SELECT DISTINCT -made.number, $1::bigint, wanted.* FROM made,
        unnest($3::int4[], $4::bytea[], $5::int4[], $6::int4[], $7::int8[], $8::bytea[]) AS wanted
)
SELECT number FROM made UNION ALL SELECT number FROM alike WHERE tenant = $1 AND digest = $2";
