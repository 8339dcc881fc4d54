//! Searches that see what the batch has changed.

use super::{Context, Staged};
use crate::engine::error::Fault;
use crate::store::filter::{Filter, Located};

impl Context {
    /// Finds objects: the database's answer, checked against the rows, with this batch's own changes.
    pub async fn locate(&self, filter: &Filter) -> Result<Located, Fault> {
        self.settled().await?;
        if self.staged.is_empty() {
            let located = self.engine.store.locate(filter).await?;
            return self.confirmed(filter, located).await;
        }
        // Inside an open transaction: ask for everything that matches, then replace what the batch changed.
        let unpaged = Filter {
            offset: 0,
            maximum: None,
            count: true,
            ..filter.clone()
        };
        let mut located = self.engine.store.locate(&unpaged).await?;
        located
            .unique_identifiers
            .retain(|id| !self.staged.contains_key(id));
        let mut located = self.confirmed(filter, located).await?;
        let mut fresh: Vec<&Staged> = self
            .staged
            .values()
            .filter(|staged| filter.holds(&staged.row.record, &staged.row.index))
            .collect();
        fresh.sort_by(|a, b| {
            b.row
                .record
                .unique_identifier
                .cmp(&a.row.record.unique_identifier)
        });
        let mut ids: Vec<String> = fresh
            .iter()
            .map(|staged| staged.row.record.unique_identifier.clone())
            .collect();
        ids.append(&mut located.unique_identifiers);
        let total = u64::try_from(ids.len()).ok();
        let skip = usize::try_from(filter.offset).unwrap_or(usize::MAX);
        let take = filter
            .maximum
            .and_then(|maximum| usize::try_from(maximum).ok())
            .unwrap_or(usize::MAX);
        Ok(Located {
            unique_identifiers: ids.into_iter().skip(skip).take(take).collect(),
            total,
        })
    }

    /// Without the hits that their rows do not bear out.
    async fn confirmed(&self, filter: &Filter, located: Located) -> Result<Located, Fault> {
        let found = located.unique_identifiers.len();
        let unique_identifiers = self
            .engine
            .confirm(filter, located.unique_identifiers)
            .await?;
        let wrong = u64::try_from(found - unique_identifiers.len()).unwrap_or(0);
        Ok(Located {
            unique_identifiers,
            total: located.total.map(|total| total.saturating_sub(wrong)),
        })
    }
}
