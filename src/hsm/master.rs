//! What the few objects in the token are: key encryption keys, the row MAC keys, a node's audit key,
//! the key behind Certify, anchored masters (DESIGN §4.2, §6). Found by CKA_ID (the deployment) and
//! told apart by CKA_LABEL.

use token::Value::{Bytes, Flag, Number};
use token::raw::{CK_ATTRIBUTE_TYPE, CK_MECHANISM_TYPE, CK_ULONG};
use token::raw::{
    CKA_ALWAYS_SENSITIVE, CKA_CLASS, CKA_DECRYPT, CKA_DERIVE, CKA_EC_POINT, CKA_ENCRYPT,
    CKA_EXTRACTABLE, CKA_ID, CKA_KEY_TYPE, CKA_LABEL, CKA_LOCAL, CKA_NEVER_EXTRACTABLE,
    CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_UNWRAP, CKA_VALUE_LEN, CKA_VERIFY,
    CKA_WRAP, CKK_AES, CKK_EC, CKK_GENERIC_SECRET, CKM_AES_KEY_GEN, CKM_EC_KEY_PAIR_GEN,
    CKM_GENERIC_SECRET_KEY_GEN, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Session};

use super::{Config, HsmError, Source, der};

/// More masters than rotation makes in decades.
const LIMIT: usize = 1024;
/// More objects than tokens have room for.
const MOST: usize = 1 << 16;
const USAGES: [CK_ATTRIBUTE_TYPE; 7] = [
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_SIGN,
    CKA_VERIFY,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_DERIVE,
];

/// What has versions and is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MasterKind {
    /// Wraps tenants' keys.
    Kek,
    /// Makes row MACs, or wraps the keys that do.
    Mac,
}

impl MasterKind {
    pub const ALL: [MasterKind; 2] = [MasterKind::Kek, MasterKind::Mac];

    pub fn name(self) -> &'static str {
        match self {
            MasterKind::Kek => "kek",
            MasterKind::Mac => "mac",
        }
    }

    /// `kek-v2`.
    pub fn called(self, version: u32) -> String {
        format!("{}-v{version}", self.name())
    }

    /// Of `kek-v2`; `kek-v02` is no other way to write it, or a token could have two of one version.
    pub fn parse(name: &str) -> Option<(MasterKind, u32)> {
        MasterKind::ALL.into_iter().find_map(|kind| {
            let number = name.strip_prefix(kind.name())?.strip_prefix("-v")?;
            let version = number.parse::<u32>().ok()?;
            (kind.called(version) == name).then_some((kind, version))
        })
    }

    pub(super) fn row(self, config: &Config) -> &'static Row {
        match self {
            MasterKind::Kek => &KEK,
            MasterKind::Mac => mac_row(config),
        }
    }
}

/// What a master is, so that making and checking read the same row.
pub(super) struct Row {
    pub name: &'static str,
    pub class: CK_ULONG,
    key_type: CK_ULONG,
    pub generator: CK_MECHANISM_TYPE,
    usages: &'static [CK_ATTRIBUTE_TYPE],
    /// All tokens of a deployment have it; otherwise it is a node's own.
    crosses: bool,
}

pub(super) const KEK: Row = Row {
    name: "kek-v",
    class: CKO_SECRET_KEY,
    key_type: CKK_AES,
    generator: CKM_AES_KEY_GEN,
    usages: &[CKA_WRAP, CKA_UNWRAP],
    crosses: true,
};
/// HMAC in the token, where that costs microseconds.
pub(super) const MAC: Row = Row {
    name: "mac-v",
    class: CKO_SECRET_KEY,
    key_type: CKK_GENERIC_SECRET,
    generator: CKM_GENERIC_SECRET_KEY_GEN,
    usages: &[CKA_SIGN, CKA_VERIFY],
    crosses: true,
};
/// Elsewhere a key that wraps the MAC key; its own, so that a KEK never unwraps anything readable.
pub(super) const MAC_WRAP: Row = Row {
    key_type: CKK_AES,
    generator: CKM_AES_KEY_GEN,
    usages: KEK.usages,
    ..MAC
};
pub(super) const AUDIT: Row = Row {
    name: "audit-",
    class: CKO_PRIVATE_KEY,
    key_type: CKK_EC,
    generator: CKM_EC_KEY_PAIR_GEN,
    usages: &[CKA_SIGN],
    crosses: false,
};

/// Signs certificates and their revocation lists, and nothing else (`issuing`).
pub(super) const ISSUING: Row = Row {
    name: "ca-",
    crosses: true,
    ..AUDIT
};

/// A derivation master that is a token object (`anchored`).
pub(super) const ANCHORED: Row = Row {
    name: "anchored-",
    ..MAC
};

pub(super) fn mac_row(config: &Config) -> &'static Row {
    match config.macs_in_token() {
        true => &MAC,
        false => &MAC_WRAP,
    }
}

