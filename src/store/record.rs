//! What the store keeps. The store reads none of it but the columns it needs to find a row:
//! attributes and blobs are bytes to it, and every row carries a MAC that only the token can make.

use serde::{Deserialize, Serialize};

/// A tenant's number; 0 is the deployment itself (identities of the installation, masters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub i64);

/// Where an object's key may exist in clear (DESIGN §4.3). Fixed at creation, covered by the row's MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Class {
    /// Generated, wrapped and used in the token; no code path of the server reads it.
    Token = 1,
    /// Clear in server memory during one call.
    Served = 2,
    /// Clear in locked memory for a bounded time.
    Cached = 3,
}

impl Class {
    pub const ALL: [Class; 3] = [Class::Token, Class::Served, Class::Cached];

    pub fn from_number(number: i64) -> Option<Class> {
        let mut all = Class::ALL.into_iter();
        all.find(|class| *class as i64 == number)
    }

    /// As administrators and `x-keyward-class` write it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Token => "token",
            Class::Served => "served",
            Class::Cached => "cached",
        }
    }

    pub fn named(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// How a managed object's material is protected in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BlobKind {
    /// By the tenant's wrap key (KWP): a key of class *token*.
    Wrapped = 1,
    /// By the tenant's seal key (AES-GCM): everything else.
    Sealed = 2,
    /// By nothing: the key is a token object of its own, and the bytes are its label.
    Anchored = 3,
}

impl BlobKind {
    pub fn from_number(number: i64) -> Option<BlobKind> {
        Some(match number {
            1 => BlobKind::Wrapped,
            2 => BlobKind::Sealed,
            3 => BlobKind::Anchored,
            _ => return None,
        })
    }
}

/// Material as it stands in the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub kind: BlobKind,
    /// Version of the tenant's wrap or seal key; 0 of what is under neither.
    pub key_version: u32,
    /// Length of the clear material in bytes (tokens pad what they unwrap).
    pub length: u32,
    pub bytes: Vec<u8>,
}

/// A managed object's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub tenant: TenantId,
    /// The KMIP Unique Identifier: unique in its tenant, at most 128 bytes.
    pub unique_identifier: String,
    /// The identity that made it.
    pub owner: String,
    /// Counts every change, from 1.
    pub version: i64,
    pub object_type: u32,
    pub class: Class,
    /// The State as last written; dates move it at read time (see `filter::Term::State`).
    pub state: u32,
    /// Seconds since 1970; copies of the attributes, so that the state is found in the database.
    pub activation_date: Option<i64>,
    pub deactivation_date: Option<i64>,
    pub archived: bool,
    /// TTLV of the `Attributes` structure (2.x form), canonical.
    pub attributes: Vec<u8>,
    /// None for objects without key value, and after Destroy.
    pub blob: Option<Blob>,
    /// By which rules its index entries were made ([`INDEX_RULES`]). A hint, not covered by the MAC.
    pub index_rules: u32,
    /// Version of the deployment's MAC key.
    pub mac_version: u32,
    pub mac: [u8; 32],
}

/// By which rules entries are made of attributes (`object::index`) and kept (`alike`): one higher
/// whenever either changes, so that an update of an older row compares what is there with what shall
/// be instead of relying on what the rules of today make of the version before.
pub const INDEX_RULES: u32 = 1;

/// One searchable value of an object. A structured attribute gives one entry per leaf field,
/// with the same `instance`; a plain one gives one with `field` 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexEntry {
    /// The attribute's tag; for custom and vendor attributes the tag of `Attribute`.
    pub attribute: u32,
    /// Empty for standard attributes, else `vendor identification:name` (1.x `x-NAME` is `x:NAME`).
    pub name: String,
    pub instance: u32,
    /// Tag of the field within a structured attribute, else 0.
    pub field: u32,
    pub value: IndexValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IndexValue {
    /// Integers, enumerations, booleans, dates, intervals.
    Number(i64),
    /// Texts, byte strings and big integers; compared exactly. Longer than 256 bytes: SHA-256 of it.
    Bytes(Vec<u8>),
}

