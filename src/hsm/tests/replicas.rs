//! Several tokens with one set of masters: the ceremony, and tokens that go and come.
use super::super::transport;
use super::*;

/// Set in the process that a test starts for itself.
const ALONE: &str = "KEYWARD_TEST_ALONE";

/// SoftHSM keeps one list of tokens for the process, and ends with it: true in the process that
/// runs this test alone.
fn alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let done = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("hsm::tests::replicas::{test}"),
            "--nocapture",
        ])
        .env(ALONE, "1")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    false
}

pub(super) fn source(dir: &Path) -> Source {
    Source::Embedded {
        dir: dir.to_owned(),
    }
}

pub(super) fn set(first: Source, others: Vec<Source>) -> Config {
    Config {
        source: first,
        replicas: Replicas::new(others, true),
        ..embedded(Path::new(""))
    }
}

/// All in one process, as `token init --ceremony` does with the replicas of its configuration.
pub(super) fn ceremony(config: &Config) -> Vec<Answer> {
    let targets: Vec<Request> = config
        .replicas
        .sources
        .iter()
        .map(|source| request(source).unwrap())
        .collect();
    let answers = make_masters(config, &targets).unwrap();
    for (source, answer) in config.replicas.sources.iter().zip(&answers) {
        take_masters(config, source, answer).unwrap();
    }
    answers
}

fn serving(hsm: &Hsm) -> Vec<bool> {
    hsm.tokens()
        .iter()
        .map(|token| token.away.is_none())
        .collect()
}

