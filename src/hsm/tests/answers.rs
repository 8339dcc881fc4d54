//! Known answers of the standards.
use super::*;

/// Known answers, one a row: NIST SP 800-38A appendix F, the GCM specification's test cases 16.
pub(super) async fn ciphers(ground: &Ground) {
    let blocks = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51";
    let aes_256 = "603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4";
    let rows = [
        // F.1.1 ECB-AES128, first two blocks.
        (
            ECB,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "",
            "3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf",
        ),
        // F.2.1 CBC-AES128.
        (
            CBC,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "000102030405060708090a0b0c0d0e0f",
            "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2",
        ),
        // F.2.5 CBC-AES256.
        (
            CBC,
            aes_256,
            "000102030405060708090a0b0c0d0e0f",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d",
        ),
        // F.5.5 CTR-AES256.
        (
            CTR,
            aes_256,
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5",
        ),
    ];
    for (number, (mode, key, iv, expected)) in rows.into_iter().enumerate() {
        let (name, blob) = (format!("cipher-{number}"), ground.known(&hex(key)).await);
        let key = ground.use_key(&name, KeyKind::Aes, &blob);
        let parameters = parameters(AES, mode, 1);
        let out = ground
            .hsm
            .encrypt(&key, parameters, &hex(iv), b"", &hex(blocks))
            .await
            .unwrap();
        assert_eq!(out.data, hex(expected), "{name}");
        let back = ground
            .hsm
            .decrypt(&key, parameters, &hex(iv), b"", &out.data, b"")
            .await;
        assert_eq!(*back.unwrap(), hex(blocks), "{name}");
    }
    gcm(ground).await;
    padding(ground).await;
    let blob = ground.known(&[1; 24]).await;
    let key = ground.use_key("3des", KeyKind::TripleDes, &blob);
    let out = ground
        .hsm
        .encrypt(&key, parameters(TRIPLE_DES, CBC, 3), &[0; 8], b"", b"abc")
        .await;
    if ground.embedded {
        assert!(
            matches!(out, Err(HsmError::Refused(_) | HsmError::BadKey(_))),
            "{out:?}"
        );
    } else {
        let out = out.unwrap();
        let back = ground
            .hsm
            .decrypt(
                &key,
                parameters(TRIPLE_DES, CBC, 3),
                &[0; 8],
                b"",
                &out.data,
                b"",
            )
            .await;
        assert_eq!(back.unwrap().as_slice(), b"abc");
    }
    let none = ground
        .hsm
        .encrypt(&key, parameters(AES, 3, 1), b"", b"", b"")
        .await;
    assert!(matches!(none, Err(HsmError::Refused(_))));
}

async fn gcm(ground: &Ground) {
    let blob = ground
        .known(&hex(
            "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308",
        ))
        .await;
    let key = ground.use_key("gcm", KeyKind::Aes, &blob);
    let (iv, aad) = (
        hex("cafebabefacedbaddecaf888"),
        hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    );
    let clear = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72 \
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let parameters = parameters(AES, GCM, 1);
    let out = ground
        .hsm
        .encrypt(&key, parameters, &iv, &aad, &clear)
        .await
        .unwrap();
    assert_eq!(
        out.data,
        hex(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa \
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        )
    );
    assert_eq!(out.tag, hex("76fc6ece0f4e1768cddf8853bb2d551b"));
    let open = async |aad: &[u8], data: &[u8], tag: &[u8]| {
        ground
            .hsm
            .decrypt(&key, parameters, &iv, aad, data, tag)
            .await
    };
    assert_eq!(*open(&aad, &out.data, &out.tag).await.unwrap(), clear);
    assert!(matches!(
        open(b"", &out.data, &out.tag).await,
        Err(HsmError::Integrity(_))
    ));
    assert!(matches!(
        open(&aad, &out.data[1..], &out.tag).await,
        Err(HsmError::Integrity(_))
    ));
    assert!(matches!(
        open(&aad, &out.data, &[0; 16]).await,
        Err(HsmError::Integrity(_))
    ));
    assert!(matches!(
        open(&aad, &out.data, &[0; 15]).await,
        Err(HsmError::BadInput(_))
    ));
    // After failures the session works on.
    assert_eq!(*open(&aad, &out.data, &out.tag).await.unwrap(), clear);
}

