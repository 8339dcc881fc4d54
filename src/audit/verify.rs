//! Reads a whole log again: every row against its hash, every checkpoint against the rows before it
//! and against its signature, and all of it against checkpoints that were kept outside.

use std::collections::VecDeque;

use serde::Serialize;

use super::checkpoint::{self, AuditKey, Checkpoint, CheckpointError};
use super::merkle::{Hash, Tree, leaf_hash};
use super::record::{VOID, records};
use crate::store::record::AuditRow;
use crate::store::{Store, StoreError};

/// Rows and checkpoints per look; a row has up to some hundred kilobytes.
const LOOK: u32 = 64;
/// A checkpoint may name one further back than the last when the database once answered too late.
const PREDECESSORS: usize = 16;
/// Findings that are kept; after that they are only counted.
const FINDINGS: usize = 1000;

/// Something that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// First and last row that it is about.
    pub from: i64,
    pub to: i64,
    pub what: String,
}

/// A checkpoint that was kept outside the database, and where.
#[derive(Clone, Debug)]
pub struct Expected {
    pub place: String,
    pub note: String,
}

/// A checkpoint outside that the log agrees with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    pub place: String,
    pub size: u64,
}

/// What is known of one node's log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub node: String,
    pub origin: String,
    /// For other verifiers (C2SP signed-note); None: the token has no key of this node, and its
    /// signatures were not checked.
    pub key: Option<String>,
    pub rows: u64,
    pub records: u64,
    /// Rows for numbers that a server took and did not live to write.
    pub voids: u64,
    pub checkpoints: u64,
    /// Rows 1 to this are what the newest sound checkpoint of the database was signed over.
    pub sealed: u64,
    /// Checkpoints outside that the log agrees with.
    pub held: Vec<Held>,
    /// The highest row.
    pub head: i64,
    /// Numbers after the last checkpoint without a row: a server is about to write them, or died.
    pub outstanding: i64,
    pub findings: Vec<Finding>,
    pub further_findings: u64,
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, from: i64, to: i64, what: impl Into<String>) {
        if self.findings.len() < FINDINGS {
            self.findings.push(Finding {
                from,
                to,
                what: what.into(),
            });
        } else {
            self.further_findings += 1;
        }
    }
}

/// Verifies one node's log. `key` is its audit key where the token has it.
///
/// # Errors
/// When the database cannot be read. What is wrong with the log stands in the report.
pub async fn node(
    store: &Store,
    deployment: &str,
    node: &str,
    key: Option<&AuditKey>,
    expected: &[Expected],
) -> Result<Report, StoreError> {
    let origin = checkpoint::origin(deployment, node);
    let mut walk = Walk {
        key,
        report: Report {
            node: node.to_owned(),
            key: key.map(|key| key.verifier(&origin)),
            origin,
            ..Report::default()
        },
        named: Tree::default(),
        content: Tree::default(),
        whole: true,
        agreed: 0,
        predecessors: VecDeque::new(),
        expected: Vec::new(),
    };
    walk.expect(expected);
    // What is signed by now never changes any more, whatever a server writes meanwhile.
    let newest = store.checkpoint(node).await?.map_or(0, |(size, _)| size);
    let mut checkpoints = Checkpoints {
        next: VecDeque::new(),
        above: 0,
    };
    let mut from = i64::MIN;
    loop {
        let rows = store.audit(node, from, LOOK).await?;
        let Some(last) = rows.last().map(|row| row.sequence) else {
            break;
        };
        for row in &rows {
            walk.row(row, newest);
            while let Some((size, note)) = checkpoints
                .up_to(store, node, newest.min(walk.position()))
                .await?
            {
                walk.checkpoint(size, &note);
            }
        }
        let Some(next) = last.checked_add(1) else {
            break;
        };
        from = next;
    }
    while let Some((size, note)) = checkpoints.up_to(store, node, newest).await? {
        walk.beyond(size, &note);
    }
    Ok(walk.end())
}

