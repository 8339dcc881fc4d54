//! The authorities that `quickstart` makes, and the certificates they sign.
//!
//! Two authorities with separate keys: one vouches for the server, one for clients. A third, the
//! one behind Certify, has its key in the token (`engine::authority`) and is never trusted for
//! client identities (DESIGN §6). All keys are P-256 in PKCS#8, which every client reads.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::secret::{Zeroizing, private_directory, write_private};

const AUTHORITY_DAYS: i64 = 20 * 365;
/// Some clients refuse server certificates that live longer (the CA/Browser Forum's old limit).
const LEAF_DAYS: i64 = 825;
/// A server certificate that expires within this time is made anew at start.
const RENEW_DAYS: i64 = 30;
/// Clocks of clients are wrong by minutes.
const BACKDATE: Duration = Duration::hours(1);

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("{path}: {cause}")]
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error(
        "{path} is not what was written there ({what}): put it back from a copy, or move it away with its key to have both made anew"
    )]
    Damaged { path: PathBuf, what: String },
    #[error("the certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("{0} exists already; nothing was changed")]
    Exists(PathBuf),
    #[error(
        "{0:?} cannot be a client's name: 1 to 64 letters, digits, dots, dashes, underscores and @"
    )]
    Name(String),
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The directory `pki` of an installation.
#[derive(Clone, Debug)]
pub struct Pki {
    directory: PathBuf,
}

/// Whose certificates an authority signs.
#[derive(Clone, Copy, Debug)]
enum Authority {
    Server,
    Client,
}

impl Authority {
    fn stem(self) -> &'static str {
        match self {
            Authority::Server => "server-ca",
            Authority::Client => "client-ca",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Authority::Server => "Keyward server CA",
            Authority::Client => "Keyward client CA",
        }
    }
}

impl Pki {
    /// Makes in `directory` what is missing: both authorities and a server certificate for
    /// localhost, this host's name and `hosts`. What is there stays, but a server certificate
    /// that expires soon or lacks one of these names is replaced.
    pub fn open(directory: &Path, hosts: &[String]) -> Result<Pki, PkiError> {
        private_directory(directory).map_err(|cause| PkiError::File {
            path: directory.to_owned(),
            cause,
        })?;
        let pki = Pki {
            directory: directory.to_owned(),
        };
        for authority in [Authority::Server, Authority::Client] {
            if !pki.path(authority.stem(), "key").exists() {
                pki.make_authority(authority)?;
            }
        }
        let bundle = read(&pki.path(Authority::Server.stem(), "pem"))?;
        if read(&pki.bundle()).ok().as_ref() != Some(&bundle) {
            write(&pki.bundle(), bundle.as_bytes())?;
        }
        let names = server_names(hosts);
        if !pki.server_is_good(&names)? {
            pki.make_server(&names)?;
        }
        Ok(pki)
    }

    /// What a client must trust to trust the server.
    pub fn bundle(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The authority of client identities.
    pub fn client_authority(&self) -> PathBuf {
        self.path(Authority::Client.stem(), "pem")
    }

    pub fn server(&self) -> Pair {
        self.pair("server")
    }

    /// The first client's certificate and key; made if missing, with `name` as Common Name.
    pub fn first_client(&self, name: &str) -> Result<Pair, PkiError> {
        let pair = self.pair("client");
        if !pair.certificate.exists() || !pair.key.exists() {
            self.issue(name, &pair)?;
        }
        Ok(pair)
    }

    /// A new client identity's certificate and key, in `NAME.pem` and `NAME.key` of `directory`.
    /// Nothing that exists is overwritten.
    pub fn client(&self, name: &str, directory: &Path) -> Result<Pair, PkiError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_@".contains(c);
        // Also a file's name, so nothing that leads elsewhere.
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(allowed)
        {
            return Err(PkiError::Name(name.to_owned()));
        }
        let pair = Pair {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
        };
        for path in [&pair.certificate, &pair.key] {
            if path.exists() {
                return Err(PkiError::Exists(path.clone()));
            }
        }
        if !directory.exists() {
            private_directory(directory).map_err(|cause| PkiError::File {
                path: directory.to_owned(),
                cause,
            })?;
        }
        self.issue(name, &pair)?;
        Ok(pair)
    }

    fn path(&self, stem: &str, extension: &str) -> PathBuf {
        self.directory.join(format!("{stem}.{extension}"))
    }

    fn pair(&self, stem: &str) -> Pair {
        Pair {
            certificate: self.path(stem, "pem"),
            key: self.path(stem, "key"),
        }
    }

    fn make_authority(&self, authority: Authority) -> Result<(), PkiError> {
        let mut params = params(authority.name(), AUTHORITY_DAYS);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.self_signed(&key)?;
        self.pair(authority.stem()).store(&certificate, &key)
    }

