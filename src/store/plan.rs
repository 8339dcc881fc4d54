//! Locate as SQL. Values are always bound, never written into the text.
//!
//! A search is driven either by the objects, newest first, or by the index rows of one condition,
//! which stand in the same order; every other condition is then a look at one object's rows.
//! Which index drives is decided by counting, up to [`FEW`]: texts first, for they are mostly
//! near-unique where numbers (algorithms, types) are shared by thousands.

use super::alike::Sets;
use super::evaluate::state;
use super::filter::{Filter, Term};
use super::limit;
use super::record::IndexValue;

/// Up to so many rows, a driving index is taken as exact and its rows are sorted without regret.
pub(super) const FEW: i64 = 128;
/// The same of a condition that may stand in sets (`alike`): its objects are not in order of
/// creation and are always sorted.
const FEW_ALIKE: i64 = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Param {
    Number(i64),
    /// The tag of an attribute or field.
    Tag(u32),
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Query {
    pub sql: String,
    pub params: Vec<Param>,
}

/// What a search walks along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    Objects,
    /// The index rows of one field of a `Matches` term.
    Field {
        term: usize,
        field: usize,
    },
    /// The index rows of a `Between` term.
    Range {
        term: usize,
    },
}

/// Conditions that could drive. Empty: the objects do.
pub(super) fn candidates(filter: &Filter) -> Vec<Driver> {
    if filter
        .terms
        .iter()
        .any(|term| matches!(term, Term::UniqueIdentifier(_)))
    {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    let mut numbers = Vec::new();
    for (at, term) in filter.terms.iter().enumerate() {
        match term {
            Term::Matches { fields, .. } => {
                for (field, (_, value)) in fields.iter().enumerate() {
                    let driver = Driver::Field { term: at, field };
                    let is_rare = matches!(value, IndexValue::Bytes(_)) && !driver.is_mixed(filter);
                    if is_rare { &mut bytes } else { &mut numbers }.push(driver);
                }
            }
            Term::Between { .. } => numbers.push(Driver::Range { term: at }),
            _ => {}
        }
    }
    if bytes.is_empty() { numbers } else { bytes }
}

impl Driver {
    /// Sets its rows may stand in.
    fn sets(self, filter: &Filter) -> Sets {
        match self {
            Driver::Objects => None,
            Driver::Range { term } => filter.terms.get(term).map(Sets::of_term),
            Driver::Field { term, field } => match filter.terms.get(term) {
                Some(Term::Matches {
                    attribute,
                    name,
                    fields,
                }) => fields
                    .get(field)
                    .map(|(field, value)| Sets::of(*attribute, name, *field, value)),
                _ => None,
            },
        }
        .unwrap_or_default()
    }

    /// Whether its rows may stand in sets: then objects are found by either.
    pub(super) fn is_mixed(self, filter: &Filter) -> bool {
        self.sets(filter) != Sets::OWN
    }

    fn few(self, filter: &Filter) -> i64 {
        if self.is_mixed(filter) {
            FEW_ALIKE
        } else {
            FEW
        }
    }
}

/// The driver for these counts (of [`probe`]), and whether they say that it has few rows.
pub(super) fn choose(filter: &Filter, candidates: &[Driver], counts: &[i64]) -> (Driver, bool) {
    let fewest = candidates
        .iter()
        .zip(counts)
        .min_by_key(|(_, count)| **count);
    match fewest {
        Some((driver, count)) if *count <= driver.few(filter) => (*driver, *count <= FEW),
        // Many rows of a range or of sets would have to be sorted; the objects are in order already.
        _ => (
            candidates
                .iter()
                .find(|d| matches!(d, Driver::Field { .. }) && !d.is_mixed(filter))
                .copied()
                .unwrap_or(Driver::Objects),
            false,
        ),
    }
}

/// One row per candidate: its place and the number of its index rows, counted a little beyond what is few.
pub(super) fn probe(dialect: Dialect, filter: &Filter, candidates: &[Driver]) -> Query {
    let mut builder = Builder::new(dialect, filter);
    for (at, driver) in candidates.iter().enumerate() {
        if at > 0 {
            builder.push(" UNION ALL ");
        }
        builder.push(&format!("SELECT {at}, count(*) FROM ("));
        if driver.is_mixed(filter) {
            builder.mixed(filter, *driver, " UNION ALL ");
        } else {
            builder.push("SELECT 1 FROM entries d WHERE ");
            builder.driving(filter, *driver);
        }
        builder.push(&format!(" LIMIT {}) AS probe{at}", driver.few(filter) + 1));
    }
    builder.query
}

/// The page of identifiers that the filter asks for.
pub(super) fn page(dialect: Dialect, filter: &Filter, driver: Driver) -> Query {
    let mut builder = Builder::new(dialect, filter);
    builder.push("SELECT o.unique_identifier ");
    builder.matching(filter, driver);
    let order = builder.order(filter, driver);
    builder.push(&format!(" ORDER BY {order} DESC LIMIT "));
    // No limit is the largest one: both databases take it, and neither takes the other's word for none.
    builder.bind(Param::Number(filter.maximum.map_or(i64::MAX, i64::from)));
    builder.push(" OFFSET ");
    builder.bind(Param::Number(i64::from(filter.offset)));
    builder.query
}

/// How many match in all.
pub(super) fn total(dialect: Dialect, filter: &Filter, driver: Driver) -> Query {
    let mut builder = Builder::new(dialect, filter);
    builder.push("SELECT count(*) FROM (SELECT 1 ");
    builder.matching(filter, driver);
    builder.push(") AS found");
    builder.query
}

/// Whose entries are looked at.
#[derive(Clone, Copy)]
enum Whose<'a> {
    /// The object's: its own and those of its sets.
    Object,
    /// Those that stand where this row does.
    Row(&'a str),
}

impl Whose<'_> {
    fn place(self, sets: Sets) -> String {
        match (self, sets.alike, sets.dated) {
            (Whose::Row(alias), ..) => format!("= {alias}.object"),
            (_, false, false) => "= o.sequence".to_owned(),
            (_, true, false) => "IN (o.sequence, o.alike)".to_owned(),
            (_, false, true) => "IN (o.sequence, o.dated)".to_owned(),
            (_, true, true) => "IN (o.sequence, o.alike, o.dated)".to_owned(),
        }
    }
}

