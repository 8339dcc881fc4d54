//! The ceremony in which masters of several tokens are made (DESIGN §4.1, docs/decisions/replicas.md).
//!
//! In the first token every master is a session object that may be wrapped, until it was wrapped
//! for each of the other tokens; then a copy that may not be wrapped becomes the token object, and
//! the session object is destroyed. No extractable master is ever in a token's store, and none is
//! anywhere in clear. What goes to a target: an AES key of the moment under the target's transport
//! key (RSA-OAEP), and the masters under that (RFC 5649).

use ::der::Encode as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use token::Value::{Bytes, Flag, Number, Template};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_EC_PARAMS, CKA_EC_POINT, CKA_EXTRACTABLE, CKA_ID, CKA_KEY_TYPE,
    CKA_LABEL, CKA_TOKEN, CKA_UNWRAP_TEMPLATE, CKA_VALUE_LEN, CKA_VERIFY, CKK_EC, CKM_ECDSA,
    CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Mechanism, Session};

use super::known;
use super::line::Temporary;
use super::master::{self, AUDIT, ISSUING, KEK, MAC, MAC_WRAP, Row, prefix};
use super::probe::{Probe, SENSITIVE_ONLY};
use super::reach::{self, Bare};
use super::transport::{self, Oaep, Request, grouped};
use super::{Config, HsmError, Source, der};

/// First field of an answer; another one is of another version.
const FORMAT: &str = "keyward masters 1";
/// Lengths of coordinates, in bytes.
const P384: usize = 48;
const P256: usize = 32;

/// Masters on their way to one token: nothing in it is in clear, and only that token opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    format: String,
    pub deployment: String,
    /// Fingerprint of the transport key that it answers.
    target: String,
    oaep: Oaep,
    /// The AES key of the moment.
    #[serde(with = "hex::serde")]
    passage: Vec<u8>,
    masters: Vec<Crossing>,
    /// The node whose token made them, and the public half of its audit key.
    node: String,
    #[serde(with = "hex::serde")]
    audit_point: Vec<u8>,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// Wraps tenants' keys.
    Kek,
    /// Makes row MACs.
    Mac,
    /// Wraps the keys that make row MACs.
    MacWrap,
    /// P-384: signs certificates.
    Issuing,
}

impl Kind {
    fn of_mac(config: &Config) -> Kind {
        match config.macs_in_token() {
            true => Kind::Mac,
            false => Kind::MacWrap,
        }
    }

    fn row(self) -> &'static Row {
        match self {
            Kind::Kek => &KEK,
            Kind::Mac => &MAC,
            Kind::MacWrap => &MAC_WRAP,
            Kind::Issuing => &ISSUING,
        }
    }

    /// The token sees to it that what a KEK unwraps is sensitive, where it can.
    fn bound(self, probe: &Probe) -> Option<Attribute<'static>> {
        let bound = (CKA_UNWRAP_TEMPLATE, Template(SENSITIVE_ONLY));
        (self == Kind::Kek && probe.unwrap_template).then_some(bound)
    }
}

impl Answer {
    /// # Errors
    /// [`HsmError::BadInput`] where it is no answer of this version.
    pub fn read(bytes: &[u8]) -> Result<Answer, HsmError> {
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            HsmError::BadInput(format!("this is no answer of a ceremony: {error}"))
        })?;
        match answer.format == FORMAT {
            true => Ok(answer),
            false => Err(HsmError::BadInput(format!(
                "the answer is {:?}, this version reads {FORMAT:?}",
                answer.format
            ))),
        }
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

/// Removes what a ceremony that did not end left of a deployment.
struct Undo<'a> {
    session: &'a Session,
    prefix: String,
    armed: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.armed
            && let Err(error) = remove(self.session, &self.prefix)
        {
            tracing::error!(%error, "what a ceremony left in the token cannot be removed");
        }
    }
}

fn remove(session: &Session, prefix: &str) -> Result<(), HsmError> {
    for class in [CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
        for key in master::find(session, prefix, class)? {
            session.destroy(key)?;
        }
    }
    Ok(())
}

fn new_here(session: &Session, prefix: &str) -> Result<(), HsmError> {
    match master::find(session, prefix, CKO_SECRET_KEY)?.is_empty() {
        true => Ok(()),
        false => Err(HsmError::AlreadyInitialised),
    }
}

/// Makes the masters in the token of `config` and wraps them for `targets`, whose fingerprints the
/// operator has typed. Answers in the order of the targets.
///
/// # Errors
/// [`HsmError::AlreadyInitialised`]; after any error nothing of the deployment is in the token.
pub fn make_masters(config: &Config, targets: &[Request]) -> Result<Vec<Answer>, HsmError> {
    let label = format!("keyward {}", config.deployment);
    let token = reach::bare(&config.source, Some(&label))?;
    let mut config = config.of(&config.source);
    config.replicas.crossed = true;
    let (config, session, prefix) = (&config, &token.session, prefix(&config));
    new_here(session, &prefix)?;
    let mut undo = Undo {
        session,
        prefix: prefix.clone(),
        armed: true,
    };
    master::make_audit_key(session, config)?;
    let audit = format!("{prefix}{}{}", AUDIT.name, config.node);
    let audit_point = master::point(session, &audit, P256)?;
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
            format: FORMAT.into(),
            deployment: config.deployment.clone(),
            target: target.fingerprint(),
            oaep,
            passage: wrapped,
            masters: Vec::new(),
            node: config.node.clone(),
            audit_point: audit_point.clone(),
        };
        passages.push((passage, answer));
    }
    let mac = Kind::of_mac(config);
    let issuing = uuid::Uuid::now_v7().simple().to_string();
    // The KEK last: its presence says that the others are there.
    for (kind, name) in [
        (mac, format!("{}1", MAC.name)),
        (Kind::Issuing, format!("{}{issuing}", ISSUING.name)),
        (Kind::Kek, format!("{}1", KEK.name)),
    ] {
        make(&token, config, kind, &name, &mut passages)?;
    }
    undo.armed = false;
    Ok(passages.into_iter().map(|(_, answer)| answer).collect())
}

