//! Keys of class *token* under managed keys, and back.
use super::*;

const IN_FULL: WrapMethod = WrapMethod::NistKeyWrap;
const PADDED: WrapMethod = WrapMethod::NistKeyWrapPadded;

/// RFC 3394 §4.6: 256 bits of key data with a 256-bit KEK.
const KEK: &str = "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f";
const DATA: &str = "00112233445566778899aabbccddeeff 000102030405060708090a0b0c0d0e0f";
const WRAPPED: &str =
    "28c9f404c4b810f4 cbccb35cfb87f826 3f5786e2d80ed326 cbc7f0e71a99f43b fb988b9b7a02dd21";

pub(super) async fn secrets(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    let kek = ground.known(&hex(KEK)).await;
    let wrapping = ground.use_key("rewrap-kek", KeyKind::Aes, &kek);
    let aes = (KeyKind::Aes, Some(32));
    let blob = hsm
        .rewrap_in(keys, aes, &hex(WRAPPED), &wrapping, IN_FULL)
        .await
        .unwrap();
    assert_eq!((blob.kind, blob.length), (BlobKind::Wrapped, 32));
    assert!(hsm.open_sealed(keys, AAD, &blob).await.is_err());
    let out = hsm
        .rewrap_out(keys, (KeyKind::Aes, &blob), &wrapping, IN_FULL)
        .await;
    assert_eq!(out.unwrap(), hex(WRAPPED));
    // It is the key that it was.
    let known = ground.known(&hex(DATA)).await;
    let mut macs = Vec::new();
    for (name, blob) in [("rewrapped", &blob), ("rewrapped-known", &known)] {
        let key = ground.use_key(name, KeyKind::Generic, blob);
        macs.push(hsm.hmac(&key, 6, b"data").await.unwrap());
    }
    assert_eq!(macs[0], macs[1]);
    // A wrapping key of class token does as well.
    let own = hsm
        .generate(keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let own = ground.use_key("rewrap-own", KeyKind::Aes, &own);
    for method in [IN_FULL, PADDED] {
        let out = hsm
            .rewrap_out(keys, (KeyKind::Aes, &blob), &own, method)
            .await
            .unwrap();
        let back = hsm.rewrap_in(keys, aes, &out, &own, method).await.unwrap();
        assert_eq!(back.bytes, blob.bytes, "key wrap is deterministic");
        let same = (KeyKind::Aes, None);
        hsm.rewrap_in(keys, same, &out, &own, method).await.unwrap();
    }
    odd_lengths(ground, &wrapping).await;
    refusals(ground, &wrapping, &blob).await;
}

/// Where the token keeps exact lengths it passes them on; where it does not, it says so.
async fn odd_lengths(ground: &Ground, wrapping: &UseKey<'_>) {
    let Ground { hsm, keys, .. } = ground;
    let spec = SecretSpec {
        kind: KeyKind::Generic,
        length: 20,
    };
    let blob = hsm.generate(keys, spec, Class::Token, AAD).await.unwrap();
    let generic = (KeyKind::Generic, &blob);
    let out = hsm.rewrap_out(keys, generic, wrapping, PADDED).await;
    if !hsm.info().await.unwrap().exact_lengths {
        assert!(matches!(out, Err(HsmError::Refused(_))), "{out:?}");
        return;
    }
    let clear = hsm.unwrap_bytes(wrapping, PADDED, &out.unwrap()).await;
    let clear = clear.unwrap();
    assert_eq!(clear.len(), 20);
    let sealed = ground.known(&clear).await;
    let mut macs = Vec::new();
    for (name, blob) in [("odd", &blob), ("odd-known", &sealed)] {
        let key = ground.use_key(name, KeyKind::Generic, blob);
        macs.push(hsm.hmac(&key, 6, b"data").await.unwrap());
    }
    assert_eq!(macs[0], macs[1]);
}

async fn refusals(ground: &Ground, wrapping: &UseKey<'_>, blob: &Blob) {
    let Ground { hsm, keys, .. } = ground;
    let wrapped = hex(WRAPPED);
    let aes = (KeyKind::Aes, Some(32));
    let integrity = |result: Result<Blob, HsmError>| {
        assert!(matches!(result, Err(HsmError::Integrity(_))), "{result:?}");
    };
    for place in [0, 15, 39] {
        let mut changed = wrapped.clone();
        changed[place] ^= 1;
        integrity(hsm.rewrap_in(keys, aes, &changed, wrapping, IN_FULL).await);
    }
    for cut in [&wrapped[..32], &wrapped[..39], &wrapped[..8], &[]] {
        integrity(hsm.rewrap_in(keys, aes, cut, wrapping, IN_FULL).await);
    }
    integrity(hsm.rewrap_in(keys, aes, &wrapped, wrapping, PADDED).await);
    let other = ground.known(&[1; 32]).await;
    let other = ground.use_key("rewrap-other", KeyKind::Aes, &other);
    integrity(hsm.rewrap_in(keys, aes, &wrapped, &other, IN_FULL).await);
    let bad = |result: Result<Blob, HsmError>| {
        assert!(matches!(result, Err(HsmError::BadKey(_))), "{result:?}");
    };
    let short = (KeyKind::Aes, Some(16));
    bad(hsm
        .rewrap_in(keys, short, &wrapped, wrapping, IN_FULL)
        .await);
    let longer = hsm.wrap_bytes(wrapping, IN_FULL, &[7; 40]).await.unwrap();
    let any = (KeyKind::Aes, None);
    bad(hsm.rewrap_in(keys, any, &longer, wrapping, IN_FULL).await);
    // Bytes that are no private key do not become one.
    let private = (KeyKind::EcPrivate, None);
    let odd = hsm
        .rewrap_in(keys, private, &wrapped, wrapping, IN_FULL)
        .await;
    assert!(odd.is_err(), "{odd:?}");
    let sealed = ground.known(&[7; 32]).await;
    let out = hsm
        .rewrap_out(keys, (KeyKind::Aes, &sealed), wrapping, IN_FULL)
        .await;
    assert!(matches!(out, Err(HsmError::BadKey(_))), "{out:?}");
    let mut forged = blob.clone();
    forged.bytes[9] ^= 1;
    let out = hsm
        .rewrap_out(keys, (KeyKind::Aes, &forged), wrapping, IN_FULL)
        .await;
    assert!(matches!(out, Err(HsmError::Integrity(_))), "{out:?}");
    // What wraps keys here does nothing else: the handle itself refuses.
    let crossed = hsm
        .with_key(
            wrapping,
            use_key::Role::Rewrap,
            Cost::Short,
            [&wrapped],
            |seat, key, [wrapped]| {
                let mechanism = Mechanism::Plain(token::raw::CKM_AES_KEY_WRAP);
                Ok(seat.session.decrypt(mechanism, key, wrapped)?)
            },
        )
        .await;
    assert!(crossed.is_err(), "{crossed:?}");
}

pub(super) async fn private_keys(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    let kek = ground.known(&hex(KEK)).await;
    let wrapping = ground.use_key("rewrap-kek", KeyKind::Aes, &kek);
    let curve = Curve::P256;
    let ec = (KeyKind::EcPrivate, PairSpec::Ec { curve });
    let rsa = (KeyKind::RsaPrivate, PairSpec::Rsa { bits: 2048 });
    for (kind, spec) in [ec, rsa] {
        let pair = hsm
            .generate_pair(keys, spec, Class::Token, AAD)
            .await
            .unwrap();
        let whole = hsm
            .rewrap_out(keys, (kind, &pair.private), &wrapping, IN_FULL)
            .await;
        assert!(matches!(whole, Err(HsmError::BadInput(_))), "{whole:?}");
        let out = hsm
            .rewrap_out(keys, (kind, &pair.private), &wrapping, PADDED)
            .await;
        if !hsm.info().await.unwrap().exact_lengths {
            assert!(matches!(out, Err(HsmError::Refused(_))), "{out:?}");
            continue;
        }
        let out = out.unwrap();
        let pkcs8 = hsm.unwrap_bytes(&wrapping, PADDED, &out).await.unwrap();
        let read = rcgen::KeyPair::try_from(pkcs8.as_slice()).unwrap();
        assert_eq!(
            rcgen::PublicKeyData::subject_public_key_info(&read),
            pair.public_key_info
        );
        let back = hsm
            .rewrap_in(keys, (kind, None), &out, &wrapping, PADDED)
            .await
            .unwrap();
        let name = format!("rewrapped-{kind:?}");
        let key = ground.use_key(&name, kind, &back);
        let scheme = match kind {
            KeyKind::EcPrivate => Signature::EcdsaDigest,
            _ => Signature::RsaPkcs1Info,
        };
        hsm.sign(&key, scheme, &[7; 32]).await.unwrap();
    }
}
