//! The sweep of the archive: files that no row names, left by a crash or a cut connection, go.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use crate::store::archive::Holder;

/// How often the archive is swept, at the most.
const LONGEST: Duration = Duration::from_secs(3600);

/// Sweeps for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>) {
    let weak = Arc::downgrade(engine);
    tokio::spawn(async move {
        while let Some(engine) = weak.upgrade() {
            let age = engine.settings.archive_orphans;
            sweep(&engine, age).await;
            drop(engine);
            tokio::time::sleep(age.min(LONGEST)).await;
        }
    });
}

async fn sweep(engine: &Engine, age: Duration) {
    // Younger ones may be of a commit that is under way, here or on another node.
    let files = match engine.archive.older_than(age).await {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(%error, "the archive cannot be swept");
            return;
        }
    };
    for (name, holder) in files {
        let orphan = match &holder {
            // Half a file was never named by a row.
            None => name.len() != 32,
            Some(holder) => is_orphan(engine, &name, holder).await,
        };
        if orphan {
            tracing::info!(name, "removes a file of the archive that no object has");
            engine.archive.remove(std::slice::from_ref(&name));
        }
    }
}

/// Whether the row is there, sound, and names another file or none. In doubt the file stays: it may
/// be all that is left of a key.
async fn is_orphan(engine: &Engine, name: &str, holder: &Holder) -> bool {
    match engine.fetch(holder.tenant, &holder.unique_identifier).await {
        Ok(Some(object)) => object
            .archive
            .as_ref()
            .is_none_or(|receipt| receipt.name != name),
        // Another database's, or this one's of another time: not ours to judge.
        Ok(None) => false,
        Err(error) => {
            let identifier = holder.unique_identifier.as_str();
            tracing::warn!(identifier, %error, "an archived object cannot be read");
            false
        }
    }
}
