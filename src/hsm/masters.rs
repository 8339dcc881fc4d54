//! The masters of a connection: found and checked when it is made, and looked for again while other
//! processes make and destroy some.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use token::raw::{CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY};
use token::{Handle, Session};

use super::admitted::Admitted;
use super::issuing::{self, Issuing};
use super::making;
use super::master::{
    AUDIT, KEK, MAC, MasterKind, Row, at_hand, find, find_labelled, label, mac_row, only, point,
    prefix,
};
use super::probe::Probe;
use super::{Config, HsmError, Source};

/// Handles are of this connection. For the embedded token they are session copies: a token
/// object is read from its database and decrypted at every use, a session object is in memory.
#[derive(Debug)]
pub(super) struct Masters {
    kek: Versions,
    mac: Versions,
    admitted: Arc<Admitted>,
    /// Of several tokens only one has the private half: no audit key ever crosses.
    pub audit: Option<Handle>,
    /// Uncompressed point of P-256, 65 bytes.
    pub audit_point: Option<Vec<u8>>,
    /// Keys that issue certificates, by name: those that were there at the start, and those found since.
    pub issuing: Mutex<BTreeMap<String, Issuing>>,
}

/// By version. Another process may make and destroy some while this one works.
type Versions = ArcSwap<BTreeMap<u32, Kept>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    /// The token object: another one of the same name is another key.
    object: Handle,
    at_hand: Handle,
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
        making::make_audit_key(session, config)?;
        making::make_secret(session, config, mac_row(config), 1, None)?;
        // Last: its presence says that the others are there.
        making::make_kek(session, config, probe, 1)?;
        Masters::open(session, config)
    }

    /// Makes this node's audit key where it has none.
    pub fn join(session: &Session, config: &Config) -> Result<Masters, HsmError> {
        let audit = format!("{}{}{}", prefix(config), AUDIT.name, config.node);
        if find_labelled(session, &audit, CKO_PRIVATE_KEY)?.is_empty() {
            making::make_audit_key(session, config)?;
        }
        Masters::open(session, config)
    }

    pub fn open(session: &Session, config: &Config) -> Result<Masters, HsmError> {
        let prefix = prefix(config);
        let open = |kind| -> Result<Versions, HsmError> {
            let mut keys = BTreeMap::new();
            for (version, key) in scan(session, config, kind)? {
                keys.insert(version, kept(session, config, key)?);
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
            admitted: Arc::clone(&config.replicas.admitted),
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
                    // What is not used yet may have been made anew.
                    Some(kept) if kept.object == key => *kept,
                    _ => kept(session, config, key)?,
                };
                keys.insert(version, key);
            }
            if keys.is_empty() {
                return Err(HsmError::Damaged("a master is missing".into()));
            }
            let gone: Vec<Handle> = known
                .iter()
                .filter(|(version, key)| keys.get(version) != Some(key))
                .map(|(_, kept)| kept.at_hand)
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

    /// The versions that are used, and older ones.
    pub fn admitted(&self, kind: MasterKind) -> Vec<u32> {
        let newest = self.admitted.newest(kind);
        let versions = self.versions(kind).into_iter();
        versions.filter(|version| *version <= newest).collect()
    }

    fn newest(&self, kind: MasterKind) -> Result<(u32, Handle), HsmError> {
        let keys = self.all(kind).load();
        let mut used = keys.range(..=self.admitted.newest(kind));
        let newest = used
            .next_back()
            .map(|(version, kept)| (*version, kept.at_hand));
        newest.ok_or_else(|| {
            HsmError::Lost(format!(
                "the token has no version of {} that is used: see `keyward token check`",
                kind.name()
            ))
        })
    }

    /// One of the keys that must be there as long as the connection stands.
    pub fn any(&self) -> Option<Handle> {
        self.kek
            .load()
            .values()
            .next_back()
            .map(|kept| kept.at_hand)
    }

    /// The newest key encryption key.
    pub fn newest_kek(&self) -> Result<(u32, Handle), HsmError> {
        self.newest(MasterKind::Kek)
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
        self.newest(MasterKind::Mac)
    }
}

/// The versions of a kind in the token, each checked.
pub(super) fn scan(
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

fn of(keys: &BTreeMap<u32, Kept>, version: u32) -> Option<Handle> {
    keys.get(&version).map(|kept| kept.at_hand)
}

fn kept(session: &Session, config: &Config, object: Handle) -> Result<Kept, HsmError> {
    Ok(Kept {
        object,
        at_hand: at_hand(session, config, object)?,
    })
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
