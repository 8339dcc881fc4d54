//! `keyward audit`: what happened, and whether that is all and unchanged.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::place::Place;
use super::{Failure, assembly};
use crate::audit::anchor::Anchor;
use crate::audit::checkpoint::AuditKey;
use crate::audit::record::{Record, records};
use crate::audit::verify::{self, Expected, Report};
use crate::store::Store;

/// The log of every decision.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward audit show --last 20")]
pub(super) struct AuditFamily {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Show(Show),
    Verify(Verify),
}

/// Shows the newest records.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward audit show --last 20 --json")]
struct Show {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: usize,
    #[command(flatten)]
    place: Place,
    /// One JSON object per record.
    #[arg(long)]
    json: bool,
}

/// Proves that no row was changed, removed, exchanged or added since it was sealed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward audit verify --expect /mnt/elsewhere/main.checkpoint

A checkpoint is a file of the anchor's directory (audit.anchor), copied where writers of the
database do not come. Exit code 1: something was found. The server may run meanwhile."
)]
struct Verify {
    /// A checkpoint held outside the database; may be repeated. The anchor's always counts.
    #[arg(long, value_name = "FILE")]
    expect: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl AuditFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            AuditCommand::Show(command) => super::block_on(command.run()),
            AuditCommand::Verify(command) => super::block_on(command.run()),
        }
    }
}

/// A record with its place in the log.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) node: String,
    pub(super) sequence: i64,
    #[serde(flatten)]
    pub(super) record: Record,
}

/// Rows read at a time, backwards.
const LOOK: u32 = 64;

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let store = assembly::open(&self.place.config()?).await?.store;
        let mut shown = Vec::new();
        for node in store.audit_nodes().await? {
            let depth = Depth {
                last: self.last,
                rows: i64::MAX,
                late: None,
            };
            newest(&store, &node, depth, &|_| true, &mut shown).await?;
        }
        // Nodes side by side; a node's own records stay in their order.
        shown.sort_by_key(|shown| shown.record.time);
        let surplus = shown.len().saturating_sub(self.last);
        for line in shown.into_iter().skip(surplus) {
            match self.json {
                true => println!("{}", serde_json::json!(line)),
                false => println!("{}", for_people(&line)),
            }
        }
        Ok(())
    }
}

/// How far back a log is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    /// Until this many records were found,
    pub(super) last: usize,
    /// and no further than so many rows.
    pub(super) rows: i64,
    /// Seconds by which a record may stand behind one that is younger than it: those before the last
    /// ones by place are then found, too. None: the last ones are those by place.
    pub(super) late: Option<i64>,
}

impl Depth {
    /// Whether enough was found, the oldest records that were read being of `oldest`.
    pub(super) fn is_reached(&self, found: &[Shown], oldest: i64) -> bool {
        let first = found.len().checked_sub(self.last);
        match (first.map(|first| found.get(first)), self.late) {
            (None, _) => false,
            (Some(Some(first)), Some(late)) => oldest.saturating_add(late) < first.record.time,
            (Some(_), _) => true,
        }
    }
}

/// The last records of one node that are wanted, by place, oldest first.
pub(super) async fn newest(
    store: &Store,
    node: &str,
    depth: Depth,
    wanted: &impl Fn(&Record) -> bool,
    out: &mut Vec<Shown>,
) -> Result<(), Failure> {
    let mut end = store.audit_head(node).await?;
    let floor = end.saturating_sub(depth.rows).max(0);
    let mut found: Vec<Shown> = Vec::new();
    let mut oldest = i64::MAX;
    while end > floor && !depth.is_reached(&found, oldest) {
        let from = (end - i64::from(LOOK) + 1).max(1);
        let rows = store.audit(node, from, LOOK).await?;
        let mut page = Vec::new();
        for row in rows.into_iter().filter(|row| row.sequence <= end) {
            let read = records(&row.body)
                .flatten()
                .filter(|record| record.phase != "void")
                .inspect(|record| oldest = oldest.min(record.time))
                .filter(|record| wanted(record));
            page.extend(read.map(|record| Shown {
                node: row.node.clone(),
                sequence: row.sequence,
                record,
            }));
        }
        page.append(&mut found);
        found = page;
        end = from - 1;
    }
    let surplus = match depth.late {
        Some(_) => 0,
        None => found.len().saturating_sub(depth.last),
    };
    out.extend(found.into_iter().skip(surplus));
    Ok(())
}

/// What a client or a writer of the database chose must not move the terminal's cursor.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}

/// Of a message that could not be read: why, or how many there were.
pub(super) fn detail(record: &Record) -> Option<String> {
    match (&record.why, record.suppressed) {
        (Some(why), _) => Some(why.clone()),
        (None, Some(count)) => Some(format!("{count} more within a minute")),
        (None, None) => None,
    }
}