async fn padding(ground: &Ground) {
    let blob = ground.known(&[9; 32]).await;
    let key = ground.use_key("padding", KeyKind::Aes, &blob);
    for (mode, iv) in [(CBC, &[5; 16][..]), (ECB, &[])] {
        let parameters = parameters(AES, mode, 3);
        for length in [0, 1, 15, 16, 17] {
            let clear = vec![length as u8; length];
            let out = ground
                .hsm
                .encrypt(&key, parameters, iv, b"", &clear)
                .await
                .unwrap();
            assert_eq!(out.data.len(), (length + 1).next_multiple_of(16));
            let back = ground
                .hsm
                .decrypt(&key, parameters, iv, b"", &out.data, b"")
                .await
                .unwrap();
            assert_eq!(*back, clear);
        }
        let broken = ground
            .hsm
            .decrypt(&key, parameters, iv, b"", &[3; 15], b"")
            .await;
        assert!(matches!(broken, Err(HsmError::Integrity(_))), "{broken:?}");
    }
    let uneven = ground
        .hsm
        .encrypt(&key, parameters(AES, CBC, 1), &[0; 16], b"", &[0; 15])
        .await;
    assert!(matches!(uneven, Err(HsmError::BadInput(_))), "{uneven:?}");
    let no_iv = ground
        .hsm
        .encrypt(&key, parameters(AES, CBC, 1), b"", b"", &[0; 16])
        .await;
    assert!(matches!(no_iv, Err(HsmError::BadInput(_))));
}

/// RFC 4231 test cases 1, 2 and 6 (a key of 20 bytes, of 4, and longer than the block); RFC 2202 case 2.
pub(super) async fn macs(ground: &Ground) {
    const SHA1: u32 = 4;
    const SHA256: u32 = 6;
    const SHA512: u32 = 8;
    let long = "aa".repeat(131);
    let rows = [
        (
            SHA256,
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            &b"Hi There"[..],
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            5,
            "4a656665",
            b"what do ya want for nothing?",
            "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
        ),
        (
            SHA256,
            "4a656665",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            7,
            "4a656665",
            b"what do ya want for nothing?",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            SHA512,
            "4a656665",
            b"what do ya want for nothing?",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            SHA1,
            "4a656665",
            b"what do ya want for nothing?",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            SHA256,
            &long,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (number, (hash, key, data, expected)) in rows.into_iter().enumerate() {
        let (name, blob) = (format!("mac-{number}"), ground.known(&hex(key)).await);
        let key = ground.use_key(&name, KeyKind::Generic, &blob);
        let mac = ground.hsm.hmac(&key, hash, data).await.unwrap();
        assert_eq!(*mac, hex(expected), "{name}");
    }
}

pub(super) async fn key_wrap(ground: &Ground) {
    use WrapMethod::{NistKeyWrap, NistKeyWrapPadded};
    let rows = [
        // RFC 3394 §4.6: 256 bits with a 256-bit key.
        (
            NistKeyWrap,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
        // RFC 3394 §4.1: 128 bits with a 128-bit key.
        (
            NistKeyWrap,
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        ),
        // RFC 5649 §6: 20 bytes and 7 bytes.
        (
            NistKeyWrapPadded,
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        (
            NistKeyWrapPadded,
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            "466f7250617369",
            "afbeb0f07dfbf5419200f2ccb50bb24f",
        ),
    ];
    for (number, (method, key, clear, expected)) in rows.into_iter().enumerate() {
        let (name, blob) = (format!("wrap-{number}"), ground.known(&hex(key)).await);
        let key = ground.use_key(&name, KeyKind::Aes, &blob);
        let wrapped = ground.hsm.wrap_bytes(&key, method, &hex(clear)).await;
        let even =
            ground.hsm.info().await.unwrap().exact_lengths || hex(clear).len().is_multiple_of(8);
        if !even {
            assert!(matches!(wrapped, Err(HsmError::Refused(_))), "{wrapped:?}");
            let lost = ground.hsm.unwrap_bytes(&key, method, &hex(expected)).await;
            assert!(matches!(lost, Err(HsmError::Refused(_))), "{lost:?}");
            continue;
        }
        let wrapped = wrapped.unwrap();
        assert_eq!(wrapped, hex(expected), "{name}");
        assert_eq!(
            *ground
                .hsm
                .unwrap_bytes(&key, method, &wrapped)
                .await
                .unwrap(),
            hex(clear)
        );
        let mut changed = wrapped.clone();
        changed[3] ^= 1;
        let failed = ground.hsm.unwrap_bytes(&key, method, &changed).await;
        assert!(
            matches!(failed, Err(HsmError::Integrity(_))),
            "{name} {failed:?}"
        );
    }
    let blob = ground.known(&[1; 32]).await;
    let key = ground.use_key("wrap-zeros", KeyKind::Aes, &blob);
    // Zeros at the end are the client's, not the token's.
    for length in 1..=33_usize {
        if length % 8 == 0 || ground.embedded {
            {
                let method = NistKeyWrapPadded;
                let zeros = vec![0; length];
                let wrapped = ground.hsm.wrap_bytes(&key, method, &zeros).await.unwrap();
                assert_eq!(
                    *ground
                        .hsm
                        .unwrap_bytes(&key, method, &wrapped)
                        .await
                        .unwrap(),
                    zeros
                );
            }
        }
    }
    let blob = ground.known(&[1; 16]).await;
    let key = ground.use_key("wrap-bad", KeyKind::Aes, &blob);
    for clear in [&[0; 20][..], &[0; 8], &[]] {
        let refused = ground.hsm.wrap_bytes(&key, NistKeyWrap, clear).await;
        assert!(matches!(refused, Err(HsmError::BadInput(_))));
    }
}
