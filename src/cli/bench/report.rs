//! What the load client says: a table while it works, JSON at the end.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Plan, Settings, Tally};

/// One operation, measured.
pub(super) struct Measured {
    pub(super) plan: Plan,
    pub(super) peak: Tally,
    pub(super) echo: Option<Tally>,
    pub(super) paced: Option<Paced>,
}

/// At half of the server's highest rate.
pub(super) struct Paced {
    /// Iterations per second.
    pub(super) rate: f64,
    pub(super) server: Tally,
    /// What machine and client make of it, with a server that does nothing.
    pub(super) echo: Option<Tally>,
}

pub(super) const HEAD: &str =
    "operation            requests/s    p50 µs    p99 µs  p99.9 µs   of echo    errors";

impl Measured {
    /// How many times as much as this the echo does, turned round.
    fn of_echo(&self) -> Option<f64> {
        let echo = self.echo.as_ref()?.rate();
        (echo > 0.0).then(|| self.peak.rate() / echo)
    }

    /// The lines of the table.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let of_echo = self
            .of_echo()
            .map_or("-".to_owned(), |of| format!("{of:.3}"));
        let mut lines = vec![line(name, &self.peak, &of_echo)];
        let per_message = self.peak.messages / self.peak.iterations.max(1);
        let mut note = |text: String| lines.push(format!("  {text}"));
        if self.plan.items > 1 {
            let items = self.peak.rate() * self.plan.items as f64;
            note(format!(
                "{} items/s, {} in a message",
                grouped(items),
                self.plan.items
            ));
        }
        if per_message > 1 {
            let cycles = self.peak.rate() / per_message as f64;
            note(format!(
                "{} cycles/s of {per_message} requests; the latency is of a cycle",
                grouped(cycles)
            ));
        }
        if self.peak.iterations == 0 && self.peak.failed() == 0 {
            note("nothing was done within the time: measure for longer, --seconds".to_owned());
        }
        if !self.plan.form.is_empty() {
            note(format!("with {}", self.plan.form));
        }
        if let Some(paced) = &self.paced {
            let name = format!("  at {}/s", grouped(paced.rate));
            lines.push(line(&name, &paced.server, "-"));
            let echo = paced.echo.as_ref();
            lines.extend(echo.map(|echo| line("  echo at that rate", echo, "-")));
        }
        for tally in self.tallies() {
            for (text, count) in &tally.errors {
                lines.push(format!("  ERROR {} times: {text}", grouped(*count as f64)));
            }
        }
        lines
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        let paced = self.paced.as_ref();
        let at_rate = paced.map(|paced| &paced.server);
        let echo_at_rate = paced.and_then(|paced| paced.echo.as_ref());
        [Some(&self.peak), self.echo.as_ref(), at_rate, echo_at_rate]
            .into_iter()
            .flatten()
    }

    pub(super) fn failed(&self) -> u64 {
        self.tallies().map(Tally::failed).sum()
    }

    pub(super) fn json(&self, name: &str, settings: &Settings) -> Value {
        let mut value = figures(&self.peak, self.plan.items);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("operation".to_owned(), json!(name));
            fields.insert("connections".to_owned(), json!(settings.connections));
            if !self.plan.form.is_empty() {
                fields.insert("form".to_owned(), json!(self.plan.form));
            }
            if let Some(echo) = &self.echo {
                fields.insert("echo".to_owned(), figures(echo, self.plan.items));
                fields.insert("of_echo".to_owned(), json!(self.of_echo()));
            }
            if let Some(at) = &self.paced {
                let mut paced = figures(&at.server, self.plan.items);
                if let Some(fields) = paced.as_object_mut() {
                    fields.insert("rate".to_owned(), json!(at.rate));
                    if let Some(echo) = &at.echo {
                        fields.insert("echo".to_owned(), figures(echo, self.plan.items));
                    }
                }
                fields.insert("paced".to_owned(), paced);
            }
        }
        value
    }
}

fn figures(tally: &Tally, items: usize) -> Value {
    json!({
        "seconds": tally.seconds,
        "iterations": tally.iterations,
        "requests": tally.messages,
        "requests_per_second": tally.rate(),
        "items_per_second": tally.rate() * items as f64,
        "iterations_per_second": tally.iterations as f64 / tally.seconds.max(1e-9),
        "p50_us": tally.quantile(0.5),
        "p90_us": tally.quantile(0.9),
        "p99_us": tally.quantile(0.99),
        "p999_us": tally.quantile(0.999),
        "max_us": tally.quantile(1.0),
        "errors": tally.errors,
    })
}

fn line(name: &str, tally: &Tally, of_echo: &str) -> String {
    let quantile = |part| tally.quantile(part).map_or("-".to_owned(), grouped);
    format!(
        "{name:<18} {:>12} {:>9} {:>9} {:>9} {of_echo:>9} {:>9}",
        grouped(tally.rate()),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        grouped(tally.failed() as f64),
    )
}

/// A number with a comma between thousands; small ones with one more digit.
pub(super) fn grouped(number: f64) -> String {
    if number != 0.0 && number.abs() < 10.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One line on a terminal that says what is going on; nothing anywhere else.
pub(super) struct Progress {
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress {
            shown: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn say(&self, text: &str) {
        if self.shown {
            eprint!("\r\x1B[K{text}");
            let _ = std::io::stderr().flush();
        }
    }

    pub(super) fn requests(&self, what: &str, answered: u64, since: Duration) {
        let rate = grouped(answered as f64 / since.as_secs_f64().max(1e-3));
        self.say(&format!("{what}: {:.1} s, {rate}/s", since.as_secs_f64()));
    }

    pub(super) fn objects(&self, what: &str, done: u64, of: usize) {
        self.say(&format!(
            "{what}: {} of {}",
            grouped(done as f64),
            grouped(of as f64)
        ));
    }

    /// The line goes.
    pub(super) fn end(&self) {
        self.say("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        let shown = [
            (0.0, "0"),
            (0.44, "0.4"),
            (12.6, "13"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (1_234_567.0, "1,234,567"),
        ];
        for (number, text) in shown {
            assert_eq!(grouped(number), text);
        }
    }
}
