//! The cases that the server is known not to pass, and what each waits for. The list may only
//! shrink: a listed case that passes fails the run until its line is removed.

use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("cannot read {0}: {1}")]
    File(String, std::io::Error),
    #[error("line {0}: expected `case-name: what it waits for`")]
    Line(usize),
    #[error("line {0}: {1} is listed twice")]
    Twice(usize, String),
}

/// Case names and what they wait for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unsupported(pub BTreeMap<String, String>);

impl Unsupported {
    pub fn read(path: &Path) -> Result<Self, ListError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ListError::File(path.display().to_string(), error))?;
        Self::parse(&text)
    }

    /// Blank lines and lines that begin with `#` say nothing.
    fn parse(text: &str) -> Result<Self, ListError> {
        let mut listed = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let row = line
                .split_once(':')
                .map(|(name, reason)| (name.trim(), reason.trim()));
            let row = row.filter(|(name, reason)| !name.is_empty() && !reason.is_empty());
            let (name, reason) = row.ok_or(ListError::Line(index + 1))?;
            if listed.insert(name.to_owned(), reason.to_owned()).is_some() {
                return Err(ListError::Twice(index + 1, name.to_owned()));
            }
        }
        Ok(Unsupported(listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of the golden list when this was last changed. Lower it with every line that goes.
    const LINES: usize = 35;

    #[test]
    fn the_golden_list_does_not_grow() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("unsupported.txt");
        let lines = Unsupported::read(&path).map(|list| list.0.len());
        assert!(
            lines.is_ok_and(|lines| lines <= LINES),
            "cases may leave the list, not join it"
        );
    }

    #[test]
    fn lines_are_names_and_reasons() {
        let list = Unsupported::parse("# why\n\nTC-OTP-1-20 : one-time pads\nX-1: a: b\n");
        let expected = [("TC-OTP-1-20", "one-time pads"), ("X-1", "a: b")];
        let expected = expected.map(|(name, reason)| (name.to_owned(), reason.to_owned()));
        assert!(list.is_ok_and(|list| list == Unsupported(expected.into())));
        assert!(matches!(
            Unsupported::parse("\nX-1"),
            Err(ListError::Line(2))
        ));
        assert!(matches!(
            Unsupported::parse("X-1:"),
            Err(ListError::Line(1))
        ));
        assert!(matches!(
            Unsupported::parse("X: a\nX: b"),
            Err(ListError::Twice(2, _))
        ));
    }
}
