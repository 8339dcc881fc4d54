//! Keys made, used, evicted.
use super::*;
use crate::object::format::{Curve, Format, Hint, Named, PrivateKey, PublicKey};
use crate::protocol::enumeration::HashingAlgorithm;

pub(super) async fn secrets(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    for class in [Class::Token, Class::Served] {
        for length in [16, 24, 32] {
            let spec = SecretSpec {
                kind: KeyKind::Aes,
                length,
            };
            let blob = hsm.generate(keys, spec, class, AAD).await.unwrap();
            assert_eq!(blob.length as usize, length);
            assert_eq!(blob.kind == BlobKind::Wrapped, class == Class::Token);
            let name = format!("aes-{class:?}-{length}");
            let key = ground.use_key(&name, KeyKind::Aes, &blob);
            let out = hsm
                .encrypt(&key, parameters(AES, GCM, 1), &[1; 12], b"", b"x")
                .await
                .unwrap();
            let back = hsm
                .decrypt(
                    &key,
                    parameters(AES, GCM, 1),
                    &[1; 12],
                    b"",
                    &out.data,
                    &out.tag,
                )
                .await;
            assert_eq!(back.unwrap().as_slice(), b"x");
            let opened = hsm.open_sealed(keys, AAD, &blob).await;
            assert_eq!(opened.is_ok(), class == Class::Served);
        }
        for length in [20, 32, 64] {
            let spec = SecretSpec {
                kind: KeyKind::Generic,
                length,
            };
            let blob = hsm.generate(keys, spec, class, AAD).await.unwrap();
            let name = format!("generic-{class:?}-{length}");
            let key = ground.use_key(&name, KeyKind::Generic, &blob);
            let mac = hsm.hmac(&key, 4, b"data").await.unwrap();
            assert_eq!(mac.len(), 20);
        }
    }
    let des = SecretSpec {
        kind: KeyKind::TripleDes,
        length: 24,
    };
    let blob = hsm.generate(keys, des, Class::Served, AAD).await.unwrap();
    let clear = hsm.open_sealed(keys, AAD, &blob).await.unwrap();
    assert!(clear.iter().all(|byte| byte.count_ones() % 2 == 1));
    let odd = SecretSpec {
        kind: KeyKind::Aes,
        length: 20,
    };
    assert!(matches!(
        hsm.generate(keys, odd, Class::Token, AAD).await,
        Err(HsmError::BadKey(_))
    ));
}