    fn issuer(&self, authority: Authority) -> Result<Issuer<'static, KeyPair>, PkiError> {
        let pair = self.pair(authority.stem());
        let key = Zeroizing::new(read(&pair.key)?);
        let damaged = |path: &Path| {
            let path = path.to_owned();
            // Not the cause's own words: they may quote the key.
            move |_| PkiError::Damaged {
                path,
                what: "PEM expected".to_owned(),
            }
        };
        let key = KeyPair::from_pem(&key).map_err(damaged(&pair.key))?;
        Issuer::from_ca_cert_pem(&read(&pair.certificate)?, key).map_err(damaged(&pair.certificate))
    }

    fn make_server(&self, names: &[SanType]) -> Result<(), PkiError> {
        let mut params = params("Keyward server", LEAF_DAYS);
        params.subject_alt_names = names.to_vec();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Veeam and others ask the server's certificate for both.
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer(Authority::Server)?)?;
        self.server().store(&certificate, &key)
    }

    fn issue(&self, name: &str, pair: &Pair) -> Result<(), PkiError> {
        let mut params = params(name, LEAF_DAYS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer(Authority::Client)?)?;
        pair.store(&certificate, &key)
    }

    /// Whether the server's certificate is there, lasts and has all `names`.
    fn server_is_good(&self, names: &[SanType]) -> Result<bool, PkiError> {
        let pair = self.server();
        if !pair.certificate.exists() || !pair.key.exists() {
            return Ok(false);
        }
        let damaged = |what: String| PkiError::Damaged {
            path: pair.certificate.clone(),
            what,
        };
        let der =
            CertificateDer::from_pem_file(&pair.certificate).map_err(|e| damaged(e.to_string()))?;
        let (_, certificate) =
            x509_parser::parse_x509_certificate(&der).map_err(|e| damaged(e.to_string()))?;
        let due = OffsetDateTime::now_utc() + Duration::days(RENEW_DAYS);
        if certificate.validity().not_after.timestamp() < due.unix_timestamp() {
            return Ok(false);
        }
        let present = certificate.subject_alternative_name().ok().flatten();
        let present = present
            .map(|extension| extension.value.general_names.as_slice())
            .unwrap_or_default();
        Ok(names
            .iter()
            .all(|name| present.iter().any(|other| same_name(name, other))))
    }
}

impl Pair {
    /// The key first: a certificate without its key would look finished.
    fn store(&self, certificate: &Certificate, key: &KeyPair) -> Result<(), PkiError> {
        write(&self.key, Zeroizing::new(key.serialize_pem()).as_bytes())?;
        write(&self.certificate, certificate.pem().as_bytes())
    }
}

fn params(common_name: &str, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - BACKDATE;
    params.not_after = now + Duration::days(days);
    params.serial_number = Some(SerialNumber::from_slice(Uuid::new_v4().as_bytes()));
    params
}

fn server_names(hosts: &[String]) -> Vec<SanType> {
    let own = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    let mut names: Vec<SanType> = Vec::new();
    let known = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    for host in known.into_iter().chain(own).chain(hosts.iter().cloned()) {
        let name = match host.parse::<IpAddr>() {
            // All addresses is no address a client could ask for.
            Ok(address) if address.is_unspecified() => continue,
            Ok(address) => SanType::IpAddress(address),
            Err(_) => match host.try_into() {
                Ok(name) => SanType::DnsName(name),
                Err(_) => continue,
            },
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn same_name(ours: &SanType, theirs: &x509_parser::prelude::GeneralName<'_>) -> bool {
    use x509_parser::prelude::GeneralName;
    match (ours, theirs) {
        (SanType::DnsName(ours), GeneralName::DNSName(theirs)) => ours.as_str() == *theirs,
        (SanType::IpAddress(IpAddr::V4(ours)), GeneralName::IPAddress(theirs)) => {
            ours.octets() == **theirs
        }
        (SanType::IpAddress(IpAddr::V6(ours)), GeneralName::IPAddress(theirs)) => {
            ours.octets() == **theirs
        }
        _ => false,
    }
}

fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|cause| PkiError::File {
        path: path.to_owned(),
        cause,
    })
}

fn write(path: &Path, content: &[u8]) -> Result<(), PkiError> {
    write_private(path, content).map_err(|cause| PkiError::File {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_second_opening_changes_nothing_and_a_new_host_only_the_server() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("pki");
        let pki = Pki::open(&directory, &[]).unwrap();
        pki.first_client("first").unwrap();
        let files = [
            "ca.pem",
            "server-ca.key",
            "client-ca.key",
            "server.pem",
            "server.key",
            "client.key",
        ];
        let contents = || files.map(|file| fs::read(directory.join(file)).unwrap());
        let before = contents();
        Pki::open(&directory, &[])
            .unwrap()
            .first_client("first")
            .unwrap();
        assert_eq!(contents(), before);
        Pki::open(&directory, &["10.1.2.3".to_owned()]).unwrap();
        let after = contents();
        assert_eq!(after[..3], before[..3]);
        assert_ne!(after[3], before[3]);
        assert_eq!(after[5], before[5]);
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{entry:?}"
            );
        }
    }

    #[test]
    fn a_client_name_that_leads_elsewhere_is_refused_and_nothing_is_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let pki = Pki::open(&home.path().join("pki"), &[]).unwrap();
        for name in ["", "../x", "a/b", ".hidden", "a b", "é", &"x".repeat(65)] {
            assert!(
                matches!(pki.client(name, home.path()), Err(PkiError::Name(_))),
                "{name}"
            );
        }
        pki.client("backup-1", home.path()).unwrap();
        assert!(matches!(
            pki.client("backup-1", home.path()),
            Err(PkiError::Exists(_))
        ));
    }
}
