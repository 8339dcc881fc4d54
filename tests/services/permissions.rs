//! Permissions beyond the operation's: what is easily done wrong.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, Operation, PaddingMethod, ResultReason,
};
use keyward::protocol::tag;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use crate::ground::*;

/// Refused without `standard`, done with it.
async fn only_with_standard(ground: &Ground, operation: Operation, payload: Vec<Item>) {
    let refused = ground.ask(Who::Plain, operation, payload.clone()).await;
    refused.fails(ResultReason::PERMISSION_DENIED);
    ground.tell(operation, payload).await.ok();
}

fn mode(mode: BlockCipherMode, more: Vec<Item>) -> Item {
    let mut fields = vec![number(tag::BLOCK_CIPHER_MODE, mode.0)];
    fields.extend(more);
    parameters(fields)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ecb() {
    let ground = Ground::new().await;
    let key = ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 32], Vec::new())
        .await;
    for operation in [Operation::ENCRYPT, Operation::DECRYPT] {
        let how = mode(BlockCipherMode::ECB, Vec::new());
        let payload = vec![uid(&key), how, bytes(tag::DATA, &[7; 16])];
        only_with_standard(&ground, operation, payload).await;
    }
    // Other modes are everybody's.
    let how = mode(BlockCipherMode::CBC, Vec::new());
    let payload = vec![uid(&key), how, bytes(tag::DATA, &[7; 16])];
    ground
        .ask(Who::Plain, Operation::ENCRYPT, payload)
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcm_vectors_and_short_tags() {
    let ground = Ground::new().await;
    let key = ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 32], Vec::new())
        .await;
    let encrypt = |more: Vec<Item>, iv: Option<&[u8]>| {
        let mut payload = vec![
            uid(&key),
            mode(BlockCipherMode::GCM, more),
            bytes(tag::DATA, b"clear"),
        ];
        payload.extend(iv.map(|iv| bytes(tag::IV_COUNTER_NONCE, iv)));
        payload
    };
    let plain = ground
        .ask(Who::Plain, Operation::ENCRYPT, encrypt(Vec::new(), None))
        .await
        .ok();
    assert_eq!(plain.bytes(tag::IV_COUNTER_NONCE).len(), 12);
    only_with_standard(
        &ground,
        Operation::ENCRYPT,
        encrypt(Vec::new(), Some(&[5; 12])),
    )
    .await;
    // A stream does not begin, either.
    let mut stream = encrypt(Vec::new(), Some(&[5; 12]));
    stream.push(boolean(tag::INIT_INDICATOR, true));
    let refused = ground.ask(Who::Plain, Operation::ENCRYPT, stream).await;
    refused.fails(ResultReason::PERMISSION_DENIED);
    let short = || vec![integer(tag::TAG_LENGTH, 8)];
    only_with_standard(&ground, Operation::ENCRYPT, encrypt(short(), None)).await;
    let sealed = ground
        .tell(Operation::ENCRYPT, encrypt(short(), None))
        .await
        .ok();
    let decrypt = |more: Vec<Item>| {
        vec![
            uid(&key),
            mode(BlockCipherMode::GCM, more),
            bytes(tag::DATA, &sealed.bytes(tag::DATA)),
            bytes(tag::IV_COUNTER_NONCE, &sealed.bytes(tag::IV_COUNTER_NONCE)),
            bytes(
                tag::AUTHENTICATED_ENCRYPTION_TAG,
                &sealed.bytes(tag::AUTHENTICATED_ENCRYPTION_TAG),
            ),
        ]
    };
    only_with_standard(&ground, Operation::DECRYPT, decrypt(short())).await;
    // A tag that is cut short without a word of it is wrong, whoever sends it.
    for who in [Who::Plain, Who::Tester] {
        let answer = ground
            .ask(who, Operation::DECRYPT, decrypt(Vec::new()))
            .await;
        answer.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
    }
    // A random vector of 8 bits comes again at once.
    for bits in [8, 64, 88] {
        let payload = encrypt(vec![integer(tag::IV_LENGTH, bits)], None);
        let answer = ground.tell(Operation::ENCRYPT, payload).await;
        answer.fails(ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS);
    }
}

/// Tags of lengths that no standard has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tag_lengths() {
    let ground = Ground::new().await;
    let key = ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 32], Vec::new())
        .await;
    for (of, length) in [
        (BlockCipherMode::GCM, 5),
        (BlockCipherMode::GCM, 17),
        (BlockCipherMode::GCM, 0),
        (BlockCipherMode::GCM, -1),
        (BlockCipherMode::CCM, 5),
        (BlockCipherMode::CCM, 15),
    ] {
        let how = mode(of, vec![integer(tag::TAG_LENGTH, length)]);
        let payload = vec![uid(&key), how, bytes(tag::DATA, b"clear")];
        let answer = ground.tell(Operation::ENCRYPT, payload).await;
        assert!(answer.reason.is_some(), "{of} {length}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pkcs1_decryption() {
    let ground = Ground::new().await;
    let rsa = Rsa::generate(2048).unwrap();
    let pkcs8 = PKey::from_rsa(rsa).unwrap().private_key_to_pkcs8().unwrap();
    let key = ground
        .private(CryptographicAlgorithm::RSA.0, &pkcs8, Vec::new())
        .await;
    let how = parameters(vec![number(
        tag::PADDING_METHOD,
        PaddingMethod::PKCS1_V1_5.0,
    )]);
    let mut garbage = [7; 256];
    garbage[0] = 0;
    let payload = vec![uid(&key), how, bytes(tag::DATA, &garbage)];
    only_with_standard(&ground, Operation::DECRYPT, payload).await;
}

/// A key is of one algorithm: it is no cipher's or block MAC's of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_serve_one_algorithm() {
    let ground = Ground::new().await;
    let aes = ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 32], Vec::new())
        .await;
    let short = ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 24], Vec::new())
        .await;
    for (id, algorithm, of) in [
        (
            &aes,
            CryptographicAlgorithm::CHACHA20POLY1305,
            Some(BlockCipherMode::AEAD),
        ),
        (&aes, CryptographicAlgorithm::CHACHA20, None),
        (
            &short,
            CryptographicAlgorithm::DES3,
            Some(BlockCipherMode::CBC),
        ),
    ] {
        let mut fields = Vec::new();
        fields.extend(of.map(|of| number(tag::BLOCK_CIPHER_MODE, of.0)));
        fields.push(number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.0));
        let payload = vec![uid(id), parameters(fields), bytes(tag::DATA, &[7; 16])];
        let answer = ground.tell(Operation::ENCRYPT, payload).await;
        answer.fails(ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS);
    }
    let fields = vec![
        number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::CMAC.0),
        number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::DES3.0),
    ];
    let payload = vec![uid(&short), parameters(fields), bytes(tag::DATA, &[7; 16])];
    let answer = ground.tell(Operation::MAC, payload).await;
    answer.fails(ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS);
}