struct Builder {
    dialect: Dialect,
    tenant: i64,
    query: Query,
}

impl Builder {
    fn new(dialect: Dialect, filter: &Filter) -> Builder {
        Builder {
            dialect,
            tenant: filter.tenant.0,
            query: Query {
                sql: String::with_capacity(512),
                params: Vec::new(),
            },
        }
    }

    fn push(&mut self, text: &str) {
        self.query.sql.push_str(text);
    }

    fn bind(&mut self, param: Param) {
        self.query.params.push(param);
        let mark = if self.dialect == Dialect::Sqlite {
            '?'
        } else {
            '$'
        };
        let number = self.query.params.len();
        self.query.sql.push_str(&format!("{mark}{number}"));
    }

    fn compare(&mut self, left: &str, param: Param) {
        self.push(left);
        self.bind(param);
    }

    /// FROM to GROUP BY. An object stands once, however many of its instances match.
    fn matching(&mut self, filter: &Filter, driver: Driver) {
        if driver == Driver::Objects {
            self.push("FROM objects o WHERE ");
            self.conditions(filter, driver);
            return;
        }
        // SQLite takes CROSS JOIN as an order; PostgreSQL decides by its statistics.
        if driver.is_mixed(filter) {
            self.push("FROM (");
            self.mixed(filter, driver, " UNION ");
            self.push(") AS found CROSS JOIN objects o WHERE o.sequence = found.sequence AND ");
            self.conditions(filter, driver);
            return;
        }
        self.push("FROM entries d CROSS JOIN objects o WHERE o.sequence = d.object AND ");
        self.driving(filter, driver);
        if let Driver::Field { term, field } = driver
            && let Some(Term::Matches {
                attribute,
                name,
                fields,
            }) = filter.terms.get(term)
        {
            self.others("d", Whose::Object, (*attribute, name), fields, field);
        }
        self.push(" AND ");
        self.conditions(filter, driver);
        let order = self.order(filter, driver);
        self.push(&format!(" GROUP BY {order}"));
    }