pub(super) async fn until(hsm: &Hsm, expected: &[bool]) {
    let start = std::time::Instant::now();
    while serving(hsm) != expected {
        assert!(start.elapsed().as_secs() < 30, "{:?}", hsm.tokens());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// What requests do, one of each way to the token; false as soon as one fails.
pub(super) async fn works(ground: &Ground, blob: &Blob) {
    let key = ground.use_key("key", KeyKind::Aes, blob);
    let (hsm, keys) = (&ground.hsm, &ground.keys);
    let mac = hsm.hmac(&key, 6, b"data").await.unwrap();
    assert_eq!(hsm.hmac(&key, 6, b"data").await.unwrap(), mac);
    let sealed = hsm.seal(keys, AAD, b"clear").await.unwrap();
    assert_eq!(
        hsm.open_sealed(keys, AAD, &sealed)
            .await
            .unwrap()
            .as_slice(),
        b"clear"
    );
    let row = hsm.row_mac(1, b"row").await.unwrap();
    hsm.verify_row_mac(1, b"row", &row).await.unwrap();
    let spec = PairSpec::Ec { curve: Curve::P256 };
    hsm.generate_pair(keys, spec, Class::Token, AAD)
        .await
        .unwrap();
    hsm.new_tenant_key(Purpose::Wrap).await.unwrap();
    let name = hsm.issuing_keys().await.unwrap().remove(0);
    hsm.sign_certificate(&name, b"certificate").await.unwrap();
}

/// What the first token made opens in the second, and the other way round.
async fn each_for_itself(first: Config, second: Config) {
    let one = Ground::on(Hsm::open(first).unwrap()).await;
    let wrapped = one.hsm.new_tenant_key(Purpose::Wrap).await.unwrap();
    // A handle is its token's: each has keys of its own to load.
    let keys = || TenantKeys::new(TenantId(7), [(Purpose::Wrap, 1, wrapped.clone())]);
    let (ones, twos) = (keys(), keys());
    let blob = one
        .hsm
        .generate(&ones, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let key = UseKey {
        keys: &ones,
        ..one.use_key("key", KeyKind::Aes, &blob)
    };
    let mac = one.hsm.hmac(&key, 6, b"data").await.unwrap();
    let row = one.hsm.row_mac(1, b"row").await.unwrap();
    let two = Hsm::open(second).unwrap();
    if let Some(key) = &one.row_mac {
        two.use_row_mac_key(1, key).await.unwrap();
    }
    let key = UseKey { keys: &twos, ..key };
    assert_eq!(two.hmac(&key, 6, b"data").await.unwrap(), mac);
    two.verify_row_mac(1, b"row", &row).await.unwrap();
    let name = one.hsm.issuing_keys().await.unwrap().remove(0);
    assert_eq!(
        one.hsm.issuing_public_key(&name).await.unwrap(),
        two.issuing_public_key(&name).await.unwrap()
    );
}

#[tokio::test]
async fn two_embedded_tokens_serve_one_for_the_other() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = || set(source(&one), vec![source(&two)]);
    ceremony(&config());
    each_for_itself(set(source(&one), vec![]), set(source(&two), vec![])).await;
    let ground = Ground::on(Hsm::open(config()).unwrap()).await;
    assert_eq!(ground.hsm.replicas(), 2);
    let blob = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    works(&ground, &blob).await;
    for (dir, expected) in [(&one, [false, true]), (&two, [true, false])] {
        let away = dir.with_extension("away");
        std::fs::rename(dir, &away).unwrap();
        // Before anybody noticed, and after.
        works(&ground, &blob).await;
        until(&ground.hsm, &expected).await;
        works(&ground, &blob).await;
        assert!(ground.hsm.available().await);
        std::fs::rename(&away, dir).unwrap();
        until(&ground.hsm, &[true, true]).await;
        works(&ground, &blob).await;
    }
    // Both: a clear failure, and back.
    for dir in [&one, &two] {
        std::fs::rename(dir, dir.with_extension("away")).unwrap();
    }
    until(&ground.hsm, &[false, false]).await;
    assert!(!ground.hsm.available().await);
    for dir in [&one, &two] {
        std::fs::rename(dir.with_extension("away"), dir).unwrap();
    }
    until(&ground.hsm, &[true, true]).await;
    works(&ground, &blob).await;
}

/// Sessions end while requests run: not one of them fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_while_a_token_goes() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    ceremony(&config);
    let ground = Arc::new(Ground::on(Hsm::open(config).unwrap()).await);
    let blob = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let end = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (ground, blob, end) = (Arc::clone(&ground), blob.clone(), Arc::clone(&end));
        tasks.spawn(async move {
            let mut count = 0;
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                works(&ground, &blob).await;
                count += 1;
            }
            count
        });
    }
    for _ in 0..3 {
        let line = {
            let line = ground.hsm.pool.inner.line.read().unwrap();
            line.as_ref().map(|line| (line.module.clone(), line.slot))
        };
        if let Some((module, slot)) = line {
            module.close_all(slot).unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    }
    end.store(true, std::sync::atomic::Ordering::Relaxed);
    while let Some(done) = tasks.join_next().await {
        assert!(done.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_ceremony_fails_closed() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    let target = request(&source(&two)).unwrap();
    assert_eq!(target, request(&source(&two)).unwrap());
    assert!(transport::is_typed(
        &target.fingerprint(),
        &target.fingerprint()
    ));
    let answer = make_masters(&config, &[target]).unwrap().remove(0);
    // Made once.
    let again = make_masters(&config, &[]);
    assert!(
        matches!(again, Err(HsmError::AlreadyInitialised)),
        "{again:?}"
    );
    // For another token.
    let three = directory().join("three");
    request(&source(&three)).unwrap();
    let other = take_masters(&config, &source(&three), &answer);
    assert!(matches!(other, Err(HsmError::BadInput(_))), "{other:?}");
    // A changed answer leaves nothing behind, and the right one still serves.
    let text = serde_json::to_string(&answer).unwrap();
    let mut changed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let wrapped = changed["masters"][2]["wrapped"]
        .as_str()
        .unwrap()
        .to_owned();
    let flipped = if wrapped.ends_with('0') { "1" } else { "0" };
    changed["masters"][2]["wrapped"] = format!("{}{flipped}", &wrapped[..wrapped.len() - 1]).into();
    let changed = Answer::read(changed.to_string().as_bytes()).unwrap();
    let refused = take_masters(&config, &source(&two), &changed);
    assert!(
        matches!(refused, Err(HsmError::Integrity(_))),
        "{refused:?}"
    );
    let mut lying: serde_json::Value = serde_json::from_str(&text).unwrap();
    lying["masters"][0]["answer"] = "00".repeat(32).into();
    let lying = Answer::read(lying.to_string().as_bytes()).unwrap();
    assert_ne!(lying.check_value(), answer.check_value());
    assert!(take_masters(&config, &source(&two), &lying).is_err());
    assert!(known_answers(&source(&two), "test").unwrap().is_empty());
    let answer = Answer::read(text.as_bytes()).unwrap();
    take_masters(&config, &source(&two), &answer).unwrap();
    let answers = known_answers(&source(&one), "test").unwrap();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers, known_answers(&source(&two), "test").unwrap());
    // The transport key served once.
    assert!(take_masters(&config, &source(&two), &answer).is_err());
    // Masters that were extractable are none for a deployment that had no ceremony.
    let plain = Config {
        replicas: Replicas::default(),
        ..config.clone()
    };
    assert!(matches!(Hsm::open(plain), Err(HsmError::Damaged(_))));
    assert!(Hsm::init(config).is_err());
}

fn current(kek: u32, required: &[(MasterKind, u32)]) -> Current {
    Current {
        kek,
        mac: 1,
        required: required.iter().copied().collect(),
    }
}

fn holds(each: &Each<Holding>, name: &str) -> bool {
    each.done.as_ref().unwrap().masters.contains_key(name)
}

async fn targets(hsm: &Hsm) -> Vec<Request> {
    in_all(hsm.transport_keys().await.into_iter().collect()).unwrap()
}

/// A version that is in one token, or in all, is used when it is said to be, and not before.
async fn next_version(config: Config) {
    let kek = MasterKind::Kek;
    let ground = Ground::on(Hsm::open(config.clone()).unwrap()).await;
    let hsm = &ground.hsm;
    let first = current(1, &[(kek, 1), (MasterKind::Mac, 1)]);
    hsm.admit(&first).await.unwrap();
    let old = hsm.new_tenant_key(Purpose::Wrap).await.unwrap();
    // Cut off between the tokens.
    let next = || vec![Next::Version(kek, 2)];
    hsm.make_next(next(), targets(hsm).await).await.unwrap();
    let there = hsm.holdings().await;
    assert!(holds(&there[0], "kek-v2") && !holds(&there[1], "kek-v2"));
    assert_eq!(hsm.newest_kek().await.unwrap(), 1);
    // The second token is away and comes back meanwhile: it lacks nothing that is used.
    let again = Hsm::open(config.clone()).unwrap();
    assert_eq!(serving(&again), [true, true]);
    assert_eq!(again.newest_kek().await.unwrap(), 1);
    drop(again);
    // Anew, to the end.
    let keys = targets(hsm).await;
    assert!(
        hsm.bring(next(), keys, Vec::new())
            .await
            .unwrap()
            .is_empty()
    );
    let there = hsm.holdings().await;
    let answer = |each: &Each<Holding>| each.done.as_ref().unwrap().masters["kek-v2"];
    assert_eq!(answer(&there[0]), answer(&there[1]));
    assert_eq!(hsm.master_versions(kek).await.unwrap(), [1]);
    assert_eq!(
        hsm.new_tenant_key(Purpose::Wrap).await.unwrap().kek_version,
        1
    );
    let both = current(2, &[(kek, 1), (kek, 2), (MasterKind::Mac, 1)]);
    hsm.admit(&both).await.unwrap();
    assert_eq!(hsm.newest_kek().await.unwrap(), 2);
    // What is used is not made anew.
    let used = hsm.make_next(next(), Vec::new()).await;
    assert!(matches!(used, Err(HsmError::BadInput(_))), "{used:?}");
    let new = hsm.rewrap_tenant_key(Purpose::Wrap, &old).await.unwrap();
    assert_eq!(new.kek_version, 2);
    // Each token opens it by itself.
    for source in [&config.source, &config.replicas.sources[0]] {
        let one = Hsm::open(Config {
            source: source.clone(),
            replicas: Replicas::new(Vec::new(), true),
            ..config.clone()
        });
        let one = one.unwrap();
        let keys = TenantKeys::new(TenantId(7), [(Purpose::Wrap, 1, new.clone())]);
        one.generate(&keys, AES_256, Class::Token, AAD)
            .await
            .unwrap();
    }
    hsm.admit(&current(2, &[(kek, 2), (MasterKind::Mac, 1)]))
        .await
        .unwrap();
    in_all(hsm.destroy_master(kek, 1).await).unwrap();
    for each in hsm.holdings().await {
        assert!(!holds(&each, "kek-v1") && holds(&each, "kek-v2"));
    }
    assert_eq!(serving(hsm), [true, true]);
}

#[tokio::test]
async fn a_version_is_used_when_all_embedded_tokens_have_it() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    ceremony(&config);
    next_version(config).await;
}