struct Checkpoints {
    next: VecDeque<(i64, String)>,
    above: i64,
}

impl Checkpoints {
    /// The next checkpoint, when its size is `position` at most.
    async fn up_to(
        &mut self,
        store: &Store,
        node: &str,
        position: i64,
    ) -> Result<Option<(i64, String)>, StoreError> {
        if self.next.is_empty() && self.above < i64::MAX && position > self.above {
            self.next = store.checkpoints(node, self.above, LOOK).await?.into();
            match self.next.back() {
                // All of one size stand in one page, unless somebody put very many there.
                Some((size, _)) => self.above = *size,
                None => self.above = i64::MAX,
            }
        }
        match self.next.front() {
            Some((size, _)) if *size <= position => Ok(self.next.pop_front()),
            _ => Ok(None),
        }
    }
}

struct Walk<'k> {
    key: Option<&'k AuditKey>,
    report: Report,
    /// Over the hashes that stand in the rows, and over the hashes of what stands in them.
    named: Tree,
    content: Tree,
    /// No row was missing since the last checkpoint that was agreed with.
    whole: bool,
    /// The size of that checkpoint.
    agreed: i64,
    predecessors: VecDeque<Hash>,
    expected: Vec<(String, Checkpoint)>,
}

impl Walk<'_> {
    fn expect(&mut self, expected: &[Expected]) {
        for Expected { place, note } in expected {
            match self.open(note) {
                Ok(checkpoint) => self.expected.push((place.clone(), checkpoint)),
                Err(CheckpointError::Origin { .. }) => {}
                Err(error) => self.report.find(0, 0, format!("{place}: {error}")),
            }
        }
        self.expected
            .sort_by_key(|(_, checkpoint)| checkpoint.tree.size());
    }

    fn open(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        match self.key {
            Some(key) => key.open(&self.report.origin, note),
            None => Checkpoint::unverified(&self.report.origin, note),
        }
    }

    /// The last number that was looked at.
    fn position(&self) -> i64 {
        i64::try_from(self.named.size()).unwrap_or(i64::MAX)
    }

    fn row(&mut self, row: &AuditRow, newest: i64) {
        let at = row.sequence;
        let next = self.position() + 1;
        if at < next {
            self.report.find(
                at,
                at,
                "was added: its number is not one that a server writes",
            );
            return;
        }
        if at > next {
            let sealed = newest.min(at - 1);
            if next <= sealed {
                self.report.find(next, sealed, "is missing");
            }
            let outstanding = at - 1 - sealed.max(next - 1);
            self.report.outstanding = self.report.outstanding.saturating_add(outstanding);
            self.whole = false;
            self.skip_to(at - 1);
        }
        let hash = leaf_hash(&row.body);
        if hash != row.hash {
            self.report.find(
                at,
                at,
                "was changed: its record is not what its hash was made of",
            );
        }
        self.named.append(row.hash);
        self.content.append(hash);
        self.report.rows += 1;
        self.report.head = at;
        if row.body == VOID {
            self.report.voids += 1;
        } else {
            let read = records(&row.body).flatten().count();
            self.report.records += u64::try_from(read).unwrap_or(0);
        }
        self.compare_expected();
    }

    /// Behind a hole the roots mean nothing until a sound checkpoint gives them back.
    fn skip_to(&mut self, size: i64) {
        let size = u64::try_from(size).unwrap_or(0);
        let count = usize::try_from(size.count_ones()).unwrap_or(0);
        if let Some(tree) = Tree::resume(size, vec![[0; 32]; count]) {
            (self.named, self.content) = (tree.clone(), tree);
        }
    }

    fn compare_expected(&mut self) {
        while let Some((place, held)) = self
            .expected
            .first()
            .filter(|(_, held)| held.tree.size() <= self.named.size())
            .cloned()
        {
            self.expected.remove(0);
            let size = held.tree.size();
            let here = i64::try_from(size).unwrap_or(i64::MAX);
            if self.whole && size == self.named.size() && self.is_over_rows(&held) {
                self.report.held.push(Held { place, size });
            } else {
                let (from, to) = self.differ(&held, here);
                self.report.find(
                    from,
                    to,
                    format!("these rows are not those that {place} was signed over"),
                );
            }
        }
    }

    fn is_over_rows(&self, checkpoint: &Checkpoint) -> bool {
        checkpoint.tree == self.named || checkpoint.tree == self.content
    }

    /// Rows among which the change is: those under the first subtree whose root is another one.
    fn differ(&self, checkpoint: &Checkpoint, size: i64) -> (i64, i64) {
        let whole = (self.agreed + 1, size);
        if checkpoint.tree.size() != self.named.size() || !self.whole {
            return whole;
        }
        let mut left = checkpoint.tree.size();
        let mut before = 0;
        for (theirs, ours) in checkpoint.tree.peaks().iter().zip(self.named.peaks()) {
            let width = 1_i64.checked_shl(left.ilog2()).unwrap_or(i64::MAX);
            if theirs != ours {
                return (whole.0.max(before + 1), before + width);
            }
            before += width;
            left -= u64::try_from(width).unwrap_or(left);
        }
        whole
    }

    /// A checkpoint that stands here in the database: its size is where the walk is, or behind it.
    fn checkpoint(&mut self, size: i64, note: &str) {
        self.report.checkpoints += 1;
        let checkpoint = match self.open(note) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                return self.report.find(
                    size,
                    size,
                    format!("the checkpoint after this row: {error}"),
                );
            }
        };
        if u64::try_from(size) != Ok(checkpoint.tree.size()) {
            return self.report.find(
                size,
                size,
                "the checkpoint after this row was signed for another size",
            );
        }
        if let Some(previous) = checkpoint.previous
            && !self.predecessors.contains(&previous)
        {
            self.report.find(
                size,
                size,
                "the checkpoint before the one after this row is missing or was changed",
            );
        }
        self.predecessors.push_back(checkpoint::digest(note));
        if self.predecessors.len() > PREDECESSORS {
            self.predecessors.pop_front();
        }
        if checkpoint.tree.size() < self.named.size() {
            // Only where the rows up to it are missing, and that was said.
            return;
        }
        if self.whole && !self.is_over_rows(&checkpoint) {
            let (from, to) = self.differ(&checkpoint, size);
            self.report.find(
                from,
                to,
                "among these rows one was changed, exchanged or replaced: they are not what was signed",
            );
        } else if self.report.findings.is_empty() {
            self.report.sealed = checkpoint.tree.size();
        }
        // What was signed counts from here, so that later changes are found as well.
        (self.named, self.content) = (checkpoint.tree.clone(), checkpoint.tree);
        self.whole = true;
        self.agreed = size;
    }

    /// A checkpoint over more rows than there are.
    fn beyond(&mut self, size: i64, note: &str) {
        self.report.checkpoints += 1;
        match self.open(note) {
            Ok(checkpoint) if u64::try_from(size) == Ok(checkpoint.tree.size()) => {
                let next = self.position() + 1;
                if self
                    .report
                    .findings
                    .last()
                    .is_none_or(|last| last.from != next)
                {
                    self.report
                        .find(next, size, "is missing: a signed checkpoint is over it");
                }
            }
            Ok(_) => self.report.find(
                size,
                size,
                "the checkpoint after this row was signed for another size",
            ),
            Err(error) => self.report.find(
                size,
                size,
                format!("the checkpoint after this row: {error}"),
            ),
        }
    }

    fn end(mut self) -> Report {
        let next = self.position() + 1;
        for (place, held) in std::mem::take(&mut self.expected) {
            let size = i64::try_from(held.tree.size()).unwrap_or(i64::MAX);
            if size == 0 {
                continue;
            }
            self.report.find(
                next,
                size,
                format!("is missing: {place} was signed over {size} rows"),
            );
        }
        self.report
    }
}