/// Makes one master, wraps it for all, and keeps a copy that cannot be wrapped any more.
fn make(
    token: &Bare,
    config: &Config,
    kind: Kind,
    name: &str,
    passages: &mut [(Temporary<'_>, Answer)],
) -> Result<(), HsmError> {
    let (session, row, prefix) = (&token.session, kind.row(), prefix(config));
    let label = format!("{prefix}{name}");
    let mut template = row.attributes(prefix.as_bytes(), label.as_bytes());
    template.extend(kind.bound(&token.probe));
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
    let answer = answer_of(token, kind, &label, passing.handle, &point)?;
    let wrapping = Mechanism::Plain(token.probe.key_wrap_padded);
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
    if answer_of(token, kind, &label, kept, &point)? != answer {
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
    token: &Bare,
    kind: Kind,
    label: &str,
    key: Handle,
    point: &[u8],
) -> Result<[u8; 32], HsmError> {
    if kind != Kind::Issuing {
        return known::answer(&token.session, &token.probe, key);
    }
    let digest: [u8; 2 * 24] = std::array::from_fn(|position| position as u8);
    let ecdsa = Mechanism::Plain(CKM_ECDSA);
    let signature = token.session.sign(ecdsa, key, &digest, 2 * P384)?;
    let public = master::find_labelled(&token.session, label, CKO_PUBLIC_KEY)?;
    let [public] = public.as_slice() else {
        return Err(HsmError::Damaged(format!("{label} has no public half")));
    };
    match token.session.verify(ecdsa, *public, &digest, &signature)? {
        true => Ok(Sha256::digest(point).into()),
        false => Err(HsmError::Damaged(format!(
            "the halves of {label} do not belong together"
        ))),
    }
}

/// Takes masters that were wrapped for this token. It gets the audit key of its own node; of the
/// node that made the masters only the public half.
///
/// # Errors
/// [`HsmError::Integrity`] when a master is not the one that was wrapped; after any error nothing
/// of the deployment is in the token, and its transport key waits for another answer.
pub fn take_masters(config: &Config, source: &Source, answer: &Answer) -> Result<(), HsmError> {
    let token = reach::bare(source, None)?;
    let session = &token.session;
    let mut config = config.of(source);
    config.deployment.clone_from(&answer.deployment);
    config.replicas.crossed = true;
    let prefix = prefix(&config);
    new_here(session, &prefix)?;
    let mac = Kind::of_mac(&config);
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
    let mut undo = Undo {
        session,
        prefix: prefix.clone(),
        armed: true,
    };
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
        take(&token, &config, passage.handle, master)?;
    }
    let audit = format!("{prefix}{}{}", AUDIT.name, answer.node);
    put_public(session, &prefix, &audit, der::P256, &answer.audit_point)?;
    if answer.node != config.node {
        master::make_audit_key(session, &config)?;
    }
    passage.destroy()?;
    transport::remove(session)?;
    undo.armed = false;
    Ok(())
}

fn take(token: &Bare, config: &Config, passage: Handle, master: &Crossing) -> Result<(), HsmError> {
    let (session, row, prefix) = (&token.session, master.kind.row(), prefix(config));
    let label = format!("{prefix}{}", master.name);
    if !master.name.starts_with(row.name) {
        return Err(HsmError::BadInput(format!(
            "{} is not called as what it is",
            master.name
        )));
    }
    let mut template = row.attributes(prefix.as_bytes(), label.as_bytes());
    template.retain(|(name, _)| *name != CKA_VALUE_LEN);
    template.extend(master.kind.bound(&token.probe));
    if master.kind == Kind::Issuing {
        put_public(session, &prefix, &label, der::P384, &master.point)?;
    }
    let wrapping = Mechanism::Plain(token.probe.key_wrap_padded);
    let key = session
        .unwrap(wrapping, passage, &master.wrapped, &template)
        .map_err(super::tenant::unwrapping)?;
    row.check(session, config, key, &label)?;
    if answer_of(token, master.kind, &label, key, &master.point)? != master.answer {
        return Err(HsmError::Integrity(
            "a master is not the one that was wrapped for this token",
        ));
    }
    Ok(())
}

fn put_public(
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

/// Known answers of a deployment's masters in a token, by name, in groups; for `token check`.
pub fn known_answers(source: &Source, deployment: &str) -> Result<Vec<(String, String)>, HsmError> {
    let token = reach::bare(source, None)?;
    let prefix = format!("keyward/{deployment}/");
    let held = known::held(&token.session, &token.probe, &prefix)?;
    let shown = |(name, answer)| (name, grouped(answer));
    Ok(held.into_iter().map(shown).collect())
}