#[tokio::test]
async fn an_answer_that_is_given_again_destroys_nothing() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    ceremony(&config);
    let hsm = Hsm::open(config).unwrap();
    let next = || vec![Next::Version(MasterKind::Kek, 2)];
    let answer = |each: &Each<Holding>| each.done.as_ref().unwrap().masters["kek-v2"];
    let mut made = hsm.make_next(next(), targets(&hsm).await).await.unwrap();
    let first = made.remove(0);
    hsm.take_next(1, first.clone()).await.unwrap();
    let before = hsm.holdings().await;
    // To the token that made it, too.
    for position in [1, 0] {
        hsm.take_next(position, first.clone()).await.unwrap();
    }
    for (now, before) in hsm.holdings().await.iter().zip(&before) {
        assert_eq!(answer(now), answer(before));
    }
    // After another ceremony it is refused, and the master of that one stays.
    let mut made = hsm.make_next(next(), targets(&hsm).await).await.unwrap();
    hsm.take_next(1, made.remove(0)).await.unwrap();
    let anew = answer(&hsm.holdings().await[1]);
    assert_ne!(anew, answer(&before[1]));
    for position in [1, 0] {
        let late = hsm.take_next(position, first.clone()).await;
        assert!(matches!(late, Err(HsmError::BadInput(_))), "{late:?}");
        assert_eq!(answer(&hsm.holdings().await[position]), anew);
    }
}

