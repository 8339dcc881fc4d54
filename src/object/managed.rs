//! A managed object between its row and the operations: read and verified ([`Sealed`]), or new or
//! changed and not yet in a row ([`Draft`]). An operation can only use what is sealed and only
//! write what went through [`Draft::seal`], which gives the row its MAC.

use std::ops::{Deref, DerefMut};

use ttlv::{Limits, Node, Tag, Value};

use super::change::Changes;
use super::index;
use super::mac;
use super::state;
use crate::hsm::{Hsm, HsmError};
use crate::protocol::attributes::{self, Attributes};
use crate::protocol::enumeration::{ObjectType, State};
use crate::protocol::object::Object;
use crate::protocol::structure::Item;
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::record::{Blob, Class, IndexEntry, Record, TenantId, UniqueName};

/// Stored form of an object: an extension tag of our own that no message carries.
const STORED: Tag = Tag(0x54_0001);
const FORM: Tag = Tag(0x54_0002);

/// What the blob holds once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Form {
    /// The bytes of Key Material, or of the value of an object without key block.
    Bytes = 1,
    /// TTLV of a Key Material structure.
    Transparent = 2,
    /// Key Value as one byte string, wrapped by the client.
    Wrapped = 3,
}

/// Object, attributes and material of one row.
#[derive(Clone, Debug)]
pub struct Managed {
    pub tenant: TenantId,
    pub unique_identifier: String,
    pub owner: String,
    pub class: Class,
    pub archived: bool,
    pub attributes: Attributes,
    /// The object with its material taken out.
    pub skeleton: Object,
    pub form: Form,
    pub blob: Option<Blob>,
    /// What the last versions changed.
    pub changes: Changes,
    version: i64,
}

/// Why a row is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    #[error("the MAC of the row does not fit what it holds")]
    Mac,
    #[error("the row is older than one this node has seen")]
    Stale,
    #[error("the row is gone, and this node has seen it")]
    Gone,
    #[error("the row cannot be read: {0}")]
    Damaged(String),
    #[error(transparent)]
    Token(HsmError),
}

impl From<HsmError> for Unsound {
    fn from(error: HsmError) -> Self {
        match error {
            // A key version that the token never had is an edited row too.
            HsmError::Integrity(_) | HsmError::BadKey(_) => Unsound::Mac,
            other => Unsound::Token(other),
        }
    }
}

impl Managed {
    pub fn object_type(&self) -> ObjectType {
        self.skeleton.object_type()
    }

    /// The state at `now` (seconds since 1970): dates that have come count without any job having run.
    pub fn state(&self, now: i64) -> State {
        state::effective(&self.attributes, now)
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    /// What a search looks at besides the index: the row without attributes, blob and MAC.
    pub fn columns(&self) -> Record {
        Record {
            tenant: self.tenant,
            unique_identifier: self.unique_identifier.clone(),
            owner: self.owner.clone(),
            version: self.version,
            object_type: self.object_type().0,
            class: self.class,
            state: state::stored(&self.attributes).0,
            activation_date: self.attributes.date(tag::ACTIVATION_DATE),
            deactivation_date: self.attributes.date(tag::DEACTIVATION_DATE),
            archived: self.archived,
            attributes: Vec::new(),
            blob: None,
            mac_version: 0,
            mac: [0; 32],
        }
    }

    fn stored(&self) -> Vec<u8> {
        let mut fields = vec![
            Node::new(FORM, Value::Integer(self.form as i32)),
            attributes::canonical(&self.attributes),
        ];
        fields.extend(self.changes.stored());
        // The newest version expresses every object.
        if let Ok(object) = self.skeleton.to_node(Version::NEWEST) {
            fields.push(object);
        }
        let node = Node::structure(STORED, fields);
        let mut out = Vec::with_capacity(ttlv::binary::encoded_len(&node));
        ttlv::binary::encode(&node, &mut out);
        out
    }
}

fn damaged(what: impl ToString) -> Unsound {
    Unsound::Damaged(what.to_string())
}

/// Limits for our own rows: what was taken in a message fits.
fn limits() -> Limits {
    Limits {
        bytes: 64 << 20,
        items: 1 << 20,
        ..Limits::default()
    }
}

fn parse(record: &Record) -> Result<(Form, Attributes, Object, Changes), Unsound> {
    let limits = limits();
    let node = ttlv::binary::decode(&record.attributes, &limits).map_err(damaged)?;
    let form = match node.child(FORM).map(|form| &form.value) {
        Some(Value::Integer(1)) => Form::Bytes,
        Some(Value::Integer(2)) => Form::Transparent,
        Some(Value::Integer(3)) => Form::Wrapped,
        _ => return Err(damaged("form of the material")),
    };
    let attributes = node
        .child(tag::ATTRIBUTES)
        .ok_or_else(|| damaged("attributes"))?;
    let attributes = Attributes::read(attributes).map_err(damaged)?;
    let object = Object::find(node.items())
        .map_err(damaged)?
        .ok_or_else(|| damaged("object"))?;
    let changes = Changes::read(&node).map_err(damaged)?;
    Ok((form, attributes, object, changes))
}

/// Read from a row whose MAC was verified.
#[derive(Clone, Debug)]
pub struct Sealed(Managed);

impl Deref for Sealed {
    type Target = Managed;