/// A row that is not a managed object: a tenant, tenant key, identity, certificate mapping,
/// role, policy, ticket, job, manifest. Found by kind, tenant and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub kind: EntityKind,
    pub tenant: TenantId,
    pub key: String,
    pub version: i64,
    /// Canonical bytes; what they mean is the business of who wrote them.
    pub body: Vec<u8>,
    pub mac_version: u32,
    pub mac: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EntityKind {
    Deployment = 1,
    Tenant = 2,
    TenantKey = 3,
    Identity = 4,
    /// Key: SHA-256 fingerprint or subject of a certificate; body: the identity.
    Mapping = 5,
    /// One versioned list per tenant of what must not go missing: revoked identities, deny policies.
    Manifest = 6,
    Role = 7,
    Policy = 8,
    Ticket = 9,
    Job = 10,
    /// How often a key was used with random GCM vectors; key: its Unique Identifier.
    GcmUses = 11,
    /// The key behind Certify, and each tenant's certificate of it.
    IssuingAuthority = 12,
    /// Key: serial number of a certificate that Certify issued; body: its object.
    IssuedCertificate = 13,
    /// Key: `user:NAME`, or `device:` and a hash of what a device shows.
    User = 14,
    /// Wrong credentials of an identity; key: its name.
    Attempts = 15,
    /// What Usage Limits leave of a key; key: its Unique Identifier.
    UsageLimits = 20,
    /// What a tenant's new objects have to be like (Set Constraints).
    Constraints = 21,
    /// What a tenant's new objects get where the request is silent (Set Defaults).
    Defaults = 22,
    /// Which changes a client is told of; key: its identity.
    Subscription = 30,
    /// When a version of a master was made, retired and destroyed; key: `kek-v2`.
    MasterVersion = 40,
    /// Under which versions of their keys all rows of a tenant, or all that are no objects, are at least.
    Swept = 41,
    /// Who re-wraps at the moment.
    Sweep = 42,
    /// How often a tenant's seal key was used; key: `seal-v1`.
    SealUses = 43,
    /// A tenant that is, or is being, shredded.
    Shredding = 44,
    /// Up to where in the journal a subscribed client was told; key: its identity.
    Told = 48,
    /// A version of an anchored master that is, or is being, shredded; key: its Unique Identifier.
    ShreddedMaster = 50,
    /// The tokens of a node, where several hold the masters, and what is in them; key: the node.
    Holder = 51,
}

impl EntityKind {
    pub const ALL: [EntityKind; 27] = [
        EntityKind::Deployment,
        EntityKind::Tenant,
        EntityKind::TenantKey,
        EntityKind::Identity,
        EntityKind::Mapping,
        EntityKind::Manifest,
        EntityKind::Role,
        EntityKind::Policy,
        EntityKind::Ticket,
        EntityKind::Job,
        EntityKind::GcmUses,
        EntityKind::IssuingAuthority,
        EntityKind::IssuedCertificate,
        EntityKind::User,
        EntityKind::Attempts,
        EntityKind::Subscription,
        EntityKind::Told,
        EntityKind::UsageLimits,
        EntityKind::Constraints,
        EntityKind::Defaults,
        EntityKind::MasterVersion,
        EntityKind::Swept,
        EntityKind::Sweep,
        EntityKind::SealUses,
        EntityKind::Shredding,
        EntityKind::ShreddedMaster,
        EntityKind::Holder,
    ];

    /// What tells who somebody is or what a tenant allows: a change of it ends what nodes remember
    /// of that. Counters, jobs and issued certificates do not, and users and tickets are read whenever
    /// they are shown.
    const SAYS_WHO: [EntityKind; 11] = [
        EntityKind::Tenant,
        EntityKind::TenantKey,
        EntityKind::Identity,
        EntityKind::Mapping,
        EntityKind::Manifest,
        EntityKind::Role,
        EntityKind::Policy,
        EntityKind::Subscription,
        EntityKind::Constraints,
        EntityKind::Defaults,
        EntityKind::Shredding,
    ];

    /// Whether a journal's kind (0: objects) is one of those.
    pub fn says_who(kind: u8) -> bool {
        EntityKind::SAYS_WHO
            .iter()
            .any(|known| *known as u8 == kind)
    }

    pub fn from_number(number: i64) -> Option<EntityKind> {
        EntityKind::ALL
            .into_iter()
            .find(|kind| *kind as i64 == number)
    }
}

/// One audit record as the transaction stores it. The chain over sequences is linked by the
/// sealer, so that writers are not serialised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    pub node: String,
    /// Without gaps per node, from 1; taken by the writer of the row before it commits.
    pub sequence: i64,
    /// RFC 6962 leaf hash of `body`.
    pub hash: [u8; 32],
    /// JSON, one record.
    pub body: Vec<u8>,
}

/// Everything one batch item (or one batch with Undo) changes: applied whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    pub changes: Vec<Change>,
    pub audit: Vec<AuditRow>,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// A new object; fails with `Exists` when tenant and identifier are taken.
    Insert {
        record: Record,
        index: Vec<IndexEntry>,
        names: Vec<UniqueName>,
    },
    /// Replaces row, index entries and names. `record.version` is one more than what is stored,
    /// else `Conflict`.
    Update {
        record: Record,
        index: Vec<IndexEntry>,
        names: Vec<UniqueName>,
        /// Of the version it is based on, where the writer knows it: what is the same is then not
        /// looked at. Without it the store compares with what is there.
        before: Option<Before>,
    },
    /// Version 1 inserts (fails with `Exists`), a higher one replaces the one before it, else `Conflict`.
    Put(Entity),
}

/// What a version was written with. MUST be exact, and by [`INDEX_RULES`]; the owner MUST be the same.
#[derive(Clone, Debug)]
pub struct Before {
    pub index: Vec<IndexEntry>,
    /// None of a destroyed object.
    pub names: Vec<UniqueName>,
}

/// A Name value held by an object. With an empty `distinguisher` it is unique in its tenant
/// (`NameTaken`); tenants that allow duplicates put the object's identifier there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UniqueName {
    pub name: String,
    pub distinguisher: String,
}

/// One line of the journal: this row now has this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    pub position: i64,
    /// 0 for managed objects, else the `EntityKind`.
    pub kind: u8,
    pub tenant: TenantId,
    pub key: String,
    pub version: i64,
}
