//! What the configuration sets for the engine.

use std::time::Duration;

use super::directory::MappingField;
use super::key_cache::Bounds;

#[derive(Clone, Debug)]
pub struct MessageLimits {
    /// Depth, items and bytes of one message.
    pub ttlv: ttlv::Limits,
    /// Batch items of one message.
    pub batch: usize,
    /// Bytes of one answer, whatever the client allows.
    pub response: usize,
    /// Identifiers that one Locate answers at the most.
    pub located: u32,
}

impl Default for MessageLimits {
    fn default() -> Self {
        MessageLimits {
            ttlv: ttlv::Limits::default(),
            batch: 1000,
            response: 8 << 20,
            located: 10_000,
        }
    }
}

/// What the issuing authority gives, and whom Validate believes.
#[derive(Clone, Debug)]
pub struct CertificateSettings {
    /// The longest time for which a certificate is issued, in seconds.
    pub longest: i64,
    /// Where the authority's revocation list is; `{tenant}` stands for the tenant's name.
    pub list_url: Option<String>,
    /// PEM files of authorities that Validate believes besides the tenant's own.
    pub trusted: Vec<std::path::PathBuf>,
    /// Files of revocation lists, read at each Validate.
    pub revocations: Vec<std::path::PathBuf>,
}

impl Default for CertificateSettings {
    fn default() -> Self {
        CertificateSettings {
            longest: 397 * 86_400,
            list_url: None,
            trusted: Vec::new(),
            revocations: Vec::new(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of this node in the audit log and in correlation values.
    pub node: String,
    pub limits: MessageLimits,
    pub mapping: Vec<MappingField>,
    pub strict_audit: bool,
    /// Directory outside the database for the newest checkpoints.
    pub anchor: Option<std::path::PathBuf>,
    /// Whether the Interop operation is served (2.1 §6.1.26 forbids it in production).
    pub interop: bool,
    /// Whether KMIP over HTTPS is served, too.
    pub https: bool,
    /// Directory of the archive; None: Archive is refused.
    pub archive: Option<std::path::PathBuf>,
    /// How long a file of the archive may be without a row that names it.
    pub archive_orphans: std::time::Duration,
    /// Seconds; the value of a new object's Lease Time (2.1 §4.30).
    pub lease_time: u32,
    pub certificates: CertificateSettings,
    /// How often keys whose rotation is due are looked for.
    pub rotation: Duration,
    /// Rows per second that are moved to new versions of their keys at the most; 0: without bound.
    pub rewrap_rate: u64,
    /// Of keys of class *cached*.
    pub cached: Bounds,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            node: "node".to_owned(),
            limits: MessageLimits::default(),
            mapping: vec![MappingField::Fingerprint],
            strict_audit: false,
            anchor: None,
            interop: false,
            https: false,
            archive: None,
            archive_orphans: std::time::Duration::from_secs(7 * 86_400),
            lease_time: 3600,
            certificates: CertificateSettings::default(),
            rotation: Duration::from_secs(60),
            rewrap_rate: 1000,
            cached: Bounds::default(),
        }
    }
}
