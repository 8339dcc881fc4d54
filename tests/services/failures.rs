//! Every failure to decrypt looks the same: byte for byte, but for time and the answer's number.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, Operation, PaddingMethod,
    ResultReason,
};
use keyward::protocol::tag;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use ttlv::{Limits, Node, Value};

use crate::ground::*;

/// The answer without what every answer has of its own.
fn bare(bytes: &[u8]) -> Vec<u8> {
    fn strip(node: &Node<'_>) -> Node<'static> {
        let own = [tag::TIME_STAMP, tag::SERVER_CORRELATION_VALUE];
        match &node.value {
            Value::Structure(items) => {
                let items = items.iter().filter(|item| !own.contains(&item.tag));
                Node::structure(node.tag, items.map(strip).collect())
            }
            _ => node.clone().into_owned(),
        }
    }
    let node = ttlv::binary::decode(bytes, &Limits::default()).unwrap();
    ttlv::binary::to_vec(&strip(&node))
}

/// What a failure must look like.
struct Looks {
    known: Option<Vec<u8>>,
}

impl Looks {
    async fn like(&mut self, ground: &Ground, what: &str, payload: Vec<Item>) {
        let answer = ground.bytes(Who::Tester, Operation::DECRYPT, payload).await;
        Answer::read(&answer).fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
        let answer = bare(&answer);
        match &self.known {
            None => self.known = Some(answer),
            Some(known) => assert_eq!(hex::encode(known), hex::encode(answer), "{what}"),
        }
    }
}

fn aes(mode: BlockCipherMode, padding: PaddingMethod) -> Item {
    parameters(vec![
        number(tag::BLOCK_CIPHER_MODE, mode.0),
        number(tag::PADDING_METHOD, padding.0),
    ])
}

async fn encrypted(ground: &Ground, id: &str, how: &Item, data: &[u8]) -> Answer {
    let payload = vec![
        uid(id),
        how.clone(),
        bytes(tag::DATA, data),
        bytes(
            tag::IV_COUNTER_NONCE,
            &[5; 16][..if how.items()[0].value == Value::Enumeration(BlockCipherMode::CBC.0) {
                16
            } else {
                12
            }],
        ),
    ];
    ground.tell(Operation::ENCRYPT, payload).await.ok()
}

async fn symmetric(ground: &Ground, looks: &mut Looks) {
    let key = ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 32], Vec::new())
        .await;
    let other = ground
        .symmetric(CryptographicAlgorithm::AES.0, &[4; 32], Vec::new())
        .await;
    for padding in [
        PaddingMethod::PKCS5,
        PaddingMethod::ANSI_X9_23,
        PaddingMethod::SSL3,
    ] {
        let how = aes(BlockCipherMode::CBC, padding);
        let sealed = encrypted(ground, &key, &how, &[1; 20])
            .await
            .bytes(tag::DATA);
        let of = |id: &str, data: &[u8], iv: &[u8]| {
            vec![
                uid(id),
                how.clone(),
                bytes(tag::DATA, data),
                bytes(tag::IV_COUNTER_NONCE, iv),
            ]
        };
        let mut wrong = sealed.clone();
        // The last byte of the clear text: no padding has 0x80 and more.
        wrong[15] ^= 0x80;
        looks
            .like(ground, "wrong padding", of(&key, &wrong, &[5; 16]))
            .await;
        looks
            .like(ground, "no whole block", of(&key, &sealed[1..], &[5; 16]))
            .await;
        looks.like(ground, "nothing", of(&key, &[], &[5; 16])).await;
        looks
            .like(ground, "short vector", of(&key, &sealed, &[5; 15]))
            .await;
        if padding == PaddingMethod::PKCS5 {
            looks
                .like(ground, "another key", of(&other, &sealed, &[5; 16]))
                .await;
        }
        // In parts: the last one tells as little.
        let mut first = of(&key, &wrong[..16], &[5; 16]);
        first.push(boolean(tag::INIT_INDICATOR, true));
        let value = ground.tell(Operation::DECRYPT, first).await.ok();
        let last = vec![
            uid(&key),
            bytes(tag::DATA, &wrong[16..]),
            bytes(tag::CORRELATION_VALUE, &value.bytes(tag::CORRELATION_VALUE)),
            boolean(tag::FINAL_INDICATOR, true),
        ];
        looks.like(ground, "in parts", last).await;
    }
    for mode in [BlockCipherMode::GCM, BlockCipherMode::CCM] {
        let how = aes(mode, PaddingMethod::NONE);
        let answer = encrypted(ground, &key, &how, &[1; 20]).await;
        let sealed = answer.bytes(tag::DATA);
        let proof = answer.bytes(tag::AUTHENTICATED_ENCRYPTION_TAG);
        let of = |id: &str, data: &[u8], aad: &[u8], proof: &[u8]| {
            vec![
                uid(id),
                how.clone(),
                bytes(tag::DATA, data),
                bytes(tag::IV_COUNTER_NONCE, &[5; 12]),
                bytes(tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, aad),
                bytes(tag::AUTHENTICATED_ENCRYPTION_TAG, proof),
            ]
        };
        let right = ground
            .tell(Operation::DECRYPT, of(&key, &sealed, b"", &proof))
            .await;
        assert_eq!(right.ok().bytes(tag::DATA), [1; 20]);
        looks
            .like(ground, "wrong tag", of(&key, &sealed, b"", &[0; 16]))
            .await;
        // Cut short, a tag is easily guessed.
        for short in [4, 8, 12, 15] {
            looks
                .like(ground, "short tag", of(&key, &sealed, b"", &proof[..short]))
                .await;
        }
        looks
            .like(ground, "long tag", of(&key, &sealed, b"", &[0; 17]))
            .await;
        looks
            .like(ground, "other data", of(&key, &sealed, b"x", &proof))
            .await;
        looks
            .like(ground, "cut", of(&key, &sealed[1..], b"", &proof))
            .await;
        looks
            .like(ground, "another key", of(&other, &sealed, b"", &proof))
            .await;
        let mut none = of(&key, &sealed[..3], b"", &proof);
        none.pop();
        looks.like(ground, "no tag", none).await;
    }
    for mode in [
        BlockCipherMode::NIST_KEY_WRAP,
        BlockCipherMode::AES_KEY_WRAP_PADDING,
    ] {
        let how = aes(mode, PaddingMethod::NONE);
        for data in [&[7; 32][..], &[7; 16], &[7; 8], &[7; 33], &[]] {
            let payload = vec![uid(&key), how.clone(), bytes(tag::DATA, data)];
            looks.like(ground, "key wrap", payload).await;
        }
    }
}

