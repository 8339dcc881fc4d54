//! Signs what was written: at most once a second, while there is something new, the Merkle root
//! over all rows of the node. Writers do not wait for it, nor for each other.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::anchor::Anchor;
use super::checkpoint::{self, AuditKey, Checkpoint, CheckpointError};
use super::merkle::{Hash, Tree};
use crate::engine::Engine;
use crate::hsm::{Hsm, HsmError};
use crate::store::{Store, StoreError};

/// Between two checkpoints.
const STEP: Duration = Duration::from_secs(1);
/// Rows per look.
const LOOK: u32 = 4096;
/// A number that is taken is written within milliseconds; one that is not by then is gone.
const OVERDUE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the token: {0}")]
    Token(#[from] HsmError),
    #[error("the new checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// What the database says was signed was not; nothing is signed on top of it.
    #[error(
        "the newest checkpoint of the database is not to be trusted: {0}; see `keyward audit verify`"
    )]
    Distrusted(String),
}

#[derive(Debug)]
struct State {
    tree: Tree,
    previous: Option<Hash>,
    /// The first number without a row, since when, and whether that was said.
    gap: Option<(u64, Instant, bool)>,
}

#[derive(Debug)]
pub struct Sealer {
    store: Arc<Store>,
    hsm: Arc<Hsm>,
    node: String,
    origin: String,
    key: AuditKey,
    anchor: Option<Anchor>,
    state: Mutex<State>,
}

impl Sealer {
    /// Goes on from the newest checkpoint: the database's or the anchor's.
    ///
    /// # Errors
    /// `Distrusted` when the database's is not one that this node's key signed.
    pub async fn resume(
        store: Arc<Store>,
        hsm: Arc<Hsm>,
        deployment: &str,
        node: &str,
        anchor: Option<&Path>,
    ) -> Result<Sealer, SealError> {
        let key = AuditKey::new(hsm.audit_public_key().await?);
        let origin = checkpoint::origin(deployment, node);
        let anchor = anchor.map(|directory| Anchor::new(directory, node));
        let stored = store.checkpoint(node).await?.map(|(_, note)| note);
        let held = anchor
            .as_ref()
            .and_then(|anchor| anchored(anchor, &key, &origin));
        let newest = newest(stored, held, |note| key.open(&origin, note))?;
        let (tree, previous) = match newest {
            Some((checkpoint, note)) => (checkpoint.tree, Some(checkpoint::digest(&note))),
            None => (Tree::default(), None),
        };
        let state = Mutex::new(State {
            tree,
            previous,
            gap: None,
        });
        Ok(Sealer {
            store,
            hsm,
            node: node.to_owned(),
            origin,
            key,
            anchor,
            state,
        })
    }

    /// Rows that are signed.
    pub async fn size(&self) -> i64 {
        i64::try_from(self.state.lock().await.tree.size()).unwrap_or(i64::MAX)
    }

    /// Signs what follows without a gap; whether there was something.
    pub async fn seal(&self) -> Result<bool, SealError> {
        let mut state = self.state.lock().await;
        let mut tree = state.tree.clone();
        let gap = self.extend(&mut tree).await?;
        self.overdue(&mut state, gap);
        if tree.size() == state.tree.size() {
            return Ok(false);
        }
        let next = Checkpoint {
            origin: self.origin.clone(),
            tree,
            previous: state.previous,
        };
        let text = next.text();
        let signature = self.hsm.sign_checkpoint(text.as_bytes()).await?;
        let note = self.key.note(&self.origin, &text, &signature)?;
        let size = i64::try_from(next.tree.size()).unwrap_or(i64::MAX);
        self.store.put_checkpoint(&self.node, size, &note).await?;
        state.tree = next.tree;
        state.previous = Some(checkpoint::digest(&note));
        // After the database: an anchor that is newer than its database means a roll-back.
        if let Some(anchor) = self.anchor.clone() {
            let written = tokio::task::spawn_blocking(move || (anchor.write(&note), anchor)).await;
            if let Ok((Err(error), anchor)) = written {
                let file = anchor.file().display();
                tracing::error!(%error, %file, "the anchor cannot be written (audit.anchor)");
            }
        }
        Ok(true)
    }

