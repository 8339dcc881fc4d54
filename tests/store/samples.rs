//! Rows to store.

use keyward::store::*;

pub const NAME: u32 = 0x42_0053;
pub const NAME_VALUE: u32 = 0x42_0055;
pub const NAME_TYPE: u32 = 0x42_0054;
pub const LENGTH: u32 = 0x42_002A;
pub const GROUP: u32 = 0x42_0056;
pub const MASK: u32 = 0x42_002C;
pub const CUSTOM: u32 = 0x42_0008;

pub const TENANT: TenantId = TenantId(1);

pub fn record(identifier: &str) -> Record {
    Record {
        tenant: TENANT,
        unique_identifier: identifier.to_owned(),
        owner: "somebody".to_owned(),
        version: 1,
        object_type: 2,
        class: Class::Token,
        state: 1,
        activation_date: None,
        deactivation_date: None,
        archived: false,
        attributes: vec![0xA5; 400],
        blob: Some(Blob {
            kind: BlobKind::Wrapped,
            key_version: 1,
            length: 32,
            bytes: vec![7; 40],
        }),
        index_rules: INDEX_RULES,
        mac_version: 1,
        mac: [9; 32],
    }
}

pub fn number(attribute: u32, value: i64) -> IndexEntry {
    IndexEntry {
        attribute,
        name: String::new(),
        instance: 0,
        field: 0,
        value: IndexValue::Number(value),
    }
}

pub fn text(attribute: u32, value: &str) -> IndexEntry {
    let value = IndexValue::Bytes(value.as_bytes().to_vec());
    IndexEntry {
        attribute,
        name: String::new(),
        instance: 0,
        field: 0,
        value,
    }
}

pub fn name_entries(name: &str, instance: u32) -> Vec<IndexEntry> {
    let entry = |field, value| IndexEntry {
        attribute: NAME,
        name: String::new(),
        instance,
        field,
        value,
    };
    vec![
        entry(NAME_VALUE, IndexValue::Bytes(name.as_bytes().to_vec())),
        entry(NAME_TYPE, IndexValue::Number(1)),
    ]
}

/// About as many entries as a symmetric key made by Create has.
pub fn usual_entries(name: &str) -> Vec<IndexEntry> {
    let mut index = name_entries(name, 0);
    index.push(number(LENGTH, 256));
    index.push(number(MASK, 12));
    index.push(text(GROUP, "default"));
    index.extend((0..9).map(|at| number(0x42_0100 + at, i64::from(at) + 1_700_000_000)));
    index
}

pub fn unique(name: &str) -> Vec<UniqueName> {
    vec![UniqueName {
        name: name.to_owned(),
        distinguisher: String::new(),
    }]
}

pub fn insert(record: Record, index: Vec<IndexEntry>, names: Vec<UniqueName>) -> Commit {
    Commit {
        changes: vec![Change::Insert {
            record,
            index,
            names,
        }],
        audit: Vec::new(),
    }
}

/// Compared with what is there.
pub fn update(record: Record, index: Vec<IndexEntry>, names: Vec<UniqueName>) -> Commit {
    Commit {
        changes: vec![Change::Update {
            record,
            index,
            names,
            before: None,
        }],
        audit: Vec::new(),
    }
}

/// By somebody who knows what the version before was written with.
pub fn update_of((index, names): (Vec<IndexEntry>, Vec<UniqueName>), commit: Commit) -> Commit {
    let known = Before { index, names };
    let changes = commit.changes.into_iter().map(|change| match change {
        Change::Update {
            record,
            index,
            names,
            ..
        } => Change::Update {
            record,
            index,
            names,
            before: Some(known.clone()),
        },
        other => other,
    });
    Commit {
        changes: changes.collect(),
        audit: commit.audit,
    }
}

pub fn entity(kind: EntityKind, key: &str, version: i64) -> Entity {
    Entity {
        kind,
        tenant: TENANT,
        key: key.to_owned(),
        version,
        body: vec![version as u8; 5],
        mac_version: 1,
        mac: [3; 32],
    }
}

pub fn put(entity: Entity) -> Commit {
    Commit {
        changes: vec![Change::Put(entity)],
        audit: Vec::new(),
    }
}

pub fn audit(node: &str, sequence: i64) -> AuditRow {
    AuditRow {
        node: node.to_owned(),
        sequence,
        hash: [sequence as u8; 32],
        body: format!("{{\"n\":{sequence}}}").into_bytes(),
    }
}

pub fn filter(terms: Vec<Term>) -> Filter {
    Filter {
        tenant: TENANT,
        owner: None,
        terms,
        online: true,
        archived: false,
        destroyed: false,
        offset: 0,
        maximum: None,
        count: false,
    }
}

pub fn named(name: &str) -> Term {
    let fields = vec![
        (NAME_TYPE, IndexValue::Number(1)),
        (NAME_VALUE, IndexValue::Bytes(name.as_bytes().to_vec())),
    ];
    Term::Matches {
        attribute: NAME,
        name: String::new(),
        fields,
    }
}
