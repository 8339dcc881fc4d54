#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::super::{DatabaseUrl, Isolation, MinimumTls};
use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(file.path()), environment)
}

fn error(text: &str) -> String {
    load(text, &[]).unwrap_err().to_string()
}

#[test]
fn the_documented_file_is_the_one_in_the_repository_and_changes_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/keyward.toml");
    let documented = Config::documented();
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == documented,
        "config/keyward.toml is not what `keyward config show` prints"
    );
    let table: Table = documented.parse().unwrap();
    let keys = flatten(table).unwrap();
    assert_eq!(keys.len(), KEYS.len());
    for row in KEYS {
        let text = keys
            .get(&(row.section.to_owned(), row.key.to_owned()))
            .unwrap();
        assert_eq!(text, row.default, "{}", row.name());
        assert!(!row.meaning.is_empty(), "{} is not explained", row.name());
    }
}

#[test]
fn file_and_environment_set_values_and_the_environment_wins() {
    let text = "listen = '0.0.0.0:1234'\n[tls]\nminimum = '1.3'\nclient_ca = ['a.pem', '/b.pem']\n[limits]\ndepth = 20\nidle = '2m'";
    let loaded = load(
        text,
        &[
            ("KEYWARD_LIMITS_DEPTH", "21"),
            ("KEYWARD_HTTPS_LISTEN", "[::1]:443"),
        ],
    )
    .unwrap();
    let config = loaded.config;
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:1234");
    assert_eq!(config.tls.minimum, MinimumTls::Tls13);
    assert_eq!(config.limits.depth.get(), 21);
    assert_eq!(config.limits.idle.get(), Duration::from_secs(120));
    assert_eq!(
        config.https.listen.map(|address| address.host().to_owned()),
        Some("::1".to_owned())
    );
    let authorities = config.tls.client_ca;
    assert!(
        authorities.first().unwrap().is_absolute(),
        "relative to the file: {authorities:?}"
    );
    assert_eq!(authorities.get(1).unwrap(), Path::new("/b.pem"));
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_nearest() {
    assert_eq!(
        error("[tls]\nminimun = '1.3'"),
        "there is no key tls.minimun; did you mean tls.minimum?"
    );
    assert_eq!(
        error("lisen = 'x'"),
        "there is no key lisen; did you mean listen?"
    );
    assert_eq!(
        error("[tls]\npin_file = 'x'"),
        "there is no key tls.pin_file; did you mean token.pin_file?"
    );
    assert_eq!(
        error("[limit]\ndepth = 9"),
        "there is no key limit.depth; did you mean limits.depth?"
    );
    assert_eq!(error("zzzzzz = 1"), "there is no key zzzzzz");
}

#[test]
fn an_unknown_variable_is_a_warning_only_when_it_looks_like_one_of_ours() {
    let loaded = load(
        "",
        &[
            ("KEYWARD_TLS_MINIMUN", "1.3"),
            ("KEYWARD_PORT_5696_TCP_ADDR", "10.0.0.1"),
        ],
    )
    .unwrap();
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    assert!(
        loaded
            .warnings
            .first()
            .unwrap()
            .contains("KEYWARD_TLS_MINIMUM")
    );
}

#[test]
fn values_out_of_range_say_what_is_expected() {
    assert_eq!(
        error("[limits]\ndepth = 1"),
        "limits.depth = \"1\": expected a number from 8 to 128"
    );
    assert_eq!(
        error("[limits]\ndepth = -1"),
        "limits.depth = \"-1\": expected a number from 8 to 128"
    );
    assert!(error("[limits]\nidle = 30").contains("30s, 10m or 1h"));
    assert!(error("listen = ':5696'").contains("HOST:PORT"));
    assert!(error("listen = '[::1:5696'").contains("HOST:PORT"));
    assert!(error("[tls]\nclient_ca = 'a.pem'").contains("array"));
    assert!(error("interop = 'maybe'").contains("true or false"));
    assert!(error("interop = [\n").contains("line"));
}

#[test]
fn a_database_url_is_shown_nowhere() {
    let text = error("[database]\nurl = 'mysql://user:geheim@host/db'");
    assert!(!text.contains("geheim"), "{text}");
    let config = load("[database]\nurl = 'postgres://user:geheim@host/db'", &[])
        .unwrap()
        .config;
    assert!(matches!(config.database.url, DatabaseUrl::Postgres(_)));
    assert!(!format!("{config:?}").contains("geheim"));
}

#[test]
fn only_embedded_tokens_have_a_process() {
    let module = "[token]\nisolation = 'process'\nkind = 'module'\npath = '/x.so'\nlabel = 'l'\npin_file = '/pin'";
    assert!(error(module).contains("embedded"));
    let beside = format!("{module}\nreplicas = ['embedded:/second']");
    for text in ["[token]\nisolation = 'process'", &beside] {
        let config = load(text, &[]).unwrap().config;
        assert_eq!(config.token.isolation, Isolation::Process);
    }
    assert!(error("[token]\nisolation = 'thread'").contains("none, process"));
}

#[test]
fn a_module_needs_its_label_and_pin() {
    assert!(error("[token]\nkind = 'module'\npath = '/x.so'").contains("token.label"));
    assert!(
        error("[token]\nkind = 'module'\npath = '/x.so'\nlabel = 'l'").contains("token.pin_file")
    );
    let text = "[token]\nkind = 'module'\npath = '/x.so'\nlabel = 'l'\npin_file = '/pin'";
    assert!(matches!(
        load(text, &[]).unwrap().config.token_source,
        TokenSource::Module { .. }
    ));
}