impl Row {
    pub fn attributes<'a>(&self, id: &'a [u8], label: &'a [u8]) -> Vec<Attribute<'a>> {
        let mut template = vec![
            (CKA_CLASS, Number(self.class)),
            (CKA_KEY_TYPE, Number(self.key_type)),
            (CKA_TOKEN, Flag(true)),
            (CKA_PRIVATE, Flag(true)),
            (CKA_SENSITIVE, Flag(true)),
            (CKA_EXTRACTABLE, Flag(false)),
            (CKA_ID, Bytes(id)),
            (CKA_LABEL, Bytes(label)),
        ];
        if self.class == CKO_SECRET_KEY {
            template.push((CKA_VALUE_LEN, Number(32)));
        }
        template.extend(
            USAGES
                .iter()
                .filter(|usage| self.class == CKO_SECRET_KEY || PRIVATE_USAGES.contains(usage))
                .map(|usage| (*usage, Flag(self.usages.contains(usage)))),
        );
        template
    }

    /// The store authenticates no attributes (kryoptic), so they are checked at every start.
    pub fn check(
        &self,
        session: &Session,
        config: &Config,
        key: Handle,
        label: &str,
    ) -> Result<(), HsmError> {
        let wrong = |what: &str| HsmError::Damaged(format!("{label} {what}"));
        for (kind, expected) in [(CKA_CLASS, self.class), (CKA_KEY_TYPE, self.key_type)] {
            if session.number(key, kind)? != expected {
                return Err(wrong("is of another type"));
            }
        }
        if self.class == CKO_SECRET_KEY {
            match session.number(key, CKA_VALUE_LEN)? {
                32 => {}
                // SoftHSM does not tell the length of what it unwrapped; it gave the known answer.
                0 if config.replicas.crossed => {}
                _ => return Err(wrong("is not 256 bits long")),
            }
        }
        let now = [(CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false)];
        // A ceremony is the one way in which a master leaves a token, and comes into another.
        let always = [
            (CKA_ALWAYS_SENSITIVE, true),
            (CKA_NEVER_EXTRACTABLE, true),
            (CKA_LOCAL, true),
        ];
        let always = always
            .into_iter()
            .filter(|_| !config.replicas.crossed || !self.crosses);
        for (kind, expected) in now.into_iter().chain(always) {
            if session.flag(key, kind)? != expected {
                return Err(wrong("could have left the token"));
            }
        }
        for usage in USAGES {
            if self.class != CKO_SECRET_KEY && !PRIVATE_USAGES.contains(&usage) {
                continue;
            }
            if session.flag(key, usage)? != self.usages.contains(&usage) {
                return Err(wrong("may be used for another purpose than its own"));
            }
        }
        Ok(())
    }
}

const PRIVATE_USAGES: [CK_ATTRIBUTE_TYPE; 4] = [CKA_DECRYPT, CKA_SIGN, CKA_UNWRAP, CKA_DERIVE];

pub(super) fn prefix(config: &Config) -> String {
    format!("keyward/{}/", config.deployment)
}

pub(super) fn only(keys: Vec<Handle>, label: &str) -> Result<Handle, HsmError> {
    match keys.as_slice() {
        [key] => Ok(*key),
        [] => Err(HsmError::Damaged(format!("{label} is missing"))),
        _ => Err(HsmError::Damaged(format!("{label} is there twice"))),
    }
}

pub(super) fn point(session: &Session, label: &str, size: usize) -> Result<Vec<u8>, HsmError> {
    let public = only(find_labelled(session, label, CKO_PUBLIC_KEY)?, label)?;
    let point = session.attribute(public, CKA_EC_POINT)?;
    let length = 2 * size + 1;
    let point = Some(der::bare(&point, length))
        .filter(|point| point.len() == length && point.first() == Some(&4))
        .ok_or_else(|| HsmError::Damaged(format!("{label} has no point of its curve")))?;
    Ok(point.to_vec())
}

pub(super) fn find(session: &Session, id: &str, class: CK_ULONG) -> Result<Vec<Handle>, HsmError> {
    Ok(session.find(
        &[
            (CKA_CLASS, Number(class)),
            (CKA_TOKEN, Flag(true)),
            (CKA_ID, Bytes(id.as_bytes())),
        ],
        LIMIT,
    )?)
}

/// Every token object of a class, whosever it is.
pub(super) fn find_all(session: &Session, class: CK_ULONG) -> Result<Vec<Handle>, HsmError> {
    Ok(session.find(&[(CKA_CLASS, Number(class)), (CKA_TOKEN, Flag(true))], MOST)?)
}

pub(super) fn find_labelled(
    session: &Session,
    label: &str,
    class: CK_ULONG,
) -> Result<Vec<Handle>, HsmError> {
    Ok(session.find(
        &[
            (CKA_CLASS, Number(class)),
            (CKA_TOKEN, Flag(true)),
            (CKA_LABEL, Bytes(label.as_bytes())),
        ],
        LIMIT,
    )?)
}

pub(super) fn label(session: &Session, key: Handle) -> Result<String, HsmError> {
    Ok(String::from_utf8_lossy(&session.attribute(key, CKA_LABEL)?).into_owned())
}

/// In the embedded token a copy in memory, elsewhere the object itself.
pub(super) fn at_hand(session: &Session, config: &Config, key: Handle) -> Result<Handle, HsmError> {
    match config.source {
        Source::Embedded { .. } => Ok(session.copy(key, &[(CKA_TOKEN, Flag(false))])?),
        Source::Module { .. } => Ok(key),
    }
}
