//! What can be measured: a row for each, with how it is made ready and tried.

use ttlv::Tag;

use super::load::{self, Act, LIFE, Message, Plan};
use super::request::{self, Trouble};
use super::scene::Scene;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm, PaddingMethod,
    RecommendedCurve,
};
use crate::protocol::tag;

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    prepare: fn(&mut Scene) -> Result<Plan, Trouble>,
}

impl Row {
    /// Makes what the operation needs and tries it once.
    ///
    /// # Errors
    /// [`Trouble::Refused`] when the server does not do it.
    pub(super) fn prepare(&self, scene: &mut Scene) -> Result<Plan, Trouble> {
        (self.prepare)(scene)
    }
}

macro_rules! operations {
    ($($name:literal, $about:literal, $prepare:expr;)*) => {
        /// In the order in which they are measured: what lets the store grow comes last.
        pub(super) static OPERATIONS: &[Row] = &[$(Row {
            name: $name,
            about: $about,
            prepare: $prepare,
        }),*];
    };
}

operations! {
    "query", "Query, operations and objects", query;
    "get", "Get of one of the keys", get;
    "get-attributes", "five named attributes of one of the keys", get_attributes;
    "locate-name", "Locate of one of the keys by its Name", locate_name;
    "encrypt-gcm-64", "AES-256-GCM, 64 bytes", |scene| encrypt(scene, 64);
    "encrypt-gcm-4k", "AES-256-GCM, 4 KiB", |scene| encrypt(scene, 4 << 10);
    "encrypt-gcm-64k", "AES-256-GCM, 64 KiB", |scene| encrypt(scene, 64 << 10);
    "mac-hmac-sha256", "MAC of 64 bytes", mac;
    "sign-p256", "ECDSA of 64 bytes, hashed by the server", sign_p256;
    "sign-rsa2048", "RSA PKCS#1 v1.5 of 64 bytes, hashed by the server", sign_rsa2048;
    "derive", "MAC of an input of the derivation master, which is a key", |scene| derive(scene, 1);
    "derive-100", "the same, 100 in a batch", |scene| derive(scene, 100);
    "connect", "TCP, full handshake, Discover Versions, close", |scene| connect(scene, false);
    "connect-resumed", "the same, the TLS session resumed", |scene| connect(scene, true);
    "create", "Create of an AES-256 key", |scene| create(scene, 1);
    "batch-create-10", "one message with ten Creates", |scene| create(scene, 10);
    "lifecycle", "Create, Activate, Get, Revoke, Destroy: five requests", lifecycle;
}

/// What every operation encrypts, signs or authenticates: bytes without a pattern.
fn data(length: usize) -> Vec<u8> {
    let byte = |at: usize| (at.wrapping_mul(167) ^ (at >> 7)).to_le_bytes();
    (0..length)
        .filter_map(|at| byte(at).first().copied())
        .collect()
}

/// Tries the first of these messages; a plan to send them all.
fn ask(
    scene: &mut Scene,
    messages: Vec<Vec<u8>>,
    items: usize,
    form: &'static str,
) -> Result<Plan, Trouble> {
    let first = messages.first().cloned().unwrap_or_default();
    let answer = scene.ask(&first, items)?;
    let message = |bytes| Message { bytes, nonce: None };
    Ok(Plan {
        act: Act::Ask(messages.into_iter().map(message).collect()),
        items,
        makes: false,
        form,
        answers: vec![answer],
    })
}

/// The bytes under a tag of the only item that was answered, of at least this length.
fn expect(plan: &Plan, tag: Tag, least: usize) -> Result<(), Trouble> {
    for answer in &plan.answers {
        for payload in request::payloads(answer, plan.items)? {
            let length = match payload.child(tag).map(|node| &node.value) {
                Some(ttlv::Value::ByteString(bytes)) => bytes.len(),
                _ => 0,
            };
            if length < least {
                return Err(Trouble::Wrong(format!(
                    "{} of {length} bytes; expected {least}",
                    crate::protocol::structure::spoken(tag)
                )));
            }
        }
    }
    Ok(())
}

fn query(scene: &mut Scene) -> Result<Plan, Trouble> {
    ask(scene, vec![request::query()], 1, "")
}

fn get(scene: &mut Scene) -> Result<Plan, Trouble> {
    let messages = scene
        .named()?
        .iter()
        .map(|(id, _)| request::one_of(request::get(id)));
    let messages = messages.collect();
    ask(scene, messages, 1, "")
}

fn get_attributes(scene: &mut Scene) -> Result<Plan, Trouble> {
    const NAMES: [&str; 5] = [
        "State",
        "Cryptographic Algorithm",
        "Cryptographic Length",
        "Cryptographic Usage Mask",
        "Name",
    ];
    let messages = scene
        .named()?
        .iter()
        .map(|(id, _)| request::get_attributes(id, &NAMES));
    let messages = messages.collect();
    ask(scene, messages, 1, "")
}

fn locate_name(scene: &mut Scene) -> Result<Plan, Trouble> {
    let named = scene.named()?;
    let wanted = named.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let messages = named
        .iter()
        .map(|(_, name)| request::locate(name))
        .collect();
    let plan = ask(scene, messages, 1, "")?;
    let found = plan.answers.iter().any(|answer| {
        let payloads = request::payloads(answer, 1).unwrap_or_default();
        let id = payloads
            .first()
            .map(|payload| request::text(payload, tag::UNIQUE_IDENTIFIER));
        id == Some(Ok(wanted.clone()))
    });
    match found {
        true => Ok(plan),
        false => Err(Trouble::Wrong(
            "Locate did not find the key of that Name".to_owned(),
        )),
    }
}

