//! A case: one file of requests and the responses that they must get.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use ttlv::{Limits, Node};

use crate::names::{NAMES, Named};
use crate::placeholder::stand_in;

/// A request and, unless the server need not answer, the response.
#[derive(Debug)]
pub struct Step {
    pub request: Node<'static>,
    pub response: Option<Node<'static>>,
}

#[derive(Debug)]
pub struct Case {
    /// The file's name without `.xml`.
    pub name: String,
    pub steps: Vec<Step>,
    /// Protocol version of the first request.
    pub version: (i64, i64),
    /// The profile that a case is of: "SKLC" of SKLC-M-1-14.
    pub family: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("{0}")]
    Message(#[from] ttlv::Error),
    #[error("message {0} is not a RequestMessage")]
    NotARequest(usize),
    #[error("no RequestMessage with a ProtocolVersion in its RequestHeader")]
    NoVersion,
}

impl Case {
    pub fn read(path: &Path) -> Result<Case, Unreadable> {
        Case::parse(&name_of(path), &std::fs::read(path)?)
    }

    pub fn parse(name: &str, document: &[u8]) -> Result<Case, Unreadable> {
        // A case is a file of ours or of the standard's: large, but not hostile.
        let limits = Limits {
            depth: Limits::MAX_DEPTH,
            items: 1 << 20,
            bytes: 64 << 20,
        };
        let messages = ttlv::xml::decode_collection(document, &NAMES, &limits, &mut stand_in)?;
        let mut steps: Vec<Step> = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            match (message.name(), steps.last_mut()) {
                ("RequestMessage", _) => steps.push(Step {
                    request: message,
                    response: None,
                }),
                ("ResponseMessage", Some(step @ Step { response: None, .. })) => {
                    step.response = Some(message);
                }
                _ => return Err(Unreadable::NotARequest(index)),
            }
        }
        let header = steps
            .first()
            .and_then(|step| step.request.at(&["RequestHeader", "ProtocolVersion"]));
        let number = |field| header.and_then(|v| v.at(&[field])).and_then(|n| n.number());
        let version = number("ProtocolVersionMajor").zip(number("ProtocolVersionMinor"));
        let version = version.ok_or(Unreadable::NoVersion)?;
        let family = ["-M-", "-O-"].iter().find_map(|kind| name.split_once(kind));
        let family = family.map_or(name, |(family, _)| family).to_owned();
        Ok(Case {
            name: name.to_owned(),
            steps,
            version,
            family,
        })
    }
}

/// The name that a case has in reports and in the list of unsupported ones.
pub fn name_of(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A file and what reading it gave.
pub type Found = (PathBuf, Result<Case, Unreadable>);

/// All `.xml` files of the given files and folders whose name `wanted` likes, in the order to play
/// them: by version, mandatory before optional, by name with numbers as numbers. Some cases use
/// what the one before them left on the server.
pub fn find(places: &[PathBuf], wanted: &dyn Fn(&str) -> bool) -> std::io::Result<Vec<Found>> {
    let mut paths = Vec::new();
    for place in places {
        collect(place, true, &mut paths)?;
    }
    paths.retain(|path| wanted(&name_of(path)));
    paths.sort();
    paths.dedup();
    let read = |path: PathBuf| {
        let case = Case::read(&path);
        (path, case)
    };
    let mut found: Vec<Found> = paths.into_iter().map(read).collect();
    found.sort_by(|(a, case_a), (b, case_b)| {
        let version = |case: &Result<Case, _>| case.as_ref().map(|case| case.version).ok();
        let folder = |path: &Path| path.parent().map(name_of).unwrap_or_default();
        let by_version = version(case_a).cmp(&version(case_b));
        by_version
            .then_with(|| folder(a).cmp(&folder(b)))
            .then_with(|| natural(&name_of(a), &name_of(b)))
    });
    Ok(found)
}

fn collect(place: &Path, named: bool, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if place.is_dir() {
        for entry in std::fs::read_dir(place)? {
            collect(&entry?.path(), false, found)?;
        }
    } else if named
        || place
            .extension()
            .is_some_and(|extension| extension == "xml")
    {
        found.push(place.to_owned());
    }
    Ok(())
}

/// Compares texts with runs of digits as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (x, y) = (digits(a), digits(b));
        let order = match (x.parse::<u64>(), y.parse::<u64>()) {
            (Ok(m), Ok(n)) => {
                a = a.get(x.len()..).unwrap_or("");
                b = b.get(y.len()..).unwrap_or("");
                m.cmp(&n)
            }
            _ => {
                let (c, d) = (a.chars().next(), b.chars().next());
                let (Some(c), Some(d)) = (c, d) else {
                    return a.len().cmp(&b.len());
                };
                a = a.get(c.len_utf8()..).unwrap_or("");
                b = b.get(d.len_utf8()..).unwrap_or("");
                c.cmp(&d)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn digits(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers() {
        assert_eq!(natural("TL-M-2-14", "TL-M-10-14"), Ordering::Less);
        assert_eq!(natural("TL-M-2", "TL-M-2"), Ordering::Equal);
        assert_eq!(natural("a", "ab"), Ordering::Less);
        assert_eq!(natural("mandatory", "optional"), Ordering::Less);
    }

    #[test]
    fn a_response_needs_its_request() {
        let read = |document: &str| Case::parse("X-M-1", document.as_bytes()).map(|c| c.family);
        assert!(matches!(
            read("<KMIP><ResponseMessage/></KMIP>"),
            Err(Unreadable::NotARequest(0))
        ));
        assert!(matches!(
            read("<KMIP><RequestMessage/></KMIP>"),
            Err(Unreadable::NoVersion)
        ));
        let case = "<KMIP><RequestMessage><RequestHeader><ProtocolVersion>\
            <ProtocolVersionMajor type=\"Integer\" value=\"2\"/>\
            <ProtocolVersionMinor type=\"Integer\" value=\"1\"/>\
            </ProtocolVersion></RequestHeader></RequestMessage></KMIP>";
        assert!(read(case).is_ok_and(|family| family == "X"));
    }
}
