//! `keyward client diagnose`: what a client asked for, what was refused, and what to do about it.

mod advice;

use clap::Args;
use serde::Serialize;

use super::audit::{Depth, Shown, detail, newest, printable};
use super::client::date;
use super::place::Place;
use super::{Failure, assembly};
use crate::audit::administration::NODE;
use crate::audit::record::Record;
use crate::engine::founding::{self, Listed};
use crate::store::Store;

/// Shows a client's last requests, what was refused and why, and what to do about it.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward client diagnose backup-server --last 20

It reads the audit log. A connection that never came as far as a message (TLS, a certificate that
is not accepted) is not in it: the server's log has those, as `TLS handshake failed` and `client
refused`. Of messages that cannot be read a few in a minute are in it, and how many there were.")]
pub(super) struct Diagnose {
    name: String,
    #[arg(long, default_value = "default")]
    tenant: String,
    /// How many requests.
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Rows of a node's log that are looked through: a client that is not among them is not there today.
const DEPTH: i64 = 100_000;
/// Seconds by which the log may be behind: what changes nothing is written later than what changes
/// something, and a long operation has the time of its message.
const LATE: i64 = 2;
/// Requests of unknown certificates that are shown.
const STRANGERS: usize = 5;
/// The tenant of a caller that no identity is mapped to.
const NOBODY: i64 = 0;

/// One kind of refusal.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Refusal {
    operation: String,
    reason: String,
    times: usize,
    /// Seconds since 1970.
    last: i64,
    /// What was wrong with the last message that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    advice: Option<String>,
}

/// What is known of a client.
#[derive(Serialize)]
struct Findings {
    name: String,
    tenant: String,
    revoked: Option<i64>,
    certificates: Vec<String>,
    profiles: Vec<String>,
    /// Protocol versions of its last requests, newest first.
    versions: Vec<String>,
    /// Credentials that it proved beside the certificate.
    credentials: Vec<String>,
    addresses: Vec<String>,
    /// Newest first.
    refusals: Vec<Refusal>,
    /// Oldest first.
    requests: Vec<Shown>,
    /// Requests of certificates that are no identity's.
    strangers: Vec<Shown>,
}

impl Diagnose {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenant = founding::tenant_named(&opened.store, &opened.hsm, &self.tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.tenant)))?;
        let identity = founding::identities(&opened.store, &opened.hsm)
            .await?
            .into_iter()
            .find(|identity| identity.tenant == self.tenant && identity.name == self.name)
            .ok_or_else(|| {
                Failure::Refused(format!(
                    "there is no identity {:?} in the tenant {:?}; `keyward client list` shows all",
                    self.name, self.tenant
                ))
            })?;
        let of_client = |record: &Record| {
            record.phase == "outcome" && record.tenant == tenant.0 && record.identity == self.name
        };
        let of_strangers = |record: &Record| {
            record.phase == "outcome" && record.tenant == NOBODY && record.identity.is_empty()
        };
        let requests = last(&opened.store, self.last, &of_client).await?;
        let strangers = last(&opened.store, STRANGERS, &of_strangers).await?;
        let findings = Findings::of(identity, requests, strangers);
        match self.json {
            true => println!("{}", serde_json::json!(findings)),
            false => findings
                .lines()
                .iter()
                .for_each(|line| println!("{}", printable(line))),
        }
        Ok(())
    }
}

/// The last records of all nodes by time, oldest first; a message with several items is kept whole.
async fn last(
    store: &Store,
    count: usize,
    wanted: &impl Fn(&Record) -> bool,
) -> Result<Vec<Shown>, Failure> {
    let mut found = Vec::new();
    for node in store.audit_nodes().await? {
        if node != NODE {
            let depth = Depth {
                last: count,
                rows: DEPTH,
                late: Some(LATE),
            };
            newest(store, &node, depth, wanted, &mut found).await?;
        }
    }
    Ok(cut(found, count))
}

fn cut(mut found: Vec<Shown>, count: usize) -> Vec<Shown> {
    found.sort_by_key(|shown| shown.record.order());
    let mut first = found.len().saturating_sub(count);
    let message = |place: usize| {
        let shown = found.get(place)?;
        Some((&shown.node, shown.record.time, &shown.record.request))
    };
    while first > 0 && count > 0 && message(first - 1) == message(first) {
        first -= 1;
    }
    found.split_off(first)
}

/// Each once, in the order of their first appearance.
fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for one in all {
        if !found.iter().any(|known| known == one) {
            found.push(one.to_owned());
        }
    }
    found
}

/// Refusals of one kind counted together, the newest first.
fn refusals(name: &str, requests: &[Shown]) -> Vec<Refusal> {
    let mut found: Vec<Refusal> = Vec::new();
    for Shown { record, .. } in requests.iter().rev() {
        if matches!(record.result.as_str(), "success" | "undone") {
            continue;
        }
        let same = |known: &&mut Refusal| {
            known.operation == record.operation && known.reason == record.result
        };
        let suppressed = record.suppressed.map(usize::try_from);
        let times = suppressed.map_or(1, |count| count.unwrap_or(usize::MAX));
        if let Some(known) = found.iter_mut().find(same) {
            known.times = known.times.saturating_add(times);
            known.why = known.why.take().or_else(|| record.why.clone());
            continue;
        }
        let text = advice::of(&record.result, &record.operation);
        found.push(Refusal {
            operation: record.operation.clone(),
            reason: record.result.clone(),
            times,
            last: record.time,
            why: record.why.clone(),
            advice: text.map(|text| text.replace("profile NAME", &format!("profile {name}"))),
        });
    }
    found
}

impl Findings {
    fn of(identity: Listed, requests: Vec<Shown>, strangers: Vec<Shown>) -> Findings {
        let newest_first = || requests.iter().rev().map(|shown| &shown.record);
        Findings {
            versions: distinct(newest_first().filter_map(|record| record.version.as_deref())),
            credentials: distinct(
                newest_first().flat_map(|record| record.credentials.iter().map(String::as_str)),
            ),
            addresses: distinct(newest_first().map(|record| record.address.as_str())),
            refusals: refusals(&identity.name, &requests),
            name: identity.name,
            tenant: identity.tenant,
            revoked: identity.revoked,
            certificates: identity.certificates,
            profiles: identity.profiles,
            requests,
            strangers,
        }
    }

    /// For people.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}/{}", self.tenant, self.name)];
        let all = |what: &str, list: &[String]| match list.is_empty() {
            true => format!("  {what}  none"),
            false => format!("  {what}  {}", list.join(", ")),
        };
        if let Some(when) = self.revoked {
            lines.push(format!(
                "  revoked {}: it is refused for good; add it under another name",
                date(when)
            ));
        }
        lines.push(all("certificates", &self.certificates));
        lines.push(all("profiles", &self.profiles));
        if self.requests.is_empty() {
            lines.extend(self.never_seen());
            return lines;
        }
        lines.push(all("protocol versions", &self.versions));
        lines.push(all("credentials proven", &self.credentials));
        lines.push(all("addresses", &self.addresses));
        lines.push(String::new());
        lines.push(format!("Its last {} requests:", self.requests.len()));
        for Shown { record, .. } in &self.requests {
            let version = record.version.as_deref().unwrap_or("-");
            let rest = detail(record).unwrap_or_else(|| record.objects.join(" "));
            let line = format!(
                "  {}  {}  {version}  {}  {}  {rest}",
                date(record.time),
                record.address,
                record.operation,
                record.result,
            );
            lines.push(line.trim_end().to_owned());
        }
        lines.push(String::new());
        if self.refusals.is_empty() {
            lines.push("None of them was refused.".to_owned());
            return lines;
        }
        lines.push("Refused:".to_owned());
        for refusal in &self.refusals {
            lines.push(format!(
                "  {}: {}, {} times, last {}",
                refusal.operation,
                refusal.reason,
                refusal.times,
                date(refusal.last)
            ));
            lines.extend(refusal.why.as_ref().map(|why| format!("    {why}")));
            let unknown = "This version of the command does not know the reason.";
            let text = refusal.advice.as_deref().unwrap_or(unknown);
            lines.push(format!("    {text}"));
        }
        lines
    }

    fn never_seen(&self) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            "Nothing of this identity was seen: no request with its certificate came as far as the audit log."
                .to_owned(),
            "  Does the client reach the server's port (5696)? Does it trust the server's CA, and show the"
                .to_owned(),
            "  certificate above? The server's log says who was turned away: look for `TLS handshake failed`,"
                .to_owned(),
            "  `client refused` and `refused a client`, with the client's address.".to_owned(),
        ];
        if !self.strangers.is_empty() {
            lines.push("Certificates that are no identity's asked last from:".to_owned());
        }
        for Shown { record, .. } in &self.strangers {
            let line = format!(
                "  {}  {}  {}  {}",
                date(record.time),
                record.address,
                record.operation,
                detail(record).unwrap_or_default()
            );
            lines.push(line.trim_end().to_owned());
        }
        if !self.strangers.is_empty() {
            lines.push(
                "  If that is this client: `keyward client add OTHER-NAME --certificate FILE` registers what it shows."
                    .to_owned(),
            );
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time, message and item of a record, as the log has them one behind the other.
    fn found(records: &[(i64, &str, u32)]) -> Vec<Shown> {
        let shown = |(sequence, (time, request, item)): (i64, &(i64, &str, u32))| Shown {
            node: "main".to_owned(),
            sequence,
            record: Record {
                time: *time,
                request: (*request).to_owned(),
                item: *item,
                ..Record::default()
            },
        };
        (1..).zip(records).map(shown).collect()
    }

    #[test]
    fn the_last_requests_are_the_last_by_time_and_are_whole() {
        // A read of second 7 came to the log behind changes of seconds 7 and 8.
        let log = [
            (7, "main-3", 0),
            (7, "main-5", 0),
            (8, "main-6", 0),
            (8, "main-6", 1),
            (7, "main-4", 0),
        ];
        let last = |count| {
            let shown = cut(found(&log), count);
            let name = |shown: &Shown| format!("{}.{}", shown.record.request, shown.record.item);
            shown.iter().map(name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(last(0), "");
        assert_eq!(last(1), "main-6.0 main-6.1");
        assert_eq!(last(3), "main-5.0 main-6.0 main-6.1");
        assert_eq!(last(4), "main-4.0 main-5.0 main-6.0 main-6.1");
        assert_eq!(last(9).len(), 5 * 9 - 1);
    }

    #[test]
    fn a_log_is_read_until_nothing_older_can_be_younger() {
        let depth = |late| Depth {
            last: 2,
            rows: DEPTH,
            late,
        };
        let two = found(&[(10, "main-1", 0), (11, "main-2", 0)]);
        assert!(depth(None).is_reached(&two, 10));
        assert!(!depth(Some(2)).is_reached(&two, 9));
        assert!(depth(Some(2)).is_reached(&two, 7));
        assert!(!depth(Some(2)).is_reached(two.get(..1).unwrap_or_default(), 0));
    }
}