pub(super) async fn pairs(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    for class in [Class::Token, Class::Served] {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let pair = hsm
                .generate_pair(keys, PairSpec::Ec { curve }, class, AAD)
                .await
                .unwrap();
            let info = PublicKey::parse(Format::X509, &pair.public_key_info, Hint::default());
            assert_eq!(info.unwrap().curve(), Some(curve));
            assert_eq!(pair.maker, Maker::Token);
            let name = format!("ec-{class:?}-{curve:?}");
            let key = ground.use_key(&name, KeyKind::EcPrivate, &pair.private);
            let digest = [7; 32];
            let signature = hsm
                .sign(&key, Signature::EcdsaDigest, &digest)
                .await
                .unwrap();
            assert_eq!(signature.len(), 2 * curve.field_bytes());
            if class == Class::Served {
                let pkcs8 = hsm.open_sealed(keys, AAD, &pair.private).await.unwrap();
                assert_eq!(der::whole_length(&pkcs8), Some(pkcs8.len()));
                // The private key holds the public one's point or makes it: rcgen checks when it can.
                if curve != Curve::P521 {
                    let pair_back = rcgen::KeyPair::try_from(pkcs8.as_slice()).unwrap();
                    assert_eq!(
                        rcgen::PublicKeyData::subject_public_key_info(&pair_back),
                        pair.public_key_info
                    );
                }
            }
        }
        let spec = PairSpec::Rsa { bits: 2048 };
        let pair = hsm.generate_pair(keys, spec, class, AAD).await.unwrap();
        let info = PublicKey::parse(Format::X509, &pair.public_key_info, Hint::default());
        let PublicKey::Rsa(key) = info.unwrap() else {
            panic!("{pair:?}")
        };
        assert_eq!(key.modulus.bits(), 2048);
        assert_eq!(key.public_exponent.magnitude(), [1, 0, 1]);
        let name = format!("rsa-{class:?}");
        let key = ground.use_key(&name, KeyKind::RsaPrivate, &pair.private);
        for scheme in [
            Signature::RsaPkcs1Info,
            Signature::RsaPssDigest {
                hash: HashingAlgorithm::SHA_256,
                mask: HashingAlgorithm::SHA_256,
                salt_length: 32,
            },
        ] {
            assert_eq!(hsm.sign(&key, scheme, &[7; 32]).await.unwrap().len(), 256);
        }
        if class == Class::Served {
            let pkcs8 = hsm.open_sealed(keys, AAD, &pair.private).await.unwrap();
            let pair_back = rcgen::KeyPair::try_from(pkcs8.as_slice()).unwrap();
            assert_eq!(
                rcgen::PublicKeyData::subject_public_key_info(&pair_back),
                pair.public_key_info
            );
        }
    }
    let short = hsm
        .generate_pair(keys, PairSpec::Rsa { bits: 1024 }, Class::Token, AAD)
        .await;
    assert!(matches!(short, Err(HsmError::BadKey(_))));
}

/// Pairs that not every token makes: class served always gets them, class token where the token has them.
pub(super) async fn odd_pairs(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    let named = [
        Named::Ed25519,
        Named::Ed448,
        Named::X25519,
        Named::X448,
        Named::MlDsa44,
        Named::MlDsa65,
        Named::MlDsa87,
        Named::SlhDsaSha2_128f,
    ];
    let curves = [
        Curve::P224,
        Curve::Secp256k1,
        Curve::BrainpoolP384r1,
        Curve::B233,
    ];
    let specs = named
        .map(PairSpec::Named)
        .into_iter()
        .chain(curves.map(|curve| PairSpec::Ec { curve }));
    for spec in specs {
        let name = format!("{spec:?}");
        let pair = hsm
            .generate_pair(keys, spec, Class::Served, AAD)
            .await
            .unwrap();
        let pkcs8 = hsm.open_sealed(keys, AAD, &pair.private).await.unwrap();
        let key = PrivateKey::parse(Format::Pkcs8, &pkcs8, Hint::default()).unwrap();
        let public = key.public().unwrap().write(Format::X509).unwrap();
        assert_eq!(public, pair.public_key_info, "{name}");
        let key = ground.use_key(&name, spec.kind().unwrap(), &pair.private);
        let taken = hsm
            .with_key(
                &key,
                use_key::Role::Sign,
                Cost::Short,
                [],
                |_, _, []| Ok(()),
            )
            .await;
        let in_token = hsm.generate_pair(keys, spec, Class::Token, AAD).await;
        // What the embedded token cannot make it can be given, but for the curves that it does not have.
        if ground.embedded && matches!(spec, PairSpec::Named(_)) {
            assert!(taken.is_ok(), "{name}: {taken:?}");
        }
        match &in_token {
            Ok(token) => {
                assert_eq!((pair.maker, token.maker), (Maker::Token, Maker::Token));
                let name = format!("{name} in token");
                let key = ground.use_key(&name, spec.kind().unwrap(), &token.private);
                hsm.with_key(
                    &key,
                    use_key::Role::Sign,
                    Cost::Short,
                    [],
                    |_, _, []| Ok(()),
                )
                .await
                .unwrap();
            }
            Err(error) => {
                assert!(matches!(error, HsmError::Refused(_)), "{name}: {error:?}");
                assert_eq!(pair.maker, Maker::Library);
            }
        }
    }
}