fn for_people(shown: &Shown) -> String {
    let Shown {
        node,
        sequence,
        record,
    } = shown;
    let who = match record.identity.as_str() {
        "" => "unknown",
        name => name,
    };
    let result = match record.phase.as_str() {
        "intent" => "begins",
        _ => &record.result,
    };
    let credentials = match record.credentials.is_empty() {
        true => String::new(),
        false => format!(" ({})", record.credentials.join(", ")),
    };
    let words = match (&record.words, detail(record)) {
        (Some(words), _) => format!("  says: {words}"),
        (None, Some(detail)) => format!("  {detail}"),
        (None, None) => String::new(),
    };
    let function = match &record.function {
        Some(function) => format!(" {function}"),
        None => String::new(),
    };
    let times = match record.items {
        Some(items) => format!(" ×{items}"),
        None => String::new(),
    };
    let line = format!(
        "{}  {node}#{sequence}  {who}@{}{credentials}  {}{function}{times}  {result}  {}{words}",
        super::client::date(record.time),
        record.address,
        record.operation,
        record.objects.join(" ")
    );
    printable(line.trim_end())
}

impl Verify {
    async fn run(self) -> Result<(), Failure> {
        let config = self.place.config()?;
        let mut expected = Vec::new();
        for path in &self.expect {
            let note = std::fs::read_to_string(path).map_err(Failure::path(path))?;
            expected.push(Expected {
                place: path.display().to_string(),
                note,
            });
        }
        let opened = assembly::open(&config).await?;
        let own = AuditKey::new(opened.hsm.audit_public_key().await?);
        let mut nodes = opened.store.audit_nodes().await?;
        if !nodes.iter().any(|node| node == config.server.node.as_str()) {
            nodes.push(config.server.node.as_str().to_owned());
        }
        let mut reports = Vec::new();
        for node in &nodes {
            let key = (node == config.server.node.as_str()).then_some(&own);
            let mut outside = expected.clone();
            if let Some(directory) = &config.audit.anchor {
                let anchor = Anchor::new(directory, node);
                let place = anchor.file().display().to_string();
                if let Some(note) = anchor.read().map_err(Failure::path(anchor.file()))? {
                    outside.push(Expected { place, note });
                }
            }
            reports
                .push(verify::node(&opened.store, &opened.deployment, node, key, &outside).await?);
        }
        let unknown: Vec<&Expected> = expected
            .iter()
            .filter(|expected| !is_known(expected, &reports))
            .collect();
        let sound = reports.iter().all(Report::is_sound) && unknown.is_empty();
        if self.json {
            let unknown: Vec<&str> = unknown
                .iter()
                .map(|expected| expected.place.as_str())
                .collect();
            println!(
                "{}",
                serde_json::json!({ "sound": sound, "nodes": reports, "not_of_this_deployment": unknown })
            );
        } else {
            reports.iter().for_each(|report| print!("{}", text(report)));
            unknown.iter().for_each(|expected| {
                println!("{} is of no node of this deployment", expected.place)
            });
        }
        match sound {
            true => Ok(()),
            false => Err(Failure::Refused(
                "the audit log is not what was written".to_owned(),
            )),
        }
    }
}

fn is_known(expected: &Expected, reports: &[Report]) -> bool {
    let origin = expected.note.lines().next();
    reports
        .iter()
        .any(|report| origin == Some(report.origin.as_str()))
}

fn rows(from: i64, to: i64) -> String {
    match from == to {
        true => format!("row {from}"),
        false => format!("rows {from} to {to}"),
    }
}

/// What one node's log is worth, and up to where.
fn text(report: &Report) -> String {
    let mut lines = vec![format!(
        "{}: {} rows, {} records, {} void, {} checkpoints",
        report.node, report.rows, report.records, report.voids, report.checkpoints
    )];
    match &report.key {
        Some(key) => lines.push(format!("  key  {key}")),
        None => lines.push(
            "  the token has no key of this node: its signatures were not checked".to_owned(),
        ),
    }
    for finding in &report.findings {
        lines.push(format!(
            "  FOUND  {}: {}",
            rows(finding.from, finding.to),
            finding.what
        ));
    }
    if report.further_findings > 0 {
        lines.push(format!("  FOUND  {} more", report.further_findings));
    }
    for held in &report.held {
        lines.push(format!(
            "  rows 1 to {} are those that {} was signed over, which stands outside the database",
            held.size, held.place
        ));
    }
    let outside = report.held.iter().map(|held| held.size).max().unwrap_or(0);
    if report.sealed > outside {
        lines.push(format!(
            "  rows {} to {} are those that a checkpoint in this database was signed over: proven against\n  \
             everybody who cannot sign with the token",
            outside + 1,
            report.sealed
        ));
    }
    let sealed = i64::try_from(report.sealed).unwrap_or(i64::MAX);
    if report.is_sound() && report.head > sealed {
        lines.push(format!(
            "  {} not sealed yet: nothing proves them",
            rows(sealed + 1, report.head)
        ));
    }
    if report.outstanding > 0 {
        lines.push(format!(
            "  {} numbers among them are taken and not written yet",
            report.outstanding
        ));
    }
    lines.push(String::new());
    printable_lines(&lines)
}

fn printable_lines(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            line.split('\n')
                .map(printable)
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    lines.join("\n")
}