fn encrypt(scene: &mut Scene, length: usize) -> Result<Plan, Trouble> {
    /// Stands where the nonce goes; it is found by being unlike anything else.
    const NONCE: [u8; 12] = *b"\xF0nonce here\x0F";
    let (keys, data) = (scene.ciphers()?, data(length));
    let messages = |nonce: Option<&[u8]>| {
        keys.iter()
            .map(|key| request::encrypt(key, &data, nonce))
            .collect()
    };
    let plan = match ask(scene, messages(None), 1, "the server's nonce") {
        Err(Trouble::Refused(_)) => {
            let mut plan = ask(scene, messages(Some(&NONCE)), 1, "the client's nonce")?;
            if let Act::Ask(messages) = &mut plan.act {
                for message in messages {
                    let mut places = message.bytes.windows(NONCE.len());
                    message.nonce = places.position(|place| place == NONCE);
                }
            }
            plan
        }
        other => other?,
    };
    expect(&plan, tag::DATA, length)?;
    Ok(plan)
}

fn mac(scene: &mut Scene) -> Result<Plan, Trouble> {
    let key = scene.mac_key()?;
    let message = request::one_of(request::mac(&key, &data(64)));
    let plan = ask(scene, vec![message], 1, "")?;
    expect(&plan, tag::MAC_DATA, 32)?;
    Ok(plan)
}

/// A new pair and a signature with it.
fn sign(
    scene: &mut Scene,
    common: Vec<ttlv::Node<'static>>,
    parameters: Vec<ttlv::Node<'static>>,
    least: usize,
    form: &'static str,
) -> Result<Plan, Trouble> {
    let key = scene.active(
        &request::create_pair(common),
        tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
    )?;
    let message = request::sign(&key, &data(64), parameters);
    let plan = ask(scene, vec![message], 1, form)?;
    expect(&plan, tag::SIGNATURE_DATA, least)?;
    Ok(plan)
}

fn sign_p256(scene: &mut Scene) -> Result<Plan, Trouble> {
    let parameters = || {
        vec![
            request::enumeration(tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256.0),
            request::enumeration(
                tag::DIGITAL_SIGNATURE_ALGORITHM,
                DigitalSignatureAlgorithm::ECDSA_WITH_SHA256.0,
            ),
        ]
    };
    let curve = ttlv::Value::Structure(vec![request::enumeration(
        tag::RECOMMENDED_CURVE,
        RecommendedCurve::P_256.0,
    )]);
    let forms = [
        (CryptographicAlgorithm::ECDSA, "a key for ECDSA"),
        (CryptographicAlgorithm::EC, "a key for EC"),
    ];
    let mut last = Err(Trouble::Refused("there is no form of it".to_owned()));
    for (algorithm, form) in forms {
        let mut common = request::kind_of_key(algorithm, 256);
        common.push(request::attribute(
            "Cryptographic Domain Parameters",
            curve.clone(),
        ));
        // DER has up to 72 bytes, two numbers of the curve 64.
        last = sign(scene, common, parameters(), 64, form);
        if !matches!(last, Err(Trouble::Refused(_))) {
            break;
        }
    }
    last
}

fn sign_rsa2048(scene: &mut Scene) -> Result<Plan, Trouble> {
    let common = request::kind_of_key(CryptographicAlgorithm::RSA, 2048);
    let parameters = vec![
        request::enumeration(tag::PADDING_METHOD, PaddingMethod::PKCS1_V1_5.0),
        request::enumeration(tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256.0),
        request::enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::RSA.0),
    ];
    sign(scene, common, parameters, 256, "")
}

fn derive(scene: &mut Scene, items: usize) -> Result<Plan, Trouble> {
    const INPUTS: usize = 1000;
    let (master, inputs) = scene.inputs(INPUTS.max(items))?;
    let message = |inputs: &[Vec<u8>]| {
        request::message(
            inputs
                .iter()
                .map(|input| request::mac(&master, input))
                .collect(),
        )
    };
    let plan = ask(
        scene,
        inputs.chunks_exact(items).map(message).collect(),
        items,
        "",
    )?;
    expect(&plan, tag::MAC_DATA, 32)?;
    Ok(plan)
}

fn connect(scene: &mut Scene, resumed: bool) -> Result<Plan, Trouble> {
    let answer = scene.ask(&request::discover_versions(), 1)?;
    Ok(Plan {
        act: Act::Connect { resumed },
        items: 1,
        makes: false,
        form: "",
        answers: vec![answer],
    })
}

fn create(scene: &mut Scene, items: usize) -> Result<Plan, Trouble> {
    let message = request::message((0..items).map(|_| request::create_aes(None)).collect());
    let mut plan = ask(scene, vec![message], items, "")?;
    plan.makes = true;
    for answer in &plan.answers {
        for payload in request::payloads(answer, items)? {
            scene.made.push(super::stock::Made {
                id: request::text(&payload, tag::UNIQUE_IDENTIFIER)?,
                active: false,
            });
        }
    }
    Ok(plan)
}

fn lifecycle(scene: &mut Scene) -> Result<Plan, Trouble> {
    let first = scene.do_one(request::create_aes(None))?;
    let id = load::created(&first)?;
    let mut answers = vec![first];
    for step in LIFE {
        answers.push(scene.do_one(step(&id))?);
    }
    Ok(Plan {
        act: Act::Live,
        items: 1,
        makes: false,
        form: "",
        answers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_as_long_as_asked_and_not_all_the_same() {
        let bytes = data(4096);
        assert_eq!(bytes.len(), 4096);
        let distinct: std::collections::BTreeSet<_> = bytes.iter().collect();
        assert_eq!(distinct.len(), 256);
    }
}
