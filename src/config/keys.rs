//! Every key, once: its section, name, type, default and what it means.

use std::path::{Path, PathBuf};

use super::load::{ConfigError, Raw, TokenSource};
use super::replica::Replica;
use super::setting::{
    Address, DatabaseUrl, IdentityMapping, Isolation, LogFormat, MinimumTls, Seconds, Setting,
    Text, TokenKind, Within,
};

/// A row of the table, for what needs no type: documentation, environment, errors.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub section: &'static str,
    pub key: &'static str,
    /// As it would stand in the environment; empty where there is none.
    pub default: &'static str,
    /// Lines of documentation.
    pub meaning: &'static [&'static str],
    pub(super) quoted: bool,
    pub(super) list: bool,
}

macro_rules! settings {
    ($($(#[doc = $about:literal])* $section:ident : $Struct:ident {
        $($(#[doc = $meaning:literal])* $key:ident : $ty:ty = $default:literal;)*
    })*) => {
        $($(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub struct $Struct {
            $($(#[doc = $meaning])* pub $key: $ty,)*
        })*

        /// A configuration that can be served: every value is of its type and in its range, and
        /// they agree with each other. Paths are absolute or relative to the working directory.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[doc = $about])* pub $section: $Struct,)*
            /// `token` read as a whole.
            pub token_source: TokenSource,
        }

        /// Sections in the file's order, with what they are about.
        pub(super) const SECTIONS: &[(&str, &[&str])] = &[$((stringify!($section), &[$($about),*]),)*];

        /// All keys in the file's order.
        pub(super) const KEYS: &[Key] = &[$($(Key {
            section: stringify!($section),
            key: stringify!($key),
            default: $default,
            meaning: &[$($meaning),*],
            quoted: <$ty as Setting>::QUOTED,
            list: <$ty as Setting>::LIST,
        },)*)*];

        impl Config {
            pub(super) fn build(raw: &Raw, base: &Path) -> Result<Config, ConfigError> {
                let mut config = Config {
                    $($section: $Struct {
                        $($key: raw.get(stringify!($section), stringify!($key), $default, base)?,)*
                    },)*
                    token_source: TokenSource::Embedded { directory: PathBuf::new() },
                };
                config.token_source = TokenSource::of(&config.token)?;
                Ok(config)
            }
        }
    };
}

settings! {
    /// The server as a whole.
    server: Server {
        /// Where KMIP (TTLV over TLS) is served, HOST:PORT. 0.0.0.0 or [::] stand for all
        /// addresses, port 0 for a free one.
        listen: Address = "127.0.0.1:5696";
        /// This node's name in the audit log: letters, digits, dots, dashes. Two servers on one
        /// database must not share it.
        node: Text = "main";
        /// Answer the Interop operation, with which test suites announce themselves. Never in
        /// production.
        interop: bool = "false";
        /// How often the server looks for keys whose automatic rotation is due (Rotate Automatic and
        /// Rotate Interval), and makes new ones in their place.
        rotation: Seconds<1, 86_400> = "60s";
        /// Keep all memory out of swap. Needs the right to lock memory without bound
        /// (systemd: LimitMEMLOCK=infinity).
        lock_memory: bool = "false";
    }
    /// KMIP over HTTPS (POST /kmip), and /healthz, /readyz and /metrics.
    https: Https {
        /// HOST:PORT; empty: not served.
        listen: Option<Address> = "";
        /// Let clients without a certificate see /healthz and /readyz. Everything else always
        /// asks for one.
        probes_without_certificate: bool = "true";
    }
    /// Certificates, in PEM. They are read again when a file changes and on SIGHUP.
    tls: TlsFiles {
        /// The server's certificate, followed by the intermediates up to its authority.
        certificate: PathBuf = "server.pem";
        /// Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted, readable only by the server.
        key: PathBuf = "server.key";
        /// Authorities whose client certificates are accepted. Certificates of others can be
        /// registered one by one with `keyward client add`.
        client_ca: Vec<PathBuf> = "client-ca.pem";
        /// The lowest version: "1.2" or "1.3".
        minimum: MinimumTls = "1.2";
        /// Revocation lists of the authorities above, one after the other; empty: none.
        crl: Option<PathBuf> = "";
        /// Refuse certificates whose authority has no list in `crl`, and all once it has expired.
        crl_complete: bool = "false";
        /// How often the files are looked at for changes.
        watch: Seconds<1, 86_400> = "10s";
    }
    /// A second port for KMIP, for appliances that cannot do the suites of the first: TLS 1.2 with CBC,
    /// finite-field and RSA key exchange. Weaker than the first; leave it off unless a client needs it,
    /// and let only that client reach it. Authorities, revocation and limits are the first port's.
    legacy: Legacy {
        /// HOST:PORT; empty: not served.
        listen: Option<Address> = "";
        /// The certificate that it shows, and its intermediates; empty: `tls.certificate`. Clients that
        /// exchange keys by RSA need one with an RSA key.
        certificate: Option<PathBuf> = "";
        /// Its private key; empty: `tls.key`.
        key: Option<PathBuf> = "";
    }
    /// Where keys (wrapped) and everything else are kept.
    database: Database {
        /// "sqlite:PATH" or "postgres://USER:PASSWORD@HOST/NAME". With a password in it, better
        /// set it by environment.
        /// PostgreSQL over a network: end the URL with
        /// `?sslmode=verify-full&sslrootcert=FILE` (and `&sslcert=FILE&sslkey=FILE` where it wants
        /// a certificate). The modes are libpq's: disable, prefer, require, verify-ca,
        /// verify-full; without one it is disable on this host and prefer elsewhere, which proves
        /// nothing.
        url: DatabaseUrl = "sqlite:keyward.db";
        /// The same database as a role that may change the schema; empty: the role above.
        migrate_url: Option<DatabaseUrl> = "";
        /// Connections kept to PostgreSQL.
        connections: Within<1, 1024> = "16";
    }
    /// The PKCS#11 token whose masters protect every key.
    token: Token {
        /// "embedded": the token inside this program. "module": a PKCS#11 library.
        kind: TokenKind = "embedded";
        /// Embedded: the directory of its store. Module: the library's file.
        path: PathBuf = "token";
        /// Module: the label that finds the token among the library's slots.
        label: Option<Text> = "";
        /// Module: a file that holds the user's PIN and nothing else, mode 0600.
        pin_file: Option<PathBuf> = "";
        /// Module: keys in it are protected by hardware (Protection Storage Mask says so).
        hardware: bool = "false";
        /// Further tokens with the same masters (docs/tokens.md): "embedded:DIRECTORY" or
        /// "pkcs11:token=LABEL?module-path=LIBRARY&pin-source=FILE". Requests go to the first token
        /// that serves.
        replicas: Vec<Replica> = "";
        /// "process": every embedded token has a process of its own while the server runs, so that what
        /// is disclosed of the server's memory is not the token's; calls take longer
        /// (docs/classes.md). "none": it is in the server.
        isolation: Isolation = "none";
        /// Threads that talk to the token, each with a session of its own.
        workers: Within<1, 256> = "4";
        /// After a rotation, rows per second that this server moves to the new key at the most;
        /// 0: as many as it can.
        rewrap_rate: Within<0, 1_000_000> = "1000";
        /// Managed keys that stay loaded in the token for their next use, which is then one call; the
        /// one not used for longest makes room.
        loaded_keys: Within<1, 1_000_000> = "4096";
    }
    /// Keys of class "cached", for tenants that allow it (`keyward tenant class`).
    cached: CachedKeys {
        /// Keys that are kept in clear in the server's memory, each in a page (4 KiB) that is locked.
        keys: Within<1, 1_000_000> = "1000";
        /// For how long, from when a key came out of the database.
        age: Seconds<1, 3600> = "60s";
    }
    /// Bounds on what one client may ask. Durations are numbers with s, m or h.
    limits: Limits {
        /// Largest request, in bytes.
        message_bytes: Within<1024, 67_108_864> = "1048576";
        /// Largest answer, in bytes; a client may ask for less.
        response_bytes: Within<1024, 67_108_864> = "8388608";
        /// Structures inside structures.
        depth: Within<8, 128> = "32";
        /// Fields of a message, in all.
        items: Within<64, 1_000_000> = "65536";
        /// Items of a batch.
        batch: Within<1, 10_000> = "256";
        /// Connections per port; more wait to be accepted.
        connections: Within<1, 1_000_000> = "4096";
        /// From accepting a connection to the end of its TLS handshake.
        handshake: Seconds<1, 3600> = "10s";
        /// A connection without requests is closed after this.
        idle: Seconds<1, 86_400> = "10m";
        /// From a request's first byte to its last.
        request: Seconds<1, 3600> = "30s";
        /// For a client to take an answer.
        response: Seconds<1, 3600> = "30s";
        /// For requests under way when the server is told to end.
        drain: Seconds<1, 3600> = "20s";
        /// Lease Time of new objects: after this, clients ask again (Obtain Lease) before they use
        /// what they cached. 0s: without end.
        lease: Seconds<0, 4_294_967_295> = "1h";
    }
    /// The log of every decision.
    audit: Audit {
        /// Write the record of a read before it is answered, not up to 100 ms later, and the intent
        /// of a change before it is made.
        strict: bool = "false";
        /// The directory where the newest signed checkpoint is kept outside the database; empty:
        /// nowhere. Leave it out of the database's backups.
        anchor: Option<PathBuf> = "anchor";
    }
    /// Where Archive puts keys that are rarely needed, wrapped as they are in the database.
    archive: ArchivePlace {
        /// A directory, such as one on slower storage; empty: Archive is refused. All servers on
        /// one database share it, and both are backed up together.
        directory: Option<PathBuf> = "archive";
        /// Files that their objects do not need, left by a crash, are removed when they are this old:
        /// longer than it takes to find that a wrong backup of the database was restored.
        orphans: Seconds<1, 31_536_000> = "168h";
    }
    /// From certificate to identity.
    identity: Identity {
        /// What of a client's certificate names it: "fingerprint", "subject", "cn", "san-dns",
        /// "san-email" or "san-uri".
        mapping: IdentityMapping = "fingerprint";
    }
    /// Certificates that Certify issues, and whom Validate believes.
    certificates: Certificates {
        /// The longest time for which a certificate is issued, in days; also where nothing is asked for.
        days: Within<1, 7300> = "397";
        /// Where you publish what `keyward certificate-authority crl` writes, such as
        /// "http://pki.example.com/{tenant}.crl"; issued certificates say so. Empty: they do not.
        crl_url: Option<Text> = "";
        /// Authorities, in PEM, that Validate believes besides the tenant's own.
        trusted: Vec<PathBuf> = "";
        /// Revocation lists, in PEM or DER, that Validate looks at; read again each time.
        crl: Vec<PathBuf> = "";
    }
    /// What the server says about itself, on standard error.
    log: Log {
        /// error, warn, info, debug, trace, or directives such as "info,keyward::net=debug".
        level: Text = "info";
        /// "text" or "json".
        format: LogFormat = "text";
    }
}
