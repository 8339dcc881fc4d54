//! The statements of a commit. Each is atomic by itself, and either changes all its rows or fails: an
//! update that does not find each row in the version before leaves versions of the journal null,
//! which the table refuses (`fault` makes a Conflict of it), and so undoes all of the transaction.
//!
//! Rows come as arrays, one for each column (`columns`), unnested side by side in a list of targets:
//! in FROM, PostgreSQL would first make a table of each array, which costs more than all the rest.
//! A row's place among the objects of its statement is counted from 1.

use std::sync::LazyLock;

use super::columns::{Audit, Entries, Names, Objects};

/// The journal's position of the first change of a transaction.
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

/// Parameters from `first` on as rows, and the number of the parameter after them.
fn given(columns: Columns, first: usize) -> (String, usize) {
    let given = columns.iter().zip(first..);
    let given: Vec<_> = given
        .map(|((name, sql), number)| format!("unnest(${number}::{sql}[]) AS {name}"))
        .collect();
    (given.join(", "), first + columns.len())
}

/// The end of a statement: audit rows are parameters from `first` on, the place of the statement's
/// first change in its transaction is the last one.
fn recorded(first: usize, version: &str) -> String {
    let (rows, place) = given(Audit::COLUMNS, first);
    format!(
        "audited AS (
            INSERT INTO audit ({audit}) SELECT {rows}
        )
        INSERT INTO journal (position, kind, tenant, key, version)
        SELECT {position} + ${place}::int8 + place - 1, 0, tenant, key, {version}
        FROM (
            SELECT unnest($1::int8[]) AS tenant, unnest($2::bytea[]) AS key, unnest($3::int8[]) AS version,
                generate_subscripts($1::int8[], 1) AS place
        ) AS changes",
        audit = names(Audit::COLUMNS),
        position = position!(),
    )
}

/// Parameters: objects, entries of their own, names, and what is [`recorded`]. Sequences are given in
/// the order in which rows come, so that their order is that of places.
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let (objects, next) = given(Objects::COLUMNS, 1);
    let (entries, next) = given(Entries::COLUMNS, next);
    let (held, next) = given(Names::COLUMNS, next);
    format!(
        "WITH changed AS (
            INSERT INTO objects ({columns}) SELECT {objects} RETURNING sequence, dated
        ), placed AS MATERIALIZED (
            SELECT array_agg(sequence ORDER BY sequence) AS sequences FROM changed
        ), joined AS (
            INSERT INTO dated_objects (dated, object) SELECT dated, sequence FROM changed
        ), entered AS (
            INSERT INTO entries (object, tenant, attribute, name, instance, field, number, bytes)
            SELECT sequences[place], ($1::int8[])[place], attribute, name, instance, field, number, bytes
            FROM placed, (SELECT {entries}) AS wanted
        ), named AS (
            INSERT INTO names (object, tenant, name, distinguisher)
            SELECT sequences[place], ($1::int8[])[place], name, distinguisher
            FROM placed, (SELECT {held}) AS wanted
        ), {recorded}",
        columns = names(Objects::COLUMNS),
        recorded = recorded(next, "version"),
    )
});

/// Changes rows of objects (parameters from 1), and moves each from one set of dates to another.
///
/// Rows are found one by one, by an index, and then named by where they are: a join that the planner
/// may turn around would read a whole table while it believes that to be small. As long as it does,
/// all indexes that begin with the tenant are one to it: only `objects_identifier` has this order.
/// What is found is the row before the change; its version says that nothing came in between.
///
/// A planner that sees how many rows come believes that one plan for all is dearer than a plan for
/// few, and plans each time anew, which costs as much as all the rest: one array is hidden from it.
fn changed() -> String {
    let (objects, _) = given(Objects::COLUMNS, 1);
    let objects = objects.replacen("$1::int8[]", "(SELECT $1::int8[])", 1);
    let set: Vec<_> = Objects::COLUMNS
        .iter()
        .filter(|(name, _)| !matches!(*name, "tenant" | "unique_identifier"))
        .map(|(name, _)| format!("{name} = new.{name}"))
        .collect();
    format!(
        "changed AS (
            UPDATE objects o SET {set}
            FROM (
                SELECT wanted.*, held.* FROM (SELECT {objects}) AS wanted, LATERAL (
                    SELECT o.ctid AS at, o.dated AS was FROM objects o
                    WHERE o.tenant = wanted.tenant
                        AND o.unique_identifier BETWEEN wanted.unique_identifier AND wanted.unique_identifier
                    ORDER BY o.tenant, o.unique_identifier LIMIT 1
                ) AS held
            ) AS new
            WHERE o.ctid = new.at AND o.version = new.version - 1
            RETURNING o.sequence, o.dated, new.was
        ), moved AS (
            UPDATE dated_objects d SET dated = new.dated
            FROM (
                SELECT changed.dated, held.at FROM changed, LATERAL (
                    SELECT d.ctid AS at FROM dated_objects d
                    WHERE d.dated = changed.was AND d.object = changed.sequence OFFSET 0
                ) AS held
                WHERE changed.was <> changed.dated
            ) AS new
            WHERE d.ctid = new.at
        )",
        set = set.join(", "),
    )
}