/// More keys than places: every one still answers, and the token does not fill up.
pub(super) async fn eviction(ground: &Ground) {
    let mut made = Vec::new();
    for number in 0_u8..100 {
        made.push((
            format!("evicted-{number}"),
            ground.known(&[number; 32]).await,
        ));
    }
    let mut macs = Vec::new();
    for round in 0..2 {
        for (number, (name, blob)) in made.iter().enumerate() {
            let key = ground.use_key(name, KeyKind::Generic, blob);
            let mac = ground.hsm.hmac(&key, 6, b"data").await.unwrap();
            if round == 0 {
                macs.push(mac)
            } else {
                assert_eq!(mac, macs[number])
            }
        }
    }
    let objects = ground
        .hsm
        .pool
        .run(Cost::Short, [], |seat, []| {
            seat.bury()?;
            let kind = (
                token::raw::CKA_KEY_TYPE,
                token::Value::Number(token::raw::CKK_GENERIC_SECRET),
            );
            Ok(seat.session.find(&[kind], 1000)?.len())
        })
        .await
        .unwrap();
    assert!(objects <= 64 + 8, "{objects} objects stay in the token");
    let (name, blob) = &made[99];
    ground.hsm.forget(TenantId(7), name, 1).await.unwrap();
    let key = ground.use_key(name, KeyKind::Generic, blob);
    assert_eq!(ground.hsm.hmac(&key, 6, b"data").await.unwrap(), macs[99]);
    // A changed row is another key: its blob is opened again, and this one does not open.
    let mut forged = blob.clone();
    forged.bytes[20] ^= 1;
    let key = UseKey {
        version: 2,
        blob: &forged,
        ..key
    };
    assert!(matches!(
        ground.hsm.hmac(&key, 6, b"data").await,
        Err(HsmError::Integrity(_))
    ));
}

pub(super) async fn checkpoint(ground: &Ground) {
    let signature = ground.hsm.sign_checkpoint(b"checkpoint").await.unwrap();
    let info = ground.hsm.audit_public_key().await.unwrap();
    let point = &info[info.len() - 65..];
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
        point,
    );
    key.verify(b"checkpoint", &signature).unwrap();
    assert!(key.verify(b"checkpoinT", &signature).is_err());
}

pub(super) async fn issuing(ground: &Ground) {
    let hsm = &ground.hsm;
    let (name, other) = (
        hsm.make_issuing_key().await.unwrap(),
        hsm.make_issuing_key().await.unwrap(),
    );
    let names = hsm.issuing_keys().await.unwrap();
    assert!(names.contains(&name) && names.contains(&other));
    assert!(names.is_sorted());
    let info = hsm.issuing_public_key(&name).await.unwrap();
    assert_ne!(info, hsm.issuing_public_key(&other).await.unwrap());
    let signature = hsm.sign_certificate(&name, b"certificate").await.unwrap();
    let key = |info: &[u8]| {
        let point = info[info.len() - 97..].to_vec();
        aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::ECDSA_P384_SHA384_ASN1,
            point,
        )
    };
    key(&info).verify(b"certificate", &signature).unwrap();
    assert!(key(&info).verify(b"another", &signature).is_err());
    hsm.remove_issuing_key(&other).await.unwrap();
    assert!(!hsm.issuing_keys().await.unwrap().contains(&other));
    assert!(matches!(
        hsm.sign_certificate(&other, b"certificate").await,
        Err(HsmError::Damaged(_))
    ));
    // Like every master it never leaves: no session may ask the token for it.
    let handle = name.clone();
    let value = hsm.pool.run(Cost::Short, [], move |seat, []| {
        let key = super::super::issuing::find(&seat.line.anchor(), &seat.inner.config, &handle)?;
        Ok(seat
            .session
            .attribute(key.key, token::raw::CKA_VALUE)
            .is_err())
    });
    assert!(value.await.unwrap());
}
