//! The end of a batch that stands or falls as a whole.

use super::Batch;
use crate::audit::{Outcome, Trace};
use crate::engine::context::Context;
use crate::engine::envelope::failure;
use crate::engine::error::Fault;
use crate::protocol::enumeration::ResultStatus;
use crate::protocol::message::ResponseItem;
use crate::store::record::Commit;

impl Batch<'_> {
    /// With Undo all changes stand or fall together (1.4 §6.13): what succeeded answers Operation
    /// Undone with its payload once an item failed.
    pub(super) async fn end_of_undo(
        &self,
        context: &mut Context,
        answers: &mut [ResponseItem],
        mut open: Vec<Trace<'_>>,
        mut failed: bool,
    ) {
        if !failed {
            let audit = open
                .iter_mut()
                .map(|trace| self.engine.audit.outcome(trace))
                .collect();
            let commit = Commit {
                changes: context.take_changes(),
                audit,
            };
            let done = self.engine.commit(commit).await;
            context.committed(&done);
            match done {
                Ok(()) => open.iter_mut().for_each(Trace::commit),
                Err(error) => {
                    failed = true;
                    let fault = Fault::from(error);
                    if let Some(last) = answers.last_mut() {
                        *last = failure(
                            last.operation,
                            last.unique_batch_item_id.clone(),
                            &fault,
                            self.version,
                        );
                    }
                }
            }
        }
        if failed {
            context.drop_changes();
            self.engine.audit.later(open, Outcome::Undone);
            for answer in answers
                .iter_mut()
                .filter(|answer| answer.status == ResultStatus::SUCCESS)
            {
                answer.status = ResultStatus::OPERATION_UNDONE;
            }
        }
    }
}