    /// The objects of a driver's rows: those that have the entry, and those of the sets that have it.
    fn mixed(&mut self, filter: &Filter, driver: Driver, union: &str) {
        let sets = driver.sets(filter);
        self.push("SELECT d.object AS sequence FROM entries d WHERE d.object > 0 AND ");
        self.driving(filter, driver);
        if sets.alike {
            self.push(union);
            self.push("SELECT s.sequence FROM entries d CROSS JOIN objects s WHERE s.alike = d.object AND d.object < 0 AND ");
            self.driving(filter, driver);
        }
        if sets.dated {
            self.push(union);
            self.push(match self.dialect {
                Dialect::Sqlite => {
                    "SELECT s.sequence FROM entries d CROSS JOIN objects s WHERE s.dated = d.object"
                }
                Dialect::Postgres => {
                    "SELECT s.object FROM entries d CROSS JOIN dated_objects s WHERE s.dated = d.object"
                }
            });
            self.push(" AND d.object < 0 AND ");
            self.driving(filter, driver);
        }
    }

    /// The order of creation. SQLite sees that the index has it only by the index's own column;
    /// PostgreSQL knows the two for equal, but groups by a primary key only.
    fn order(&self, filter: &Filter, driver: Driver) -> &'static str {
        let mixed = driver.is_mixed(filter);
        if self.dialect == Dialect::Sqlite && driver != Driver::Objects && !mixed {
            "d.object"
        } else {
            "o.sequence"
        }
    }

    /// The driver's rows: of a term with several fields, those of one.
    fn driving(&mut self, filter: &Filter, driver: Driver) {
        self.compare("d.tenant = ", Param::Number(filter.tenant.0));
        match driver {
            Driver::Objects => {}
            Driver::Range { term } => {
                if let Some(Term::Between {
                    attribute,
                    name,
                    low,
                    high,
                }) = filter.terms.get(term)
                {
                    self.attribute("d", *attribute, name);
                    self.between("d", *low, *high);
                }
            }
            Driver::Field { term, field } => {
                if let Some(Term::Matches {
                    attribute,
                    name,
                    fields,
                }) = filter.terms.get(term)
                {
                    self.attribute("d", *attribute, name);
                    if let Some((field, value)) = fields.get(field) {
                        self.field("d", *field, value);
                    }
                }
            }
        }
    }

    /// Beside row `alias`, which is field `at` of the term, the other fields are in its instance:
    /// among the entries of `whose`.
    fn others(
        &mut self,
        alias: &str,
        whose: Whose<'_>,
        (attribute, name): (u32, &str),
        fields: &[(u32, IndexValue)],
        at: usize,
    ) {
        for (other, (field, value)) in fields.iter().enumerate() {
            if other == at {
                continue;
            }
            let inner = format!("{alias}{other}");
            let place = whose.place(Sets::of(attribute, name, *field, value));
            self.push(&format!(
                " AND EXISTS (SELECT 1 FROM entries {inner} WHERE {inner}.object {place} \
                 AND {inner}.attribute = {alias}.attribute AND {inner}.name = {alias}.name \
                 AND {inner}.instance = {alias}.instance"
            ));
            self.field(&inner, *field, value);
            self.end();
        }
    }

    fn attribute(&mut self, alias: &str, attribute: u32, name: &str) {
        self.compare(&format!(" AND {alias}.attribute = "), Param::Tag(attribute));
        self.compare(
            &format!(" AND {alias}.name = "),
            Param::Text(limit::text(name).into_owned()),
        );
    }

    fn field(&mut self, alias: &str, field: u32, value: &IndexValue) {
        self.compare(&format!(" AND {alias}.field = "), Param::Tag(field));
        match (self.dialect, value) {
            (Dialect::Sqlite, value) => {
                self.compare(&format!(" AND {alias}.value = "), sqlite(value))
            }
            (Dialect::Postgres, value) => {
                let (number, bytes) = postgres(value);
                self.compare(&format!(" AND {alias}.number = "), Param::Number(number));
                self.compare(&format!(" AND {alias}.bytes = "), Param::Bytes(bytes));
            }
        }
    }

    fn between(&mut self, alias: &str, low: i64, high: i64) {
        self.compare(&format!(" AND {alias}.field = "), Param::Tag(0));
        let (column, only) = self.number(alias);
        self.compare(&format!(" AND {column} >= "), Param::Number(low));
        self.compare(&format!(" AND {column} <= "), Param::Number(high));
        self.push(&only);
    }

    /// Where a number stands, and what keeps texts out.
    fn number(&self, alias: &str) -> (String, String) {
        match self.dialect {
            Dialect::Sqlite => (
                format!("{alias}.value"),
                format!(" AND typeof({alias}.value) = 'integer'"),
            ),
            Dialect::Postgres => (
                format!("{alias}.number"),
                format!(" AND {alias}.bytes = ''"),
            ),
        }
    }

    fn conditions(&mut self, filter: &Filter, driver: Driver) {
        self.compare("o.tenant = ", Param::Number(filter.tenant.0));
        self.visible(filter);
        if let Some(owner) = &filter.owner {
            self.compare(" AND o.owner = ", Param::Text(owner.clone()));
        }
        for (at, term) in filter.terms.iter().enumerate() {
            // Rows in sets were found by one field of the term.
            let whole = !driver.is_mixed(filter) || !term.is_of_several();
            let drives = match driver {
                Driver::Objects => false,
                Driver::Field { term, .. } | Driver::Range { term } => term == at,
            };
            if !(drives && whole) {
                self.term(term, at);
            }
        }
    }

    fn visible(&mut self, filter: &Filter) {
        let destroyed = format!(
            "o.state IN ({}, {})",
            state::DESTROYED,
            state::DESTROYED_COMPROMISED
        );
        let archived = if self.dialect == Dialect::Sqlite {
            "o.archived <> 0"
        } else {
            "o.archived"
        };
        let live = match (filter.online, filter.archived) {
            (true, true) => format!("NOT {destroyed}"),
            (true, false) => format!("NOT {destroyed} AND NOT ({archived})"),
            (false, true) => format!("NOT {destroyed} AND {archived}"),
            (false, false) => "1 = 0".to_owned(),
        };
        match (filter.destroyed, filter.online && filter.archived) {
            (true, true) => {}
            (true, false) => self.push(&format!(" AND ({destroyed} OR ({live}))")),
            (false, _) => self.push(&format!(" AND {live}")),
        }
    }

    fn term(&mut self, term: &Term, at: usize) {
        let alias = format!("t{at}x");
        let place = Whose::Object.place(Sets::of_term(term));
        match term {
            Term::Matches {
                attribute,
                name,
                fields,
            } => self.matches(&alias, (*attribute, name), fields),
            Term::Present { attribute, name } => {
                self.and_exists(&alias, &place, (*attribute, name), |_| {});
            }
            Term::Between {
                attribute,
                name,
                low,
                high,
            } => self.and_exists(&alias, &place, (*attribute, name), |builder| {
                builder.between(&alias, *low, *high);
            }),
            Term::AtLeast {
                attribute,
                field,
                low,
            } => self.and_exists(&alias, &place, (*attribute, ""), |builder| {
                builder.compare(&format!(" AND {alias}.field = "), Param::Tag(*field));
                let (column, only) = builder.number(&alias);
                builder.compare(&format!(" AND {column} >= "), Param::Number(*low));
                builder.push(&only);
            }),
            Term::Contains { attribute, mask } => {
                self.and_exists(&alias, &place, (*attribute, ""), |builder| {
                    builder.compare(&format!(" AND {alias}.field = "), Param::Tag(0));
                    let (column, only) = builder.number(&alias);
                    builder.compare(&format!(" AND ({column} & "), Param::Number(*mask));
                    builder.compare(") = ", Param::Number(*mask));
                    builder.push(&only);
                });
            }
            Term::State { state, now } => self.state(*state, *now),
            Term::UniqueIdentifier(identifier) => {
                self.compare(
                    " AND o.unique_identifier = ",
                    Param::Text(identifier.clone()),
                );
            }
            Term::ObjectType(object_type) => {
                self.compare(" AND o.object_type = ", Param::Tag(*object_type))
            }
        }
    }

    /// The object has an instance of the attribute with all of these fields.
    fn matches(&mut self, alias: &str, attribute: (u32, &str), fields: &[(u32, IndexValue)]) {
        let of =
            |(field, value): &(u32, IndexValue)| Sets::of(attribute.0, attribute.1, *field, value);
        let Some((first, rest)) = fields.split_first() else {
            let place = Whose::Object.place(Sets::of_any(attribute.1));
            return self.and_exists(alias, &place, attribute, |_| {});
        };
        let sets = of(first);
        let column = match sets {
            _ if rest.iter().any(|field| of(field) != sets) => None,
            Sets { alike: true, .. } => Some("alike"),
            Sets { dated: true, .. } => Some("dated"),
            _ => None,
        };
        let Some(column) = column else {
            return self.and_exists(alias, &Whose::Object.place(sets), attribute, |builder| {
                builder.field(alias, first.0, &first.1);
                builder.others(alias, Whose::Object, attribute, fields, 0);
            });
        };
        // The sets that have it are few and found once; most objects need no other look.
        let set = format!("{alias}s");
        self.push(&format!(
            " AND (o.{column} IN (SELECT {set}.object FROM entries {set} WHERE {set}.object < 0"
        ));
        let tenant = format!(" AND {set}.tenant = ");
        self.compare(&tenant, Param::Number(self.tenant));
        self.attribute(&set, attribute.0, attribute.1);
        self.field(&set, first.0, &first.1);
        self.others(&set, Whose::Row(&set), attribute, fields, 0);
        self.push(") OR ");
        self.exists(alias, "= o.sequence", attribute, |builder| {
            builder.field(alias, first.0, &first.1);
            builder.others(alias, Whose::Row(alias), attribute, fields, 0);
        });
        self.push(")");
    }

    /// There is such an entry at this place.
    fn and_exists(
        &mut self,
        alias: &str,
        place: &str,
        attribute: (u32, &str),
        more: impl FnOnce(&mut Builder),
    ) {
        self.push(" AND ");
        self.exists(alias, place, attribute, more);
    }

    fn exists(
        &mut self,
        alias: &str,
        place: &str,
        (attribute, name): (u32, &str),
        more: impl FnOnce(&mut Builder),
    ) {
        self.push(&format!(
            "EXISTS (SELECT 1 FROM entries {alias} WHERE {alias}.object {place}"
        ));
        self.attribute(alias, attribute, name);
        more(self);
        self.end();
    }

    /// Ends an EXISTS, so that it stays one: asked per row, by index.
    ///
    /// PostgreSQL would plan a join of them all, a minute for a hundred conditions. SQLite 3.51
    /// turns an EXISTS into a join and then counts a row for OFFSET once per match.
    fn end(&mut self) {
        self.push(if self.dialect == Dialect::Postgres {
            " OFFSET 0)"
        } else {
            " LIMIT 1)"
        });
    }

    /// KMIP 2.1 §4.57: dates move Pre-Active to Active and Active to Deactivated.
    fn state(&mut self, state: u32, now: i64) {
        let (pre, active, off) = (state::PRE_ACTIVE, state::ACTIVE, state::DEACTIVATED);
        self.compare(
            &format!(
                " AND CASE WHEN (o.state = {active} OR o.state = {pre} AND o.activation_date <= "
            ),
            Param::Number(now),
        );
        self.compare(") AND o.deactivation_date <= ", Param::Number(now));
        self.compare(
            &format!(" THEN {off} WHEN o.state = {pre} AND o.activation_date <= "),
            Param::Number(now),
        );
        self.compare(
            &format!(" THEN {active} ELSE o.state END = "),
            Param::Tag(state),
        );
    }
}

fn sqlite(value: &IndexValue) -> Param {
    match value {
        IndexValue::Number(number) => Param::Number(*number),
        IndexValue::Bytes(bytes) => Param::Bytes(limit::bytes(bytes).into_owned()),
    }
}

/// In PostgreSQL an entry has a number and bytes, neither ever null, so that one index and one
/// equality serve both: bytes begin with a 1 that keeps an empty text apart from a number.
pub(super) fn postgres(value: &IndexValue) -> (i64, Vec<u8>) {
    match value {
        IndexValue::Number(number) => (*number, Vec::new()),
        IndexValue::Bytes(bytes) => {
            let bytes = limit::bytes(bytes);
            let mut held = Vec::with_capacity(bytes.len() + 1);
            held.push(1);
            held.extend_from_slice(&bytes);
            (0, held)
        }
    }
}