async fn asymmetric(ground: &Ground, looks: &mut Looks) {
    let rsa = Rsa::generate(2048).unwrap();
    let key = PKey::from_rsa(rsa.clone())
        .unwrap()
        .private_key_to_pkcs8()
        .unwrap();
    let key = ground
        .private(CryptographicAlgorithm::RSA.0, &key, Vec::new())
        .await;
    for hash in [
        HashingAlgorithm::SHA_1,
        HashingAlgorithm::SHA_256,
        HashingAlgorithm::SHA_512_256,
    ] {
        let how = parameters(vec![
            number(tag::PADDING_METHOD, PaddingMethod::OAEP.0),
            number(tag::HASHING_ALGORITHM, hash.0),
        ]);
        let labelled = parameters(vec![
            number(tag::PADDING_METHOD, PaddingMethod::OAEP.0),
            number(tag::HASHING_ALGORITHM, hash.0),
            bytes(tag::P_SOURCE, b"label"),
        ]);
        let mut sealed = vec![0xff; 256];
        // Without its first byte, a zero, it stands for the same number.
        while sealed[0] != 0 {
            rsa.public_encrypt(b"clear", &mut sealed, openssl::rsa::Padding::PKCS1_OAEP)
                .unwrap();
        }
        let mut wrong = sealed.clone();
        wrong[100] ^= 1;
        for (what, how, data) in [
            ("wrong padding", &how, wrong.as_slice()),
            ("another label", &labelled, &sealed),
            ("short", &how, &sealed[1..]),
            ("too large", &how, &[0xff; 256]),
            ("nothing", &how, &[]),
        ] {
            let payload = vec![uid(&key), how.clone(), bytes(tag::DATA, data)];
            looks.like(ground, what, payload).await;
        }
    }
}

/// PKCS#1 v1.5 with a wrong padding: made-up data, the same for the same ciphertext.
async fn made_up(ground: &Ground) {
    let rsa = Rsa::generate(2048).unwrap();
    let key = PKey::from_rsa(rsa.clone())
        .unwrap()
        .private_key_to_pkcs8()
        .unwrap();
    let key = ground
        .private(CryptographicAlgorithm::RSA.0, &key, Vec::new())
        .await;
    let how = parameters(vec![number(
        tag::PADDING_METHOD,
        PaddingMethod::PKCS1_V1_5.0,
    )]);
    let decrypt = async |data: &[u8]| {
        let payload = vec![uid(&key), how.clone(), bytes(tag::DATA, data)];
        ground
            .tell(Operation::DECRYPT, payload)
            .await
            .ok()
            .bytes(tag::DATA)
    };
    let mut sealed = vec![0; 256];
    rsa.public_encrypt(b"clear", &mut sealed, openssl::rsa::Padding::PKCS1)
        .unwrap();
    assert_eq!(decrypt(&sealed).await, b"clear");
    let mut made = Vec::new();
    for wrong in 1..8_u8 {
        let mut garbage = sealed.clone();
        garbage[100] ^= wrong;
        made.push(decrypt(&garbage).await);
        assert_eq!(made.last(), Some(&decrypt(&garbage).await));
    }
    made.dedup();
    assert!(made.len() > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_token() {
    let ground = Ground::new().await;
    let mut looks = Looks { known: None };
    symmetric(&ground, &mut looks).await;
    asymmetric(&ground, &mut looks).await;
    made_up(&ground).await;
    assert_eq!(ground.engine.streams.open(), 0);
}

/// SoftHSM stands one user at a time: everything on it is in this test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_softhsm() {
    let Some(ground) = Ground::on_softhsm().await else {
        return;
    };
    let mut looks = Looks { known: None };
    symmetric(&ground, &mut looks).await;
    asymmetric(&ground, &mut looks).await;
    // What the token must not do, the library does for keys of class served.
    made_up(&ground).await;
    crate::places::on_softhsm(&ground).await;
    assert_eq!(ground.engine.streams.open(), 0);
}
