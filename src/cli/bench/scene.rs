//! What operations are measured on: the server, keys that were made for it, a derivation master.

use std::collections::BTreeMap;

use tokio_rustls::rustls::ProtocolVersion;
use ttlv::Value;

use super::line::{Line, Target};
use super::request::{self, Payload, Trouble};
use super::stock::{self, Made};
use crate::protocol::enumeration::{CryptographicAlgorithm, Operation};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::tag;

/// Keys that encrypt: few, as clients have it that use a key again and again.
const CIPHER_KEYS: usize = 8;

pub(super) struct Scene {
    pub(super) target: Target,
    line: Option<Line>,
    /// Marks the names of this run: two runs at a time are kept apart.
    pub(super) run: String,
    /// How many named keys there shall be.
    wanted: usize,
    pub(super) connections: usize,
    named: Vec<(String, String)>,
    ciphers: Vec<String>,
    /// Name and scope of a derivation master.
    master: Option<(String, String)>,
    /// To be destroyed at the end.
    pub(super) made: Vec<Made>,
}

impl Scene {
    pub(super) fn new(
        target: Target,
        wanted: usize,
        connections: usize,
        master: Option<(String, String)>,
    ) -> Scene {
        Scene {
            target,
            line: None,
            run: hex::encode(uuid::Uuid::new_v4().as_bytes().get(..6).unwrap_or_default()),
            wanted,
            connections,
            named: Vec::new(),
            ciphers: Vec::new(),
            master,
            made: Vec::new(),
        }
    }

    /// Asks outside any measurement.
    pub(super) fn ask(&mut self, request: &[u8], items: usize) -> Result<Vec<u8>, Trouble> {
        let line = match &mut self.line {
            Some(line) => line,
            None => self.line.insert(self.target.open()?),
        };
        let answer = match line.ask(request) {
            Ok(answer) => answer.to_vec(),
            Err(trouble) => {
                self.line = None;
                return Err(trouble);
            }
        };
        request::payloads(&answer, items)?;
        Ok(answer)
    }

    pub(super) fn do_one(
        &mut self,
        (operation, payload): (Operation, Payload),
    ) -> Result<Vec<u8>, Trouble> {
        self.ask(&request::one(operation, payload), 1)
    }

    /// What was negotiated, once something was asked.
    pub(super) fn tls(&self) -> String {
        self.line.as_ref().map(Line::tls).unwrap_or_default()
    }

    pub(super) fn version(&self) -> Option<ProtocolVersion> {
        self.line.as_ref().and_then(Line::version)
    }

    /// Many connections are measured: this one must not be one more.
    pub(super) fn hang_up(&mut self) {
        if let Some(line) = self.line.take() {
            line.close();
        }
    }

    /// The named keys, made at their first use: identifiers and names.
    pub(super) fn named(&mut self) -> Result<&[(String, String)], Trouble> {
        if self.named.is_empty() {
            let prefix = format!("keyward-bench-{}-", self.run);
            self.named =
                stock::create(&self.target, &prefix, self.wanted, self.connections, |_| {})?;
            let made = self.named.iter().map(|(id, _)| Made {
                id: id.clone(),
                active: false,
            });
            self.made.extend(made);
        }
        Ok(&self.named)
    }

    /// Active AES keys, made at their first use.
    pub(super) fn ciphers(&mut self) -> Result<Vec<String>, Trouble> {
        while self.ciphers.len() < CIPHER_KEYS {
            let key = self.active(
                &request::one_of(request::create_aes(None)),
                tag::UNIQUE_IDENTIFIER,
            )?;
            self.ciphers.push(key);
        }
        Ok(self.ciphers.clone())
    }

    /// An active key for HMAC.
    pub(super) fn mac_key(&mut self) -> Result<String, Trouble> {
        let usage = CryptographicUsageMask::MAC_GENERATE | CryptographicUsageMask::MAC_VERIFY;
        let create = request::create(CryptographicAlgorithm::HMAC_SHA256, usage, None);
        self.active(&request::one_of(create), tag::UNIQUE_IDENTIFIER)
    }

    /// Makes an object, or two, and activates the one that stands under `tag` in the answer.
    pub(super) fn active(&mut self, create: &[u8], tag: ttlv::Tag) -> Result<String, Trouble> {
        let answer = self.ask(create, 1)?;
        let ids: BTreeMap<_, _> = request::payloads(&answer, 1)?
            .iter()
            .flat_map(|payload| payload.items())
            .filter_map(|node| match &node.value {
                Value::TextString(id) => Some((node.tag, id.clone().into_owned())),
                _ => None,
            })
            .collect();
        let Some(id) = ids.get(&tag).cloned() else {
            return Err(Trouble::Wrong("no identifier of what was made".to_owned()));
        };
        self.made.extend(ids.values().map(|made| Made {
            id: made.clone(),
            active: *made == id,
        }));
        self.do_one(request::activate(&id))?;
        Ok(id)
    }

    /// Inputs of the derivation master, with its identifier.
    pub(super) fn inputs(&mut self, count: usize) -> Result<(String, Vec<Vec<u8>>), Trouble> {
        let Some((name, scope)) = self.master.clone() else {
            return Err(Trouble::Refused(
                "name a derivation master with --master: `keyward key create-master` makes one"
                    .to_owned(),
            ));
        };
        let found = self.ask(&request::locate(&name), 1)?;
        let missing = || Trouble::Refused(format!("there is no object with the Name {name}"));
        let payloads = request::payloads(&found, 1)?;
        let id = payloads
            .first()
            .and_then(|payload| request::text(payload, tag::UNIQUE_IDENTIFIER).ok())
            .ok_or_else(missing)?;
        let answer = self.ask(&request::get_attributes(&id, &[PREFIX]), 1)?;
        let prefix = prefix(&answer).ok_or_else(|| {
            Trouble::Refused(format!(
                "{name} is no derivation master: it has no {PREFIX}"
            ))
        })?;
        let inputs = (0..count)
            .map(|number| input(&prefix, &scope, number))
            .collect();
        Ok((id, inputs))
    }
}

/// Everything of an input before its scope (docs/derivation.md).
const PREFIX: &str = "y-keyward-master-prefix";

fn prefix(answer: &[u8]) -> Option<Vec<u8>> {
    let payloads = request::payloads(answer, 1).ok()?;
    let attribute = payloads.first()?.child(tag::ATTRIBUTE)?;
    match &attribute.child(tag::ATTRIBUTE_VALUE)?.value {
        Value::ByteString(bytes) => Some(bytes.to_vec()),
        Value::TextString(digits) => hex::decode(digits.as_ref()).ok(),
        _ => None,
    }
}

/// The one encoding of an input (docs/derivation.md).
fn input(prefix: &[u8], scope: &str, number: usize) -> Vec<u8> {
    let mut input = prefix.to_vec();
    let length = u16::try_from(scope.len()).unwrap_or(u16::MAX);
    input.extend(length.to_be_bytes());
    input.extend(scope.as_bytes());
    // Not random: it only keeps inputs apart.
    let mut random = [0xA5; 32];
    for (byte, of) in random.iter_mut().zip((number as u64).to_be_bytes()) {
        *byte = of;
    }
    input.extend(random);
    input.extend(256u32.to_be_bytes());
    input
}
