//! What came out, by row.

use std::collections::BTreeMap;
use std::fmt;

/// What was to come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Valid,
    Invalid,
    /// Either: sound, but some refuse it.
    Acceptable,
}

/// What a place answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Data(Vec<u8>),
    /// The place does not have it, or not with this key: the service asks the library then.
    Refused(String),
    /// The input does not hold, or does not fit.
    Failed(String),
    /// Anything else: the service would answer with an error of the server.
    Broken(String),
}

#[derive(Clone, Debug, Default)]
struct Count {
    right: usize,
    rejected: usize,
    refused: usize,
    /// The first refusal's words.
    why: String,
}

#[derive(Debug)]
pub struct Tally {
    place: &'static str,
    rows: BTreeMap<&'static str, Count>,
    wrong: Vec<String>,
}

impl Tally {
    pub fn new(place: &'static str) -> Tally {
        Tally {
            place,
            rows: BTreeMap::new(),
            wrong: Vec::new(),
        }
    }

    pub fn wrong(&mut self, row: &'static str, case: &str, what: impl fmt::Display) {
        self.wrong.push(format!("{row} {case}: {what}"));
    }

    pub fn right(&mut self, row: &'static str) {
        self.rows.entry(row).or_default().right += 1;
    }

    pub fn rejected(&mut self, row: &'static str) {
        self.rows.entry(row).or_default().rejected += 1;
    }

    pub fn refused(&mut self, row: &'static str, why: String) {
        let count = self.rows.entry(row).or_default();
        if count.refused == 0 {
            count.why = why;
        }
        count.refused += 1;
    }

    /// An answer against what was expected. `accept` says whether data is the right one.
    pub fn judge(
        &mut self,
        row: &'static str,
        case: &str,
        expect: Expect,
        outcome: Outcome,
        accept: impl Fn(&[u8]) -> bool,
    ) {
        match (expect, outcome) {
            (Expect::Valid, Outcome::Data(data)) if accept(&data) => self.right(row),
            (Expect::Valid | Expect::Acceptable, Outcome::Refused(why)) => self.refused(row, why),
            (Expect::Valid, outcome) => self.wrong(row, case, format!("{outcome:?}")),
            (Expect::Invalid, Outcome::Data(data)) => self.wrong(
                row,
                case,
                format!("taken, though it is invalid: {}", hex::encode(data)),
            ),
            (_, Outcome::Broken(why)) => self.wrong(row, case, format!("broken: {why}")),
            (Expect::Acceptable, Outcome::Data(data)) if !accept(&data) => {
                self.wrong(row, case, "wrong data");
            }
            (Expect::Acceptable, Outcome::Data(_)) => self.right(row),
            (_, Outcome::Failed(_)) => self.rejected(row),
            (_, Outcome::Refused(why)) => self.refused(row, why),
        }
    }

    pub fn assert_right(&self) {
        assert!(
            self.wrong.is_empty(),
            "{}: {} wrong\n{}",
            self.place,
            self.wrong.len(),
            self.wrong[..self.wrong.len().min(400)].join("\n")
        );
        assert!(!self.rows.is_empty());
    }

    /// Rows of which the place gave no right answer are among these.
    pub fn assert_refused(&self, allowed: &[&str]) {
        for (row, count) in &self.rows {
            assert!(
                count.right > 0 || allowed.contains(row),
                "{}: no right answer of {row}: {}",
                self.place,
                count.why
            );
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "── {}: row, right, rejected, refused", self.place)?;
        for (row, count) in &self.rows {
            writeln!(
                f,
                "{row:24} {:6} {:6} {:6} {}",
                count.right, count.rejected, count.refused, count.why
            )?;
        }
        Ok(())
    }
}
