//! The few objects that live in the token: key encryption keys, the row MAC keys, a node's audit
//! key, the key behind Certify (DESIGN §4.2, §6). Found by CKA_ID (the deployment) and told apart by CKA_LABEL.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use token::Value::{Bytes, Flag, Number, Template};
use token::raw::{CK_ATTRIBUTE_TYPE, CK_MECHANISM_TYPE, CK_ULONG};
use token::raw::{
    CKA_ALWAYS_SENSITIVE, CKA_CLASS, CKA_DECRYPT, CKA_DERIVE, CKA_EC_PARAMS, CKA_EC_POINT,
    CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_ID, CKA_KEY_TYPE, CKA_LABEL, CKA_LOCAL,
    CKA_NEVER_EXTRACTABLE, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_UNWRAP,
    CKA_UNWRAP_TEMPLATE, CKA_VALUE_LEN, CKA_VERIFY, CKA_WRAP, CKK_AES, CKK_EC, CKK_GENERIC_SECRET,
    CKM_AES_KEY_GEN, CKM_EC_KEY_PAIR_GEN, CKM_GENERIC_SECRET_KEY_GEN, CKO_PRIVATE_KEY,
    CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Mechanism, Session};

use super::der;
use super::issuing::{self, Issuing};
use super::probe::{Probe, SENSITIVE_ONLY};
use super::{Config, HsmError, Source};

/// More masters than rotation makes in decades.
const LIMIT: usize = 1024;
const USAGES: [CK_ATTRIBUTE_TYPE; 7] = [
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_SIGN,
    CKA_VERIFY,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_DERIVE,
];

/// Handles are of this connection. For the embedded token they are session copies: a token
/// object is read from its database and decrypted at every use, a session object is in memory.
#[derive(Debug)]
pub(super) struct Masters {
    kek: Versions,
    mac: Versions,
    /// Of several tokens only one has the private half: no audit key ever crosses.
    pub audit: Option<Handle>,
    /// Uncompressed point of P-256, 65 bytes.
    pub audit_point: Option<Vec<u8>>,
    /// Keys that issue certificates, by name: those that were there at the start, and those found since.
    pub issuing: Mutex<BTreeMap<String, Issuing>>,
}

/// By version. Another process may make and destroy some while this one works.
type Versions = ArcSwap<BTreeMap<u32, Handle>>;

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

    fn row(self, config: &Config) -> &'static Row {
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

/// A derivation master that is a token object (`anchored`). No ceremony takes it along.
pub(super) const ANCHORED: Row = Row {
    name: "anchored-",
    crosses: false,
    ..MAC
};

fn mac_row(config: &Config) -> &'static Row {
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

