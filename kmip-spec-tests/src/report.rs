//! What a run found, for people and for programs.

use serde_json::json;

/// How the reason of such a case begins in the list.
const VARIES: &str = "varies";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// Differs, and is listed as unsupported.
    Waits(String),
    /// Passes, though listed as unsupported.
    Listed,
    /// Differs.
    Failed,
}

#[derive(Debug)]
pub struct Outcome {
    pub case: String,
    pub verdict: Verdict,
    /// Of each step that differs.
    pub differences: Vec<String>,
}

impl Outcome {
    /// `waits_for` is the case's line in the list of unsupported ones.
    pub fn new(case: String, differences: Vec<String>, waits_for: Option<&String>) -> Self {
        let verdict = match (differences.is_empty(), waits_for) {
            (true, None) => Verdict::Passed,
            // A case that depends on what else is on the server, or on the clock, may go either way.
            (true, Some(reason)) if reason.starts_with(VARIES) => Verdict::Passed,
            (true, Some(_)) => Verdict::Listed,
            (false, None) => Verdict::Failed,
            (false, Some(reason)) => Verdict::Waits(reason.clone()),
        };
        Outcome {
            case,
            verdict,
            differences,
        }
    }

    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Failed | Verdict::Listed)
    }

    /// What there is to tell of the case: of a passed one only when `verbose`.
    pub fn lines(&self, verbose: bool) -> Vec<String> {
        let case = &self.case;
        let mut lines = match &self.verdict {
            Verdict::Passed if verbose => vec![format!("passed  {case}")],
            Verdict::Passed => Vec::new(),
            Verdict::Waits(reason) if verbose => vec![format!("waits   {case}: {reason}")],
            Verdict::Waits(_) => return Vec::new(),
            Verdict::Listed => vec![format!(
                "FAILED  {case}: passes, though listed as unsupported: remove it from the list"
            )],
            Verdict::Failed => vec![format!("FAILED  {case}")],
        };
        lines.extend(
            self.differences
                .iter()
                .map(|difference| format!("        {difference}")),
        );
        lines
    }
}

/// The line that ends a run.
pub fn closing_line(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| outcome.failed()).count();
    let waits = outcomes
        .iter()
        .filter(|o| matches!(o.verdict, Verdict::Waits(_)))
        .count();
    let passed = outcomes.len() - failed - waits;
    format!("{passed} passed, {failed} failed, {waits} skipped")
}

pub fn as_json(outcomes: &[Outcome]) -> serde_json::Value {
    let cases = outcomes.iter().map(|outcome| {
        let (verdict, waits_for) = match &outcome.verdict {
            Verdict::Passed => ("passed", None),
            Verdict::Waits(reason) => ("waits", Some(reason)),
            Verdict::Listed => ("passes though listed", None),
            Verdict::Failed => ("failed", None),
        };
        json!({
            "case": outcome.case,
            "verdict": verdict,
            "waits_for": waits_for,
            "differences": outcome.differences,
        })
    });
    json!({ "cases": cases.collect::<Vec<_>>(), "summary": closing_line(outcomes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_cases_must_fail_and_others_pass() {
        let outcome = |differs: bool, listed: bool| {
            let differences = differs
                .then(|| "step 0: x".to_owned())
                .into_iter()
                .collect();
            let reason = listed.then(|| "later".to_owned());
            Outcome::new("X".to_owned(), differences, reason.as_ref())
        };
        let all = [(false, false), (false, true), (true, false), (true, true)];
        let all = all.map(|(differs, listed)| outcome(differs, listed));
        assert_eq!(
            all.each_ref().map(Outcome::failed),
            [false, true, true, false]
        );
        assert_eq!(closing_line(&all), "1 passed, 2 failed, 1 skipped");
    }
}