/// What somebody made of an answer on its way.
fn edited(answer: &Answer, edit: impl Fn(&mut Vec<serde_json::Value>)) -> Answer {
    let mut text = serde_json::to_value(answer).unwrap();
    edit(text["masters"].as_array_mut().unwrap());
    Answer::read(text.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn an_edited_answer_does_no_harm() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    ceremony(&config);
    let hsm = Hsm::open(config.clone()).unwrap();
    let next = vec![Next::Version(MasterKind::Kek, 2)];
    let mut made = hsm.make_next(next, targets(&hsm).await).await.unwrap();
    let answer = made.remove(0);
    let twice = edited(&answer, |masters| masters.extend_from_within(..));
    let [padded, signed] = ["kek-v02", "kek-v+2"]
        .map(|name| edited(&answer, |masters| masters[0]["name"] = name.into()));
    for edited in [twice, padded, signed] {
        let refused = hsm.take_next(1, edited).await;
        assert!(matches!(refused, Err(HsmError::BadInput(_))), "{refused:?}");
        for name in ["kek-v2", "kek-v02", "kek-v+2"] {
            assert!(!holds(&hsm.holdings().await[1], name), "{name}");
        }
    }
    // The right one still serves, and both tokens open.
    hsm.take_next(1, answer).await.unwrap();
    assert!(holds(&hsm.holdings().await[1], "kek-v2"));
    assert_eq!(serving(&Hsm::open(config).unwrap()), [true, true]);
}

#[tokio::test]
async fn a_token_that_lacks_what_is_used_is_left() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    ceremony(&config);
    let hsm = Hsm::open(config.clone()).unwrap();
    let next = vec![Next::Version(MasterKind::Kek, 2)];
    hsm.make_next(next, Vec::new()).await.unwrap();
    hsm.admit(&current(2, &[(MasterKind::Kek, 2)]))
        .await
        .unwrap();
    assert_eq!(serving(&hsm), [true, false]);
    let why = hsm.tokens().remove(1).away.unwrap();
    assert!(why.contains("lacks kek-v2"), "{why}");
    // It is not taken back, either; and alone it is not used at all.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(serving(&hsm), [true, false]);
    let alone = Hsm::open(set(source(&two), vec![])).unwrap();
    let admitted = alone.admit(&current(2, &[(MasterKind::Kek, 2)])).await;
    assert!(matches!(admitted, Err(HsmError::Lost(_))), "{admitted:?}");
}

/// No master in a token may be wrapped, not even by who has the PIN.
#[tokio::test]
async fn nothing_extractable_stays_in_a_token() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    ceremony(&config);
    for source in [source(&one), source(&two)] {
        let token = reach::bare(&source, None).unwrap();
        let passage = transport::passing_key(&token.session).unwrap();
        let mut seen = 0;
        for class in [token::raw::CKO_SECRET_KEY, token::raw::CKO_PRIVATE_KEY] {
            let all = [
                (token::raw::CKA_CLASS, token::Value::Number(class)),
                (token::raw::CKA_TOKEN, token::Value::Flag(true)),
            ];
            for key in token.session.find(&all, 64).unwrap() {
                seen += 1;
                assert!(
                    !token
                        .session
                        .flag(key, token::raw::CKA_EXTRACTABLE)
                        .unwrap()
                );
                let wrapping = Mechanism::Plain(token.probe.key_wrap_padded);
                assert!(token.session.wrap(wrapping, passage.handle, key).is_err());
            }
        }
        assert!(seen >= 3, "{seen}");
    }
}

#[tokio::test]
async fn a_token_with_other_masters_is_not_used() {
    let (one, two, other) = (
        directory().join("one"),
        directory().join("two"),
        directory(),
    );
    ceremony(&set(source(&one), vec![source(&two)]));
    ceremony(&set(source(&other), vec![]));
    let hsm = Hsm::open(set(source(&one), vec![source(&other), source(&two)])).unwrap();
    assert_eq!(serving(&hsm), [true, false, true]);
    let why = hsm.tokens().remove(1).away.unwrap();
    assert!(why.contains("kek-v1") && why.contains("mac-v1"), "{why}");
    // A version that one token gets would be missed in the others.
    for made in [
        hsm.make_master(MasterKind::Kek, 2).await,
        hsm.make_issuing_key().await.map(drop),
        hsm.make_anchored(TenantId(1), "master", 1).await.map(drop),
    ] {
        assert!(matches!(made, Err(HsmError::Refused(_))), "{made:?}");
    }
}