/// A version, where all rows were found.
const FOUND: &str =
    "CASE WHEN (SELECT count(*) FROM changed) = cardinality($1::int8[]) THEN version END";

/// Updates that change neither entries of the objects' own nor names; an object is among them once.
/// Parameters: objects, and what is [`recorded`].
pub(super) static UPDATE_ROWS: LazyLock<String> = LazyLock::new(|| {
    let next = Objects::COLUMNS.len() + 1;
    format!("WITH {}, {}", changed(), recorded(next, FOUND))
});

/// Any update, of one object. EXCEPT compares sets by hashing or sorting, whatever the planner
/// believes of their sizes; entries that stay are not touched. Parameters as those of [`INSERT`].
pub(super) static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let (entries, next) = given(Entries::COLUMNS, Objects::COLUMNS.len() + 1);
    let (held, next) = given(Names::COLUMNS, next);
    format!(
        "WITH {changed}, wanted AS MATERIALIZED (
            SELECT attribute, name, instance, field, number, bytes FROM (SELECT {entries}) AS given
        ), held AS MATERIALIZED (
            SELECT e.attribute, e.name, e.instance, e.field, e.number, e.bytes
            FROM entries e WHERE e.object = (SELECT sequence FROM changed)
        ), gone AS (
            DELETE FROM entries e USING (SELECT * FROM held EXCEPT SELECT * FROM wanted) AS old
            WHERE e.object = (SELECT sequence FROM changed) AND e.attribute = old.attribute AND e.name = old.name
                AND e.instance = old.instance AND e.field = old.field AND e.number = old.number
                AND e.bytes = old.bytes
        ), entered AS (
            INSERT INTO entries (object, tenant, attribute, name, instance, field, number, bytes)
            SELECT sequence, ($1::int8[])[1], new.*
            FROM changed, (SELECT * FROM wanted EXCEPT SELECT * FROM held) AS new
        ), names_wanted AS MATERIALIZED (
            SELECT name, distinguisher FROM (SELECT {held}) AS given
        ), names_held AS MATERIALIZED (
            SELECT n.name, n.distinguisher FROM names n WHERE n.object = (SELECT sequence FROM changed)
        ), unnamed AS (
            DELETE FROM names n USING (SELECT * FROM names_held EXCEPT SELECT * FROM names_wanted) AS old
            WHERE n.tenant = ($1::int8[])[1] AND n.name = old.name AND n.distinguisher = old.distinguisher
        ), named AS (
            INSERT INTO names (object, tenant, name, distinguisher)
            SELECT sequence, ($1::int8[])[1], new.*
            FROM changed, (SELECT * FROM names_wanted EXCEPT SELECT * FROM names_held) AS new
        ), {recorded}",
        changed = changed(),
        recorded = recorded(next, FOUND),
    )
});

/// Parameters of entities: 1 kind, 2 tenant, 3 key, 4 version, 5 body, 6 and 7 MAC, 8 place, 9 to 12 audit.
macro_rules! put {
    ($change:literal) => {
        concat!(
            "WITH changed AS (",
            $change,
            " RETURNING version), audited AS (
                INSERT INTO audit (node, sequence, hash, body)
                SELECT unnest($9::bytea[]), unnest($10::int8[]), unnest($11::bytea[]), unnest($12::bytea[])
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
INSERT INTO audit (node, sequence, hash, body)
SELECT unnest($1::bytea[]), unnest($2::int8[]), unnest($3::bytea[]), unnest($4::bytea[])";

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
