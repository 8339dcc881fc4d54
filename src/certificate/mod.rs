//! X.509 certificates as an authority sees them: what a request asks for and proves, what is put
//! into a certificate, what a revocation list says, which paths hold.
//!
//! Nothing here knows a message, an object's row or the token: signatures are made by the caller
//! over the bytes it is given.

pub mod crmf;
pub mod extension;
pub mod issue;
pub mod path;
pub mod request;
pub mod revocation;
pub mod subject;
#[cfg(test)]
mod tests;

pub use request::Request;

/// Why there is no certificate. Never says anything secret: requests and certificates are public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is not what its Certificate Request Type says, or it does not prove its key.
    #[error("the certificate request {0}")]
    Request(&'static str),
    /// It is sound, but asks for what this authority gives to nobody.
    #[error("{0}")]
    Refused(&'static str),
    /// An attribute does not say what it must.
    #[error("{0}")]
    Attribute(&'static str),
    /// DER of our own making failed; a fault of this server.
    #[error("the certificate cannot be written: {0}")]
    Write(String),
}

impl From<x509_cert::builder::Error> for CertificateError {
    fn from(error: x509_cert::builder::Error) -> Self {
        CertificateError::Write(error.to_string())
    }
}

impl From<der::Error> for CertificateError {
    fn from(error: der::Error) -> Self {
        CertificateError::Write(error.to_string())
    }
}

impl From<spki::Error> for CertificateError {
    fn from(error: spki::Error) -> Self {
        CertificateError::Write(error.to_string())
    }
}