    fn deref(&self) -> &Managed {
        &self.0
    }
}

impl Sealed {
    /// Takes a row after checking its MAC.
    pub async fn verify(hsm: &Hsm, record: Record) -> Result<Sealed, Unsound> {
        let message = mac::of_record(&record);
        hsm.verify_row_mac(record.mac_version, &message, &record.mac)
            .await?;
        Sealed::from_verified(record)
    }

    fn from_verified(record: Record) -> Result<Sealed, Unsound> {
        let (form, attributes, skeleton, changes) = parse(&record)?;
        Ok(Sealed(Managed {
            tenant: record.tenant,
            unique_identifier: record.unique_identifier,
            owner: record.owner,
            class: record.class,
            archived: record.archived,
            attributes,
            skeleton,
            form,
            blob: record.blob,
            changes,
            version: record.version,
        }))
    }

    /// A changed copy, to become the row's next version.
    pub fn edit(&self) -> Draft {
        Draft {
            managed: Managed {
                version: self.0.version + 1,
                ..self.0.clone()
            },
            before: Some(self.0.attributes.clone()),
        }
    }
}

/// New or changed; not in any row.
#[derive(Clone, Debug)]
pub struct Draft {
    managed: Managed,
    /// The attributes of the version that is edited; None of a new object.
    before: Option<Attributes>,
}

impl Deref for Draft {
    type Target = Managed;

    fn deref(&self) -> &Managed {
        &self.managed
    }
}

impl DerefMut for Draft {
    fn deref_mut(&mut self) -> &mut Managed {
        &mut self.managed
    }
}

/// A row ready for the store.
#[derive(Clone, Debug)]
pub struct Row {
    pub record: Record,
    pub index: Vec<IndexEntry>,
    pub names: Vec<UniqueName>,
}

impl Row {
    /// The row as a later item of the same batch reads it; its MAC was made here.
    pub fn sealed(&self) -> Result<Sealed, Unsound> {
        Sealed::from_verified(self.record.clone())
    }
}

impl Draft {
    pub fn new(
        tenant: TenantId,
        owner: &str,
        unique_identifier: String,
        class: Class,
        skeleton: Object,
        form: Form,
        blob: Option<Blob>,
    ) -> Draft {
        let managed = Managed {
            tenant,
            unique_identifier,
            owner: owner.to_owned(),
            class,
            archived: false,
            attributes: Attributes::default(),
            skeleton,
            form,
            blob,
            changes: Changes::default(),
            version: 1,
        };
        Draft {
            managed,
            before: None,
        }
    }

    pub fn set_version(&mut self, version: i64) {
        self.managed.version = version;
    }

    /// Makes the row with its MAC. `distinguish`: the tenant allows several objects of one Name.
    pub async fn seal(self, hsm: &Hsm, distinguish: bool) -> Result<Row, HsmError> {
        let Draft {
            managed: mut object,
            before,
        } = self;
        if let Some(before) = before {
            let version = object.version;
            object.changes.note(version, &before, &object.attributes);
        }
        let names = if state::is_destroyed(&object.attributes) {
            Vec::new()
        } else {
            let distinguisher = if distinguish {
                object.unique_identifier.as_str()
            } else {
                ""
            };
            index::names(&object.attributes, distinguisher)
        };
        let mut record = Record {
            attributes: object.stored(),
            mac_version: hsm.row_mac_version().await?,
            ..object.columns()
        };
        record.blob = object.blob;
        record.mac = hsm
            .row_mac(record.mac_version, &mac::of_record(&record))
            .await?;
        let index = index::entries(&object.attributes);
        Ok(Row {
            record,
            index,
            names,
        })
    }
}
