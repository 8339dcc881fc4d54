//! What crosses from one token into another in a ceremony (docs/decisions/replicas.md).
//!
//! In the source token a master is a session object that may be wrapped, until it was wrapped for
//! each of the other tokens; then a copy that may not be wrapped becomes the token object, and the
//! session object is destroyed. No extractable master is ever in a token's store, and none is
//! anywhere in clear. What goes to a target: an AES key of the moment under the target's transport
//! key (RSA-OAEP), and the masters under that (RFC 5649).

use ::der::Encode as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_EC_PARAMS, CKA_EC_POINT, CKA_EXTRACTABLE, CKA_ID, CKA_KEY_TYPE,
    CKA_LABEL, CKA_TOKEN, CKA_VALUE_LEN, CKA_VERIFY, CKK_EC, CKM_ECDSA, CKO_PUBLIC_KEY,
};
use token::{Attribute, Handle, Mechanism, Session};

use super::kind::Kind;
use super::known;
use super::line::Temporary;
use super::master::{self, prefix};
use super::probe::Probe;
use super::reach::Bare;
use super::transport::{self, Oaep, Request, grouped};
use super::{Config, HsmError, der};

/// First field of an answer: what it is for, and of which version.
pub(super) const FOUNDING: &str = "keyward masters 1";
pub(super) const NEXT: &str = "keyward next masters 1";
/// Lengths of coordinates, in bytes.
const P384: usize = 48;
pub(super) const P256: usize = 32;

/// A token at hand: one that is reached for this alone, or a connection of the pool.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub session: &'a Session,
    pub probe: &'a Probe,
}

impl<'a> Desk<'a> {
    pub fn of(token: &'a Bare) -> Desk<'a> {
        Desk {
            session: &token.session,
            probe: &token.probe,
        }
    }
}

/// Masters on their way to one token: nothing in it is in clear, and only that token opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    format: String,
    pub deployment: String,
    /// Fingerprint of the transport key that it answers.
    pub(super) target: String,
    oaep: Oaep,
    /// The AES key of the moment.
    #[serde(with = "hex::serde")]
    passage: Vec<u8>,
    masters: Vec<Crossing>,
    /// The node whose token made them, and the public half of its audit key.
    node: String,
    #[serde(with = "hex::serde")]
    pub(super) audit_point: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Crossing {
    name: String,
    kind: Kind,
    #[serde(with = "hex::serde")]
    wrapped: Vec<u8>,
    /// SHA-256 of its known answer; of a pair, of its point.
    #[serde(with = "hex::serde")]
    answer: [u8; 32],
    /// Of a pair: uncompressed point.
    #[serde(with = "hex::serde")]
    point: Vec<u8>,
}

impl Answer {
    /// # Errors
    /// [`HsmError::BadInput`] where it is no answer of this version.
    pub fn read(bytes: &[u8]) -> Result<Answer, HsmError> {
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            HsmError::BadInput(format!("this is no answer of a ceremony: {error}"))
        })?;
        match [FOUNDING, NEXT].contains(&answer.format.as_str()) {
            true => Ok(answer),
            false => Err(HsmError::BadInput(format!(
                "the answer is {:?}, this version reads {FOUNDING:?} and {NEXT:?}",
                answer.format
            ))),
        }
    }

    /// Whether it brings masters to tokens that have some, and not the first ones.
    pub fn is_next(&self) -> bool {
        self.format == NEXT
    }

    pub(super) fn is_for(&self, format: &str) -> Result<(), HsmError> {
        match self.format == format {
            true => Ok(()),
            false => Err(HsmError::BadInput(format!(
                "the answer is {:?}, expected {format:?}",
                self.format
            ))),
        }
    }

    /// Names of the masters in it, such as `kek-v2`, with the SHA-256 of their known answers.
    pub fn masters(&self) -> impl Iterator<Item = (&str, &[u8; 32])> {
        let masters = self.masters.iter();
        masters.map(|master| (master.name.as_str(), &master.answer))
    }

    /// The node whose token made the masters.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// What the operators compare at both ends: SHA-256 over the deployment and the known answers.
    pub fn check_value(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.deployment.as_bytes());
        for master in &self.masters {
            digest.update([0]);
            digest.update(master.name.as_bytes());
            digest.update([0]);
            digest.update(master.answer);
        }
        grouped(digest.finalize().into())
    }
}

