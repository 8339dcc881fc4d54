//! A further token as one text: a directory, or a PKCS #11 URI (RFC 7512).

use std::fmt;
use std::path::{Path, PathBuf};

use super::setting::Setting;

/// A token that holds the same masters as the first.
#[derive(Clone, PartialEq, Eq)]
pub enum Replica {
    Embedded(PathBuf),
    Module {
        path: PathBuf,
        label: String,
        pin_file: PathBuf,
    },
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Replica::Embedded(directory) => write!(f, "embedded:{}", directory.display()),
            Replica::Module { path, label, .. } => {
                write!(f, "pkcs11:token={label}?module-path={}", path.display())
            }
        }
    }
}

const EXPECTED: &str = "\"embedded:DIRECTORY\", or \
                        \"pkcs11:token=LABEL?module-path=LIBRARY&pin-source=FILE\" (RFC 7512)";

impl Replica {
    fn parse(text: &str, base: &Path) -> Option<Replica> {
        if let Some(directory) = text.strip_prefix("embedded:") {
            let directory = decoded(directory).filter(|directory| !directory.is_empty())?;
            return Some(Replica::Embedded(base.join(directory)));
        }
        let (token, query) = text.strip_prefix("pkcs11:")?.split_once('?')?;
        let label = decoded(token.strip_prefix("token=")?).filter(|label| !label.is_empty())?;
        let (mut path, mut pin_file) = (None, None);
        for part in query.split('&') {
            let (name, value) = part.split_once('=')?;
            let value = decoded(value).filter(|value| !value.is_empty())?;
            let place = match name {
                "module-path" => &mut path,
                "pin-source" => &mut pin_file,
                _ => return None,
            };
            // RFC 7512 §2.4: a URI of a file, or its path.
            let file = value.strip_prefix("file:").unwrap_or(&value);
            if place.replace(base.join(file)).is_some() {
                return None;
            }
        }
        Some(Replica::Module {
            path: path?,
            label,
            pin_file: pin_file?,
        })
    }
}

/// Percent-encoding (RFC 3986 §2.1): a comma, which parts a list in the environment, is %2C.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

impl Setting for Vec<Replica> {
    const LIST: bool = true;

    fn parse(text: &str, base: &Path) -> Result<Vec<Replica>, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| Replica::parse(part, base).ok_or_else(|| EXPECTED.to_owned()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str) -> Result<Vec<Replica>, String> {
        <Vec<Replica> as Setting>::parse(text, Path::new("/etc/keyward"))
    }

    #[test]
    fn directories_and_uris_are_read() {
        let text = "embedded:second, pkcs11:token=HSM%20b%2C%20new?module-path=/lib/m.so&pin-source=file:pin-b";
        let expected = [
            Replica::Embedded("/etc/keyward/second".into()),
            Replica::Module {
                path: "/lib/m.so".into(),
                label: "HSM b, new".into(),
                pin_file: "/etc/keyward/pin-b".into(),
            },
        ];
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn what_is_missing_odd_or_twice_is_refused() {
        for text in [
            "second",
            "embedded:",
            "pkcs11:token=b?module-path=/m.so",
            "pkcs11:token=b?pin-source=/pin",
            "pkcs11:token=?module-path=/m.so&pin-source=/pin",
            "pkcs11:token=b?module-path=/m.so&pin-source=/pin&pin-value=1234",
            "pkcs11:token=b?module-path=/m.so&module-path=/n.so&pin-source=/pin",
            "pkcs11:token=b%2?module-path=/m.so&pin-source=/pin",
            "pkcs11:token=%FF?module-path=/m.so&pin-source=/pin",
        ] {
            let expected = read(text).unwrap_err();
            assert!(expected.contains("RFC 7512") && !expected.contains("1234"));
        }
    }
}