impl Masters {
    /// Makes version 1 of everything, then opens it.
    pub fn create(session: &Session, config: &Config, probe: &Probe) -> Result<Masters, HsmError> {
        let prefix = prefix(config);
        let (kek, mac) = (
            format!("{prefix}{}", KEK.name),
            format!("{prefix}{}", MAC.name),
        );
        let mut left = Vec::new();
        for key in find(session, &prefix, CKO_SECRET_KEY)? {
            let label = label(session, key)?;
            // Of any version: the first one is destroyed after a rotation.
            if label.starts_with(&kek) {
                return Err(HsmError::AlreadyInitialised);
            }
            if label.starts_with(&mac) {
                left.push(key);
            }
        }
        // What an interrupted initialisation left would be there twice.
        let audit = format!("{prefix}{}{}", AUDIT.name, config.node);
        for class in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
            left.extend(find_labelled(session, &audit, class)?);
        }
        for key in left {
            session.destroy(key)?;
        }
        make_audit_key(session, config)?;
        make_secret(session, config, mac_row(config), 1, None)?;
        // Last: its presence says that the others are there.
        make_kek(session, config, probe, 1)?;
        Masters::open(session, config)
    }

    /// Makes this node's audit key where it has none.
    pub fn join(session: &Session, config: &Config) -> Result<Masters, HsmError> {
        let audit = format!("{}{}{}", prefix(config), AUDIT.name, config.node);
        if find_labelled(session, &audit, CKO_PRIVATE_KEY)?.is_empty() {
            make_audit_key(session, config)?;
        }
        Masters::open(session, config)
    }

    pub fn open(session: &Session, config: &Config) -> Result<Masters, HsmError> {
        let prefix = prefix(config);
        let open = |kind| -> Result<Versions, HsmError> {
            let mut keys = BTreeMap::new();
            for (version, key) in scan(session, config, kind)? {
                keys.insert(version, at_hand(session, config, key)?);
            }
            Ok(ArcSwap::from_pointee(keys))
        };
        let (kek, mac) = (open(MasterKind::Kek)?, open(MasterKind::Mac)?);
        if kek.load().is_empty() || mac.load().is_empty() {
            return Err(HsmError::Damaged(format!(
                "{prefix}kek or {prefix}mac is missing: this is another token, or it was never initialised"
            )));
        }
        let label = format!("{prefix}{}{}", AUDIT.name, config.node);
        let (audit, audit_point) = open_audit(session, config, &label)?;
        Ok(Masters {
            kek,
            mac,
            audit,
            audit_point,
            issuing: Mutex::new(issuing::open(session, config)?),
        })
    }

    fn all(&self, kind: MasterKind) -> &Versions {
        match kind {
            MasterKind::Kek => &self.kek,
            MasterKind::Mac => &self.mac,
        }
    }

    /// Finds what other processes made or destroyed. `session` is the anchor, and locked.
    pub fn look_again(&self, session: &Session, config: &Config) -> Result<(), HsmError> {
        for kind in MasterKind::ALL {
            let (known, found) = (self.all(kind).load_full(), scan(session, config, kind)?);
            let mut keys = BTreeMap::new();
            for (version, key) in found {
                let key = match known.get(&version) {
                    Some(key) => *key,
                    None => at_hand(session, config, key)?,
                };
                keys.insert(version, key);
            }
            if keys.is_empty() {
                return Err(HsmError::Damaged("a master is missing".into()));
            }
            let gone: Vec<Handle> = known
                .iter()
                .filter(|(version, _)| !keys.contains_key(version))
                .map(|(_, key)| *key)
                .collect();
            self.all(kind).store(Arc::new(keys));
            // The copy in memory of what is destroyed.
            if matches!(config.source, Source::Embedded { .. }) {
                gone.into_iter().try_for_each(|key| session.destroy(key))?;
            }
        }
        Ok(())
    }

    pub fn versions(&self, kind: MasterKind) -> Vec<u32> {
        self.all(kind).load().keys().copied().collect()
    }

    /// The newest key encryption key.
    pub fn newest_kek(&self) -> Result<(u32, Handle), HsmError> {
        newest(&self.kek.load())
    }

    pub fn kek(&self, version: u32) -> Result<Handle, HsmError> {
        // What is under it is lost without it; a row MAC of an unknown version is an edited row.
        of(&self.kek.load(), version)
            .ok_or_else(|| HsmError::Lost(format!("the token has no kek-v{version} (any more)")))
    }

    pub fn mac(&self, version: u32) -> Result<Handle, HsmError> {
        of(&self.mac.load(), version)
            .ok_or_else(|| HsmError::BadKey(format!("the token has no mac-v{version} (any more)")))
    }

    pub fn newest_mac(&self) -> Result<(u32, Handle), HsmError> {
        newest(&self.mac.load())
    }
}

/// The versions of a kind in the token, each checked.
fn scan(
    session: &Session,
    config: &Config,
    kind: MasterKind,
) -> Result<BTreeMap<u32, Handle>, HsmError> {
    let (prefix, row) = (prefix(config), kind.row(config));
    let mut keys = BTreeMap::new();
    for key in find(session, &prefix, CKO_SECRET_KEY)? {
        let label = label(session, key)?;
        let Some(number) = label
            .strip_prefix(&prefix)
            .and_then(|name| name.strip_prefix(row.name))
        else {
            continue;
        };
        let version = number
            .parse::<u32>()
            .map_err(|_| HsmError::Damaged(format!("{label} has no version")))?;
        row.check(session, config, key, &label)?;
        if keys.insert(version, key).is_some() {
            return Err(HsmError::Damaged(format!("{label} is there twice")));
        }
    }
    Ok(keys)
}

/// Makes a version that comes next; who may do that at a time is settled in the database.
pub(super) fn make_next(
    session: &Session,
    config: &Config,
    probe: &Probe,
    kind: MasterKind,
    version: u32,
) -> Result<(), HsmError> {
    let newest = scan(session, config, kind)?.keys().copied().max();
    match newest {
        Some(newest) if newest == version => return Ok(()),
        Some(newest) if newest.checked_add(1) == Some(version) => {}
        _ => {
            return Err(HsmError::BadInput(format!(
                "{}-v{version} does not come next in the token",
                kind.name()
            )));
        }
    }
    match kind {
        MasterKind::Kek => make_kek(session, config, probe, version),
        MasterKind::Mac => make_secret(session, config, mac_row(config), version, None),
    }
}

