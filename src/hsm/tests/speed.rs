//! How long a call takes.
use super::*;

/// `cargo test --release --lib hsm::tests::speed -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement, not a check"]
async fn speed() {
    let dir = directory();
    let ground = Ground::on(Hsm::init(embedded(&dir)).unwrap()).await;
    let Ground { hsm, keys, .. } = &ground;
    let sealed = ground.known(&[7; 32]).await;
    let wrapped = hsm
        .generate(keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let key = ground.use_key("hot", KeyKind::Aes, &wrapped);
    let gcm = parameters(AES, GCM, 1);
    let pair = hsm
        .generate_pair(keys, PairSpec::Ec { curve: Curve::P256 }, Class::Token, AAD)
        .await;
    let pair = pair.unwrap();
    let ec = ground.use_key("ec", KeyKind::EcPrivate, &pair.private);
    let (ground, wrapped) = (&ground, &wrapped);
    macro_rules! measure {
        ($name:literal, $count:expr, |$number:ident| $call:expr) => {{
            let start = std::time::Instant::now();
            for $number in 0..$count {
                let _ = $number;
                std::hint::black_box($call.await.unwrap());
            }
            let each = start.elapsed().as_secs_f64() * 1e6 / f64::from($count);
            println!("{:>32} {each:8.2} us", $name);
        }};
    }
    for _ in 0..2 {
        measure!("row_mac 500 B", 20_000, |number| hsm.row_mac(1, &[3; 500]));
        measure!("seal 32 B", 20_000, |number| hsm.seal(keys, AAD, &[3; 32]));
        measure!("open 32 B", 20_000, |number| hsm
            .open_sealed(keys, AAD, &sealed));
        measure!("encrypt AES-GCM 64 B, loaded", 20_000, |number| hsm
            .encrypt(&key, gcm, &[1; 12], b"", &[3; 64]));
        measure!("hmac SHA-256 64 B, loaded", 20_000, |number| hsm
            .hmac(&key, 6, &[3; 64]));
        measure!("sign ECDSA P-256, loaded", 2_000, |number| hsm.sign(
            &ec,
            Signature::EcdsaDigest,
            &[3; 32]
        ));
        measure!("load wrapped key and hmac", 5_000, |number| {
            let name = format!("cold-{number}");
            async move {
                let key = ground.use_key(&name, KeyKind::Generic, wrapped);
                hsm.hmac(&key, 6, b"data").await
            }
        });
        measure!("generate AES-256 in token", 5_000, |number| hsm.generate(
            keys,
            AES_256,
            Class::Token,
            AAD
        ));
        measure!("generate AES-256 and seal", 5_000, |number| hsm.generate(
            keys,
            AES_256,
            Class::Served,
            AAD
        ));
        measure!("generate P-256 in token", 500, |number| hsm.generate_pair(
            keys,
            PairSpec::Ec { curve: Curve::P256 },
            Class::Token,
            AAD
        ));
        measure!("random 32 B", 20_000, |number| hsm.random(32));
    }
    let start = std::time::Instant::now();
    drop(Hsm::open(embedded(&dir)).unwrap());
    println!(
        "{:>32} {:8.2} us",
        "open again",
        start.elapsed().as_secs_f64() * 1e6
    );
}
