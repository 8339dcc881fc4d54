//! Starts, files, tokens that go and come.
use super::*;

/// Set in the process that a test starts for itself.
const ALONE: &str = "KEYWARD_TEST_ALONE";

#[tokio::test]
async fn the_embedded_token_is_the_same_after_a_restart() {
    stays_the_same(embedded(&directory())).await;
}

pub(super) async fn stays_the_same(config: Config) {
    let hsm = Hsm::init(config.clone()).unwrap();
    let wrapped = hsm.new_tenant_key(Purpose::Seal).await.unwrap();
    let keys = || TenantKeys::new(TenantId(1), [(Purpose::Seal, 1, wrapped.clone())]);
    let blob = hsm.seal(&keys(), AAD, b"clear").await.unwrap();
    let mac = hsm.row_mac(1, b"row").await.unwrap();
    drop(hsm);
    let start = std::time::Instant::now();
    let hsm = Hsm::open(config.clone()).unwrap();
    assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
    assert_eq!(
        hsm.open_sealed(&keys(), AAD, &blob)
            .await
            .unwrap()
            .as_slice(),
        b"clear"
    );
    hsm.verify_row_mac(1, b"row", &mac).await.unwrap();
    let first = hsm.audit_public_key().await.unwrap();
    let node = || Config {
        node: "n2".into(),
        ..config.clone()
    };
    assert!(matches!(Hsm::open(node()), Err(HsmError::Damaged(_))));
    let second = Hsm::join(node()).unwrap().audit_public_key().await.unwrap();
    assert_ne!(first, second);
    assert_eq!(
        Hsm::open(node()).unwrap().audit_public_key().await.unwrap(),
        second
    );
    assert_eq!(
        Hsm::join(node()).unwrap().audit_public_key().await.unwrap(),
        second
    );
    let other = Config {
        deployment: "other".into(),
        ..config.clone()
    };
    assert!(matches!(Hsm::open(other), Err(HsmError::Damaged(_))));
}

#[tokio::test]
async fn the_embedded_tokens_files_are_the_servers_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = directory();
    let home = dir.join("token");
    let hsm = Hsm::init(embedded(&home)).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for dir in [home.clone(), home.join("forge")] {
        assert_eq!(mode(&dir), 0o700);
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            assert!(path.is_dir() || mode(&path) == 0o600, "{}", path.display());
        }
    }
    drop(hsm);
    let pins = home.join(token::PINS_FILE);
    std::fs::set_permissions(&pins, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        Hsm::open(embedded(&home)),
        Err(HsmError::Unavailable(_))
    ));
    std::fs::remove_file(&pins).unwrap();
    assert!(matches!(
        Hsm::init(embedded(&home)),
        Err(HsmError::Unavailable(_))
    ));
    assert!(Hsm::open(embedded(&dir.join("nothing"))).is_err());
}

#[tokio::test]
async fn sessions_that_end_behind_its_back_are_built_anew() {
    sessions_end(embedded(&directory())).await;
}

pub(super) async fn sessions_end(config: Config) {
    let ground = Ground::on(Hsm::init(config).unwrap()).await;
    let blob = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let key = ground.use_key("key", KeyKind::Aes, &blob);
    let mac = ground.hsm.hmac(&key, 6, b"data").await.unwrap();
    let sealed = ground.known(b"clear").await;
    for _ in 0..2 {
        let slot = ground.hsm.pool.run(Cost::Short, [], |seat, []| {
            Ok((seat.line.module.clone(), seat.line.slot))
        });
        let (module, slot) = slot.await.unwrap();
        module.close_all(slot).unwrap();
        assert_eq!(ground.hsm.hmac(&key, 6, b"data").await.unwrap(), mac);
        module.close_all(slot).unwrap();
        let opened = ground
            .hsm
            .open_sealed(&ground.keys, AAD, &sealed)
            .await
            .unwrap();
        assert_eq!(opened.as_slice(), b"clear");
        assert!(ground.hsm.available().await);
    }
}