fn make_kek(
    session: &Session,
    config: &Config,
    probe: &Probe,
    version: u32,
) -> Result<(), HsmError> {
    let bound = (CKA_UNWRAP_TEMPLATE, Template(SENSITIVE_ONLY));
    let bound = probe.unwrap_template.then_some(bound);
    make_secret(session, config, &KEK, version, bound)
}

/// Destroys a version that is not the newest; one that is gone is no error.
pub(super) fn destroy(
    session: &Session,
    config: &Config,
    kind: MasterKind,
    version: u32,
) -> Result<(), HsmError> {
    let keys = scan(session, config, kind)?;
    if keys.keys().max().is_none_or(|newest| *newest <= version) {
        return Err(HsmError::BadInput(format!(
            "{}-v{version} is the newest version; what is newest is not destroyed",
            kind.name()
        )));
    }
    keys.get(&version)
        .map_or(Ok(()), |key| Ok(session.destroy(*key)?))
}

fn newest(keys: &BTreeMap<u32, Handle>) -> Result<(u32, Handle), HsmError> {
    keys.last_key_value()
        .map(|(version, key)| (*version, *key))
        .ok_or_else(|| HsmError::Damaged("a master is missing".into()))
}

fn of(keys: &BTreeMap<u32, Handle>, version: u32) -> Option<Handle> {
    keys.get(&version).copied()
}

fn make_secret(
    session: &Session,
    config: &Config,
    row: &Row,
    version: u32,
    more: Option<Attribute<'_>>,
) -> Result<(), HsmError> {
    let id = prefix(config);
    let label = format!("{id}{}{version}", row.name);
    let mut template = row.attributes(id.as_bytes(), label.as_bytes());
    template.extend(more);
    session.generate_key(Mechanism::Plain(row.generator), &template)?;
    Ok(())
}

pub(super) fn make_audit_key(session: &Session, config: &Config) -> Result<(), HsmError> {
    let label = format!("{}{}{}", prefix(config), AUDIT.name, config.node);
    make_pair(session, config, &AUDIT, &label, der::P256)
}

pub(super) fn make_pair(
    session: &Session,
    config: &Config,
    row: &Row,
    label: &str,
    curve: &[u8],
) -> Result<(), HsmError> {
    let id = prefix(config);
    let public = [
        (CKA_CLASS, Number(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Number(CKK_EC)),
        (CKA_TOKEN, Flag(true)),
        (CKA_VERIFY, Flag(true)),
        (CKA_ID, Bytes(id.as_bytes())),
        (CKA_LABEL, Bytes(label.as_bytes())),
        (CKA_EC_PARAMS, Bytes(curve)),
    ];
    session.generate_pair(
        Mechanism::Plain(row.generator),
        &public,
        &row.attributes(id.as_bytes(), label.as_bytes()),
    )?;
    Ok(())
}

/// This node's audit key. Of several tokens one has the pair; others may have the public half,
/// by which the log is read while the one is away.
fn open_audit(
    session: &Session,
    config: &Config,
    label: &str,
) -> Result<(Option<Handle>, Option<Vec<u8>>), HsmError> {
    let one_of_several = config.replicas.crossed || config.is_of_set();
    let missing = |class| Ok::<_, HsmError>(find_labelled(session, label, class)?.is_empty());
    if one_of_several && missing(CKO_PRIVATE_KEY)? {
        let point = match missing(CKO_PUBLIC_KEY)? {
            true => None,
            false => Some(point(session, label, 32)?),
        };
        return Ok((None, point));
    }
    let (key, point) = open_pair(session, config, &AUDIT, label, 32)?;
    Ok((Some(key), Some(point)))
}

/// The private key at hand, and the public one's point; `size` is a coordinate's length in bytes.
pub(super) fn open_pair(
    session: &Session,
    config: &Config,
    row: &Row,
    label: &str,
    size: usize,
) -> Result<(Handle, Vec<u8>), HsmError> {
    let private = only(find_labelled(session, label, CKO_PRIVATE_KEY)?, label)?;
    let point = point(session, label, size)?;
    row.check(session, config, private, label)?;
    Ok((at_hand(session, config, private)?, point))
}

fn only(keys: Vec<Handle>, label: &str) -> Result<Handle, HsmError> {
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
