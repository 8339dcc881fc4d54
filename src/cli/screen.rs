//! What quickstart shows. Everything on it can be pasted.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::quickstart;
use super::serve::Addresses;
use crate::config::{Config, Isolation, TokenSource};
use crate::pki::{Pair, Pki};

/// Discover Versions in KMIP 1.4 with nothing asked for: the smallest request that is answered.
const DISCOVER_VERSIONS: &str = "QgB4AQAAAGBCAHcBAAAAOEIAaQEAAAAgQgBqAgAAAAQAAAABAAAAAEIAawIAAAAEAAAABAAAAABCAA0CAAAABAAAAAEAAAAAQgAPAQAAABhCAFwFAAAABAAAAB4AAAAAQgB5AQAAAAA=";

/// The line that scripts wait for.
pub(super) fn ready(addresses: Addresses) {
    let named = |name, address: Option<SocketAddr>| {
        let shown = address.map(|address| format!(" {name}={address}"));
        shown.unwrap_or_default()
    };
    let (legacy, https) = (
        named("legacy", addresses.legacy),
        named("https", addresses.https),
    );
    println!("ready kmip={}{legacy}{https}", addresses.kmip);
    // Not a terminal: scripts read it through a pipe.
    let _ = std::io::stdout().flush();
}

pub(super) fn quickstart(config: &Config, addresses: Addresses, pki: &Pki, client: &Pair) {
    print!("{}", text(config, addresses, pki, client));
}

fn text(config: &Config, addresses: Addresses, pki: &Pki, client: &Pair) -> String {
    let kmip = reachable(addresses.kmip);
    let (ca, cert, key) = (pki.bundle(), client.certificate.clone(), client.key.clone());
    let (ca, cert, key) = (ca.display(), cert.display(), key.display());
    let token = match &config.token_source {
        TokenSource::Embedded { directory } => {
            let apart = match config.token.isolation {
                Isolation::None => "",
                Isolation::Process => " in a process of its own",
            };
            format!("embedded{apart}, {}", directory.display())
        }
        TokenSource::Module { path, label, .. } => format!("{label}, {}", path.display()),
    };
    let database = quickstart::shown(&config.database.url);
    let mut text = format!(
        "\nKeyward {version}\n\n  \
           KMIP      {kmip}\n  \
           CA        {ca}\n  \
           client    {cert}\n            {key}\n  \
           database  {database}\n  \
           token     {token}\n\n\
         With PyKMIP:\n\n\
         from kmip.pie.client import ProxyKmipClient, enums\n\
         with ProxyKmipClient(hostname=\"{host}\", port={port},\n        \
             cert=\"{cert}\",\n        \
             key=\"{key}\",\n        \
             ca=\"{ca}\") as client:\n    \
             uid = client.create(enums.CryptographicAlgorithm.AES, 256)\n    \
             print(uid, client.get(uid))\n\n",
        version = env!("CARGO_PKG_VERSION"),
        host = kmip.ip(),
        port = kmip.port(),
    );
    let _ = match addresses.https.map(reachable) {
        Some(https) => writeln!(
            text,
            "With curl (Discover Versions; /metrics takes the same certificate):\n\n\
             echo {DISCOVER_VERSIONS} | base64 -d |\n  \
             curl --cacert {ca} --cert {cert} --key {key} \\\n    \
             -H 'Content-Type: application/octet-stream' --data-binary @- https://{https}/kmip | od -A d -t x1\n",
        ),
        None => writeln!(text, "With curl: start with --https 127.0.0.1:5697\n"),
    };
    if config.server.interop {
        text.push_str("WARNING: --interop is on. It is for test suites only.\n\n");
    }
    text
}

/// An address a client on this host can use: nobody connects to 0.0.0.0.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
