//! Names in certificates by which an identity is known, on the command line.

use std::str::FromStr;

use clap::Args;
use x509_cert::name::Name;

use super::Failure;
use crate::config::IdentityMapping;
use crate::engine::directory::{DNS, subject_key};

/// One name; every certificate of a trusted authority that has it is this identity's.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Named {
    /// The subject of certificates that exist, such as `CN=array-7,O=Example` (RFC 4514, the most
    /// particular part first); needs identity.mapping = "subject".
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// A Common Name of their subject; needs identity.mapping = "cn".
    #[arg(long, value_name = "NAME")]
    cn: Option<String>,
    /// A DNS name among their alternative names; needs identity.mapping = "san-dns".
    #[arg(long, value_name = "NAME")]
    san_dns: Option<String>,
    /// A mail address among them; needs identity.mapping = "san-email".
    #[arg(long, value_name = "ADDRESS")]
    san_email: Option<String>,
    /// A URI among them; needs identity.mapping = "san-uri".
    #[arg(long, value_name = "URI")]
    san_uri: Option<String>,
}

impl Named {
    /// The key of the directory, where a name was given. `served` is what the server looks at.
    pub(super) fn key(&self, served: IdentityMapping) -> Result<Option<String>, Failure> {
        use IdentityMapping::{CommonName, SanDns, SanEmail, SanUri, Subject};
        let given = [
            (Subject, &self.subject),
            (CommonName, &self.cn),
            (SanDns, &self.san_dns),
            (SanEmail, &self.san_email),
            (SanUri, &self.san_uri),
        ];
        let given = given
            .into_iter()
            .find_map(|(by, name)| Some((by, name.as_deref()?)));
        let Some((by, name)) = given else {
            return Ok(None);
        };
        if by != served {
            return Err(Failure::Refused(format!(
                "the server knows clients by {:?}, so nobody would be found by this name: set \
                 identity.mapping = {:?} first, or register the certificate with --certificate",
                served.word(),
                by.word()
            )));
        }
        Ok(Some(match by {
            Subject => subject(name)?,
            SanDns => format!("{DNS}{}", name.to_ascii_lowercase()),
            by => format!("{}:{name}", by.word()),
        }))
    }
}

fn subject(text: &str) -> Result<String, Failure> {
    let name = Name::from_str(text).map_err(|_| {
        Failure::Refused(format!(
            "{text:?} is no subject; expected one such as CN=array-7,O=Example (RFC 4514)"
        ))
    })?;
    Ok(subject_key(&name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const NOTHING: Named = Named {
        subject: None,
        cn: None,
        san_dns: None,
        san_email: None,
        san_uri: None,
    };

    #[test]
    fn a_name_is_written_as_the_directory_has_it() {
        let subject = Named {
            subject: Some("CN=array-7,O=Example\\, Inc.,C=DE".to_owned()),
            ..NOTHING
        };
        let key = subject.key(IdentityMapping::Subject).unwrap();
        assert_eq!(
            key.as_deref(),
            Some(r"subject:CN=array-7,O=Example\, Inc.,C=DE")
        );
        let dns = Named {
            san_dns: Some("Array-7.Example".to_owned()),
            ..NOTHING
        };
        let key = dns.key(IdentityMapping::SanDns).unwrap();
        assert_eq!(key.as_deref(), Some("san-dns:array-7.example"));
        assert_eq!(NOTHING.key(IdentityMapping::SanDns).unwrap(), None);
        let common = Named {
            cn: Some("array-7".to_owned()),
            ..NOTHING
        };
        let key = common.key(IdentityMapping::CommonName).unwrap();
        assert_eq!(key.as_deref(), Some("cn:array-7"));
    }

    #[test]
    fn a_name_that_the_server_does_not_look_at_is_refused_and_so_is_no_name() {
        let subject = |text: &str| Named {
            subject: Some(text.to_owned()),
            ..NOTHING
        };
        let refused = subject("CN=a").key(IdentityMapping::Fingerprint);
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("identity.mapping = \"subject\""), "{told}");
        assert!(subject("array-7").key(IdentityMapping::Subject).is_err());
    }
}