/// The token's directory is gone and comes back: clear failures, not ready, then all is well.
#[tokio::test]
async fn a_token_away_fails_clearly_and_recovers() {
    let Some(home) = softhsm() else { return };
    // SoftHSM keeps one list of tokens for the process: a process of its own for this test.
    if std::env::var_os(ALONE).is_none() {
        let done = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "hsm::tests::availability::a_token_away_fails_clearly_and_recovers",
            ])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stdout)
        );
        return;
    }
    let ground = Ground::on(Hsm::init(outside("away", "1234")).unwrap()).await;
    let blob = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let key = ground.use_key("key", KeyKind::Aes, &blob);
    let mac = ground.hsm.hmac(&key, 6, b"data").await.unwrap();
    let (here, away) = (home.join("tokens"), home.join("away"));
    std::fs::rename(&here, &away).unwrap();
    std::fs::create_dir(&here).unwrap();
    let slot = ground.hsm.pool.run(Cost::Short, [], |seat, []| {
        Ok((seat.line.module.clone(), seat.line.slot))
    });
    let (module, slot) = slot.await.unwrap();
    module.close_all(slot).unwrap();
    for _ in 0..3 {
        let failed = ground.hsm.hmac(&key, 6, b"data").await;
        assert!(
            matches!(failed, Err(HsmError::Unavailable(_))),
            "{failed:?}"
        );
        assert!(!ground.hsm.available().await);
    }
    // What needs no token still answers: rows are verified, though no key is used.
    ground.hsm.row_mac(1, b"row").await.unwrap();
    std::fs::remove_dir_all(&here).unwrap();
    std::fs::rename(&away, &here).unwrap();
    let start = std::time::Instant::now();
    while !ground.hsm.available().await {
        assert!(start.elapsed().as_secs() < 5, "the token did not come back");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(ground.hsm.hmac(&key, 6, b"data").await.unwrap(), mac);
}

#[tokio::test]
async fn a_wrong_pin_is_tried_once() {
    if softhsm().is_none() {
        return;
    }
    let _turn = SOFTHSM_TURN.lock().await;
    let wrong = Hsm::open(outside("away", "4321"));
    assert!(
        matches!(&wrong, Err(HsmError::Unavailable(text)) if text.contains("PIN")),
        "{wrong:?}"
    );
    let none = Hsm::open(outside("no such token", "1234"));
    assert!(matches!(none, Err(HsmError::Unavailable(_))));
}

/// kryoptic locks its token while it makes a key; the others must not wait for an RSA key.
#[tokio::test]
async fn short_operations_do_not_wait_for_rsa_keys() {
    let ground = Ground::on(fixture::hsm()).await;
    let (hsm, keys) = (&ground.hsm, &ground.keys);
    let spec = PairSpec::Rsa { bits: 4096 };
    let mut count = 0;
    let mut making = std::pin::pin!(hsm.generate_pair(keys, spec, Class::Token, AAD));
    let making = loop {
        tokio::select! {
            biased;
            pair = &mut making => break pair,
            () = tokio::time::sleep(std::time::Duration::from_millis(1)) => {}
        }
        hsm.row_mac(1, b"row").await.unwrap();
        hsm.generate(keys, AES_256, Class::Token, AAD)
            .await
            .unwrap();
        count += 1;
    };
    making.unwrap();
    // Behind a lock the first one would end with the pair, and be the only one.
    assert!(count > 5, "only {count} others were done meanwhile");
}

/// More tasks than sessions, more keys than places, keys leaving while others use them: every
/// answer is that of its own key.
pub(super) async fn many_at_once(ground: &Arc<Ground>) {
    let mut blobs = Vec::new();
    for number in 0_u8..80 {
        blobs.push(ground.known(&[number; 32]).await);
    }
    let blobs = Arc::new(blobs);
    let mut expected = Vec::new();
    for (number, blob) in blobs.iter().enumerate() {
        let name = format!("many-{number}");
        let key = ground.use_key(&name, KeyKind::Generic, blob);
        expected.push(ground.hsm.hmac(&key, 6, b"data").await.unwrap().to_vec());
    }
    let expected = Arc::new(expected);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..12_usize {
        let (ground, blobs) = (Arc::clone(ground), Arc::clone(&blobs));
        let expected = Arc::clone(&expected);
        tasks.spawn(async move {
            for round in 0..60 {
                let number = (task * 31 + round * 7) % blobs.len();
                let name = format!("many-{number}");
                let key = ground.use_key(&name, KeyKind::Generic, &blobs[number]);
                let mac = ground.hsm.hmac(&key, 6, b"data").await.unwrap();
                assert_eq!(*mac, expected[number]);
                if round % 5 == task % 5 {
                    ground.hsm.forget(TenantId(7), &name, 1).await.unwrap();
                }
                let clear = [task as u8; 40];
                let sealed = ground.hsm.seal(&ground.keys, AAD, &clear).await.unwrap();
                let opened = ground
                    .hsm
                    .open_sealed(&ground.keys, AAD, &sealed)
                    .await
                    .unwrap();
                assert_eq!(opened.as_slice(), clear);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