    /// Appends the rows that follow; the first number that has none though a later one has.
    async fn extend(&self, tree: &mut Tree) -> Result<Option<u64>, StoreError> {
        loop {
            let from = i64::try_from(tree.size() + 1).unwrap_or(i64::MAX);
            let leaves = self.store.audit_leaves(&self.node, from, LOOK).await?;
            let full = leaves.len() == LOOK as usize;
            for (sequence, hash) in leaves {
                if u64::try_from(sequence) != Ok(tree.size() + 1) {
                    return Ok(Some(tree.size() + 1));
                }
                tree.append(hash);
            }
            if !full {
                return Ok(None);
            }
        }
    }

    fn overdue(&self, state: &mut State, gap: Option<u64>) {
        state.gap = match (gap, state.gap) {
            (None, _) => None,
            (Some(missing), Some((known, since, said))) if known == missing => {
                if !said && since.elapsed() > OVERDUE {
                    let node = &self.node;
                    tracing::error!(
                        node,
                        missing,
                        "an audit row does not come; later rows are not sealed"
                    );
                }
                Some((known, since, said || since.elapsed() > OVERDUE))
            }
            (Some(missing), _) => Some((missing, Instant::now(), false)),
        };
    }
}

/// The anchor's checkpoint with its text; one that cannot be read is said and left aside.
fn anchored(anchor: &Anchor, key: &AuditKey, origin: &str) -> Option<(Checkpoint, String)> {
    let file = anchor.file().display();
    match anchor.read() {
        Ok(note) => {
            let note = note?;
            match key.open(origin, &note) {
                Ok(checkpoint) => Some((checkpoint, note)),
                Err(error) => {
                    tracing::error!(%error, %file, "the anchor is not this node's");
                    None
                }
            }
        }
        Err(error) => {
            tracing::error!(%error, %file, "the anchor cannot be read");
            None
        }
    }
}

fn newest(
    stored: Option<String>,
    held: Option<(Checkpoint, String)>,
    open: impl FnOnce(&str) -> Result<Checkpoint, CheckpointError>,
) -> Result<Option<(Checkpoint, String)>, SealError> {
    let stored = match stored.map(|note| (open(&note), note)) {
        None => None,
        Some((Ok(checkpoint), note)) => Some((checkpoint, note)),
        Some((Err(error), _)) if held.is_some() => {
            tracing::error!(%error, "the database's newest checkpoint is not this node's; the anchor's counts");
            None
        }
        Some((Err(error), _)) => return Err(SealError::Distrusted(error.to_string())),
    };
    let (Some((inside, _)), Some((outside, _))) = (&stored, &held) else {
        return Ok(stored.or(held));
    };
    let (inside, outside) = (&inside.tree, &outside.tree);
    if inside.size() == outside.size() && inside.root() != outside.root() {
        return Err(SealError::Distrusted(
            "the anchor has another one of the same size".to_owned(),
        ));
    }
    if outside.size() > inside.size() {
        let (anchor, database) = (outside.size(), inside.size());
        tracing::error!(
            anchor,
            database,
            "the database is older than the anchor: it was put back, or lost rows"
        );
        return Ok(held);
    }
    Ok(stored)
}

/// Seals for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>) {
    let weak = Arc::downgrade(engine);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(STEP).await;
            let Some(engine) = weak.upgrade() else { return };
            let Some(sealer) = &engine.sealer else { return };
            if engine.audit.head() > sealer.size().await
                && let Err(error) = sealer.seal().await
            {
                tracing::error!(%error, "the audit log cannot be sealed");
            }
        }
    });
}