#[tokio::test]
async fn the_audit_key_is_its_nodes_own() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let here = set(source(&one), vec![]);
    let there = Config {
        node: "n2".into(),
        ..set(source(&two), vec![])
    };
    let target = request(&there.source).unwrap();
    let answer = make_masters(&here, &[target]).unwrap().remove(0);
    take_masters(&there, &there.source, &answer).unwrap();
    let own = Hsm::open(here.clone()).unwrap();
    let other = Hsm::open(there).unwrap();
    let key = own.audit_public_key().await.unwrap();
    assert_ne!(key, other.audit_public_key().await.unwrap());
    other.sign_checkpoint(b"note").await.unwrap();
    // As a replica of the first node it knows that node's key, and cannot sign with it.
    let replica = Hsm::open(set(source(&two), vec![])).unwrap();
    assert_eq!(key, replica.audit_public_key().await.unwrap());
    assert!(replica.sign_checkpoint(b"note").await.is_err());
}

fn softhsm_source(label: &str) -> Source {
    outside(label, "1234").source
}

#[tokio::test]
async fn two_softhsm_tokens_serve_one_for_the_other() {
    let Some(home) = softhsm() else { return };
    if !alone("two_softhsm_tokens_serve_one_for_the_other") {
        return;
    }
    let config = || set(softhsm_source("first"), vec![softhsm_source("second")]);
    ceremony(&config());
    each_for_itself(
        set(softhsm_source("first"), vec![]),
        set(softhsm_source("second"), vec![]),
    )
    .await;
    let ground = Ground::on(Hsm::open(config()).unwrap()).await;
    let blob = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    works(&ground, &blob).await;
    for (label, expected) in [("first", [false, true]), ("second", [true, false])] {
        let dir = dir_of(home, label);
        let away = home.join("one-away");
        std::fs::rename(&dir, &away).unwrap();
        works(&ground, &blob).await;
        until(&ground.hsm, &expected).await;
        let begun = std::time::Instant::now();
        while begun.elapsed().as_secs() < 3 {
            works(&ground, &blob).await;
        }
        assert!(ground.hsm.available().await);
        std::fs::rename(&away, &dir).unwrap();
        until(&ground.hsm, &[true, true]).await;
        works(&ground, &blob).await;
    }
}

#[tokio::test]
async fn a_version_is_used_when_all_softhsm_tokens_have_it() {
    if softhsm().is_none() || !alone("a_version_is_used_when_all_softhsm_tokens_have_it") {
        return;
    }
    let config = set(softhsm_source("first"), vec![softhsm_source("second")]);
    ceremony(&config);
    next_version(config).await;
}

fn tokens_of(home: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(home.join("tokens")).unwrap();
    let mut dirs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    dirs.sort();
    dirs
}

/// SoftHSM writes a token's label in its first file.
fn dir_of(home: &Path, label: &str) -> std::path::PathBuf {
    let is = |dir: &std::path::PathBuf| {
        let text = std::fs::read(dir.join("token.object")).unwrap();
        text.windows(label.len())
            .any(|part| part == label.as_bytes())
    };
    tokens_of(home).into_iter().find(is).unwrap()
}

#[tokio::test]
async fn softhsm_and_the_embedded_token_hold_one_set() {
    if softhsm().is_none() || !alone("softhsm_and_the_embedded_token_hold_one_set") {
        return;
    }
    for inside_first in [true, false] {
        let (inside, outside) = (source(&directory()), softhsm_source("third"));
        let (first, second) = match inside_first {
            true => (inside, outside),
            false => (outside, inside),
        };
        let config = Config {
            deployment: format!("mixed-{inside_first}"),
            ..set(first, vec![second])
        };
        ceremony(&config);
        let ground = Ground::on(Hsm::open(config).unwrap()).await;
        assert_eq!(serving(&ground.hsm), [true, true]);
        let blob = ground
            .hsm
            .generate(&ground.keys, AES_256, Class::Token, AAD)
            .await
            .unwrap();
        works(&ground, &blob).await;
        let line = ground.hsm.pool.inner.line.write().unwrap().take();
        works(&ground, &blob).await;
        assert!(line.is_some());
    }
}
