//! PostgreSQL over TLS, on a cluster of its own that has it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyward::store::{Store, StoreError};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384,
};

use crate::postgres::{self, Cluster};

/// A cluster that serves `secured` (password) and `certified` (client certificate) over TLS alone.
struct Ground {
    cluster: Cluster,
    files: tempfile::TempDir,
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Its signatures are made with SHA-384, so the channel is bound by that.
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

fn issue(authority: &Issuer<'_, KeyPair>, name: &str) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A file that the database's user alone can read, as PostgreSQL wants it.
fn give(cluster: &Cluster, name: &str, text: &str) {
    let (path, like) = (
        cluster.directory.join("data").join(name),
        &cluster.directory,
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let owner = Command::new("chown")
        .arg("--reference")
        .arg(like)
        .arg(&path)
        .status();
    assert!(owner.unwrap().success());
}

impl Ground {
    fn make() -> Option<Ground> {
        let cluster = Cluster::start(false)?;
        let files = tempfile::tempdir().unwrap();
        let keep = |name: &str, text: &str| std::fs::write(files.path().join(name), text).unwrap();
        let (ours, pem) = authority("ours");
        keep("ca.pem", &pem);
        give(&cluster, "ca.pem", &pem);
        keep("other.pem", &authority("another").1);
        let (certificate, key) = issue(&ours, "localhost");
        give(&cluster, "server.crt", &certificate);
        give(&cluster, "server.key", &key);
        let (certificate, key) = issue(&ours, "certified");
        keep("client.pem", &certificate);
        keep("client.key", &key);
        let rules = cluster.directory.join("data/pg_hba.conf");
        let trusting = std::fs::read_to_string(&rules).unwrap();
        let rules = "hostssl all secured all scram-sha-256\nhost all secured all reject\n\
                     hostssl all certified all cert\nhost all certified all reject\n";
        give(&cluster, "pg_hba.conf", &format!("{rules}{trusting}"));
        for sql in [
            "CREATE ROLE secured SUPERUSER LOGIN PASSWORD 'a secret'",
            "CREATE ROLE certified SUPERUSER LOGIN",
            "ALTER SYSTEM SET ssl_ca_file = 'ca.pem'",
            "ALTER SYSTEM SET ssl = on",
            "SELECT pg_reload_conf()",
        ] {
            cluster.sql("postgres", sql);
        }
        // It takes a moment.
        std::thread::sleep(std::time::Duration::from_millis(500));
        Some(Ground { cluster, files })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    async fn open(&self, who: &str, host: &str, more: &str) -> Result<Store, StoreError> {
        let path = self.cluster.database();
        let name = path.rsplit('/').next().unwrap();
        let url = format!(
            "postgres://{who}@{host}:{}/{name}?{more}",
            self.cluster.port
        );
        Store::open(&url).await
    }

    /// Opens; whether its connections are encrypted.
    async fn encrypts(&self, who: &str, host: &str, more: &str) -> bool {
        let store = self.open(who, host, more).await.unwrap();
        store.ping().await.unwrap();
        let user = who.split(':').next().unwrap();
        let count = |ssl: bool| {
            let sql = format!(
                "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name = 'keyward' AND usename = '{user}' AND ssl = {ssl}"
            );
            self.cluster.sql("postgres", &sql).parse::<u32>().unwrap()
        };
        let (encrypted, clear) = (count(true), count(false));
        assert!((encrypted == 0) != (clear == 0), "{encrypted} {clear}");
        store.close().await;
        encrypted > 0
    }

    async fn refuses(&self, who: &str, host: &str, more: &str) -> String {
        match self.open(who, host, more).await {
            Err(StoreError::Unavailable(why) | StoreError::Damaged(why)) => why,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it connects: {who}@{host} {more}"),
        }
    }
}

fn roots(path: &Path) -> String {
    format!("sslrootcert={}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_certificate_is_checked_as_the_mode_says() {
    let Some(ground) = Ground::make() else { return };
    let (ca, other) = (
        roots(&ground.file("ca.pem")),
        roots(&ground.file("other.pem")),
    );
    let secured = "secured:a%20secret";
    let bound = "channel_binding=require";
    let full = format!("sslmode=verify-full&{ca}&{bound}");
    assert!(ground.encrypts(secured, "localhost", &full).await);
    let why = ground.refuses(secured, "127.0.0.1", &full).await;
    assert!(why.contains("not valid for name"), "{why}");
    let chain = format!("sslmode=verify-ca&{ca}&{bound}");
    assert!(ground.encrypts(secured, "127.0.0.1", &chain).await);
    for mode in ["verify-full", "verify-ca", "require"] {
        let why = ground
            .refuses(secured, "localhost", &format!("sslmode={mode}&{other}"))
            .await;
        assert!(why.contains("UnknownIssuer"), "{mode}: {why}");
    }
    assert!(
        ground
            .encrypts(secured, "127.0.0.1", &format!("sslmode=require&{bound}"))
            .await
    );
    assert!(
        ground
            .encrypts(secured, "127.0.0.1", "sslmode=prefer")
            .await
    );
    let why = ground
        .refuses(secured, "localhost", "sslmode=disable")
        .await;
    assert!(why.contains("pg_hba"), "{why}");
    assert!(!why.contains("a secret"));
    assert!(
        !ground.encrypts("postgres", "localhost", "").await,
        "it stays on this host"
    );

    let certified = format!(
        "sslmode=verify-full&{ca}&sslcert={}&sslkey={}",
        ground.file("client.pem").display(),
        ground.file("client.key").display()
    );
    assert!(ground.encrypts("certified", "localhost", &certified).await);
    ground
        .refuses(
            "certified",
            "localhost",
            &format!("sslmode=verify-full&{ca}"),
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_not_spoken_to_where_it_is_asked_for() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let opened = Store::open(&format!("{url}?sslmode=require")).await;
    let why = opened.err().unwrap().to_string();
    assert!(why.contains("server does not support TLS"), "{why}");
    assert!(Store::open(&format!("{url}?sslmode=prefer")).await.is_ok());
}