/// The key of the moment for each target, and its answer that has no masters yet.
pub(super) fn set_out<'a>(
    desk: Desk<'a>,
    config: &Config,
    format: &str,
    targets: &[Request],
) -> Result<Vec<(Temporary<'a>, Answer)>, HsmError> {
    let session = desk.session;
    let mut passages = Vec::new();
    for target in targets {
        let passage = transport::passing_key(session)?;
        let public = target.enter(session)?;
        let wrap = |oaep: &Oaep| {
            let wrapped = session.wrap(oaep.mechanism(), public.handle, passage.handle);
            wrapped.map(|wrapped| (*oaep, wrapped))
        };
        // The best that both tokens do.
        let mut tried = target.oaep.iter().map(wrap);
        let (oaep, wrapped) = tried
            .find_map(Result::ok)
            .ok_or_else(|| HsmError::Refused("wrapping with RSA-OAEP".into()))?;
        let answer = Answer {
            format: format.into(),
            deployment: config.deployment.clone(),
            target: target.fingerprint(),
            oaep,
            passage: wrapped,
            masters: Vec::new(),
            node: config.node.clone(),
            audit_point: Vec::new(),
        };
        passages.push((passage, answer));
    }
    Ok(passages)
}

/// Makes one master, wraps it for all, and keeps a copy that cannot be wrapped any more.
pub(super) fn make(
    desk: Desk<'_>,
    config: &Config,
    kind: Kind,
    name: &str,
    passages: &mut [(Temporary<'_>, Answer)],
) -> Result<(), HsmError> {
    let (session, row, prefix) = (desk.session, kind.row(), prefix(config));
    let (id, label) = (kind.id(&prefix, name)?, format!("{prefix}{name}"));
    let mut template = row.attributes(id.as_bytes(), label.as_bytes());
    template.extend(kind.bound(desk.probe));
    for (name, value) in &mut template {
        match *name {
            CKA_TOKEN => *value = Flag(false),
            CKA_EXTRACTABLE => *value = Flag(true),
            _ => {}
        }
    }
    let (key, point) = match kind {
        Kind::Issuing => {
            let public = public_template(&prefix, &label);
            let mut public = public.to_vec();
            public.push((CKA_EC_PARAMS, Bytes(der::P384)));
            let (_, key) =
                session.generate_pair(Mechanism::Plain(row.generator), &public, &template)?;
            (key, master::point(session, &label, P384)?)
        }
        _ => {
            let key = session.generate_key(Mechanism::Plain(row.generator), &template)?;
            (key, Vec::new())
        }
    };
    let passing = Temporary::new(session, key);
    let answer = answer_of(desk, kind, &label, passing.handle, &point)?;
    let wrapping = Mechanism::Plain(desk.probe.key_wrap_padded);
    for (passage, to) in passages {
        to.masters.push(Crossing {
            name: name.to_owned(),
            kind,
            wrapped: session.wrap(wrapping, passage.handle, passing.handle)?,
            answer,
            point: point.clone(),
        });
    }
    // The other way round than is natural: kryoptic changes this attribute in place only.
    session.set(passing.handle, &[(CKA_EXTRACTABLE, Flag(false))])?;
    let kept = session.copy(passing.handle, &[(CKA_TOKEN, Flag(true))])?;
    passing.destroy()?;
    row.check(session, config, kept, &label)?;
    // A copy that is another key would be found out when everything is lost.
    if answer_of(desk, kind, &label, kept, &point)? != answer {
        return Err(HsmError::Damaged(format!(
            "the token's copy of {label} is another key"
        )));
    }
    Ok(())
}

fn public_template<'a>(prefix: &'a str, label: &'a str) -> [Attribute<'a>; 6] {
    [
        (CKA_CLASS, Number(CKO_PUBLIC_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_EC as CK_ULONG)),
        (CKA_TOKEN, Flag(true)),
        (CKA_VERIFY, Flag(true)),
        (CKA_ID, Bytes(prefix.as_bytes())),
        (CKA_LABEL, Bytes(label.as_bytes())),
    ]
}

/// The known answer of a master. Halves of a pair are seen to belong together: signatures have none.
fn answer_of(
    desk: Desk<'_>,
    kind: Kind,
    label: &str,
    key: Handle,
    point: &[u8],
) -> Result<[u8; 32], HsmError> {
    if kind != Kind::Issuing {
        return known::answer(desk.session, desk.probe, key);
    }
    let digest: [u8; 2 * 24] = std::array::from_fn(|position| position as u8);
    let ecdsa = Mechanism::Plain(CKM_ECDSA);
    let signature = desk.session.sign(ecdsa, key, &digest, 2 * P384)?;
    let public = master::find_labelled(desk.session, label, CKO_PUBLIC_KEY)?;
    let [public] = public.as_slice() else {
        return Err(HsmError::Damaged(format!("{label} has no public half")));
    };
    match desk.session.verify(ecdsa, *public, &digest, &signature)? {
        true => Ok(Sha256::digest(point).into()),
        false => Err(HsmError::Damaged(format!(
            "the halves of {label} do not belong together"
        ))),
    }
}

/// Takes every master of an answer; what was taken before one failed is the caller's to remove.
pub(super) fn arrive(desk: Desk<'_>, config: &Config, answer: &Answer) -> Result<(), HsmError> {
    let session = desk.session;
    let mac = Kind::of_mac(config);
    let macs = |master: &&Crossing| matches!(master.kind, Kind::Mac | Kind::MacWrap);
    if answer
        .masters
        .iter()
        .filter(macs)
        .any(|master| master.kind != mac)
    {
        return Err(HsmError::BadInput(
            "of one deployment the first token is embedded with all nodes, or a module with all"
                .into(),
        ));
    }
    let transport = transport::unwrapping_key(session, &answer.target)?;
    let passage = session
        .unwrap(
            answer.oaep.mechanism(),
            transport,
            &answer.passage,
            &transport::passed_key(),
        )
        .map_err(super::tenant::unwrapping)?;
    let passage = Temporary::new(session, passage);
    for master in &answer.masters {
        take(desk, config, passage.handle, master)?;
    }
    passage.destroy()
}

fn take(
    desk: Desk<'_>,
    config: &Config,
    passage: Handle,
    master: &Crossing,
) -> Result<(), HsmError> {
    let (session, row, prefix) = (desk.session, master.kind.row(), prefix(config));
    let id = master.kind.id(&prefix, &master.name)?;
    let label = format!("{prefix}{}", master.name);
    let mut template = row.attributes(id.as_bytes(), label.as_bytes());
    template.retain(|(name, _)| *name != CKA_VALUE_LEN);
    template.extend(master.kind.bound(desk.probe));
    if master.kind == Kind::Issuing {
        put_public(session, &prefix, &label, der::P384, &master.point)?;
    }
    let wrapping = Mechanism::Plain(desk.probe.key_wrap_padded);
    let key = session
        .unwrap(wrapping, passage, &master.wrapped, &template)
        .map_err(super::tenant::unwrapping)?;
    row.check(session, config, key, &label)?;
    if answer_of(desk, master.kind, &label, key, &master.point)? != master.answer {
        return Err(HsmError::Integrity(
            "a master is not the one that was wrapped for this token",
        ));
    }
    Ok(())
}

pub(super) fn put_public(
    session: &Session,
    prefix: &str,
    label: &str,
    curve: &[u8],
    point: &[u8],
) -> Result<(), HsmError> {
    let bad = |error: ::der::Error| HsmError::BadInput(error.to_string());
    let point = ::der::asn1::OctetStringRef::new(point)
        .and_then(|point| point.to_der())
        .map_err(bad)?;
    let mut template = public_template(prefix, label).to_vec();
    template.push((CKA_EC_PARAMS, Bytes(curve)));
    template.push((CKA_EC_POINT, Bytes(&point)));
    session.create(&template)?;
    Ok(())
}
