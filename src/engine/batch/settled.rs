//! The ends of items that are not written yet, and the end of a batch whose items did not wait for the disk.

use super::Batch;
use crate::audit::{Alike, Audit, Outcome, Trace};
use crate::engine::context::Context;
use crate::engine::envelope::failure;
use crate::protocol::message::ResponseItem;

/// Of the items so far.
pub(super) struct Ends<'b> {
    /// How these end is not known.
    pub open: Vec<Trace<'b>>,
    /// Ended well and changed nothing.
    pub alike: Alike<'b>,
}

impl<'b> Ends<'b> {
    pub(super) fn new(audit: &'b Audit) -> Ends<'b> {
        Ends {
            open: Vec::new(),
            alike: Alike::new(audit),
        }
    }

    /// Writes what ended; what did not.
    pub(super) fn open(self) -> Vec<Trace<'b>> {
        self.open
    }
}

impl Batch<'_> {
    /// No item answers a success that is not durable.
    pub(super) async fn end_of_unsettled(
        &self,
        context: &Context,
        answers: &mut [ResponseItem],
        mut open: Vec<Trace<'_>>,
    ) {
        if open.is_empty() {
            return;
        }
        for (place, ended) in context.unsettled.end(self.engine).await {
            let at = open.iter().position(|trace| trace.place() == place);
            let Some(mut trace) = at.map(|at| open.swap_remove(at)) else {
                continue;
            };
            let Err(fault) = ended else {
                trace.commit();
                continue;
            };
            if let Some(answer) = answers.get_mut(place) {
                let id = answer.unique_batch_item_id.clone();
                *answer = failure(answer.operation, id, &fault, self.version);
            }
            let outcome = Outcome::Failure(fault.reason);
            self.engine.audit.done(trace, outcome).await;
        }
    }
}
