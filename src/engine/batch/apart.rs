//! Items that do not run now.

use super::{Answered, Batch};
use crate::engine::asynchronous;
use crate::engine::error::{Fault, Reason};
use crate::engine::session::Admitted;
use crate::operation::OperationRow;
use crate::operation::asynchronous::poll::PollRequest;
use crate::protocol::enumeration::Operation;
use crate::protocol::message::RequestItem;
use crate::protocol::structure::Structure;

impl Batch<'_> {
    /// What does not run now: an operation that is to be answered later, and Poll, which gives the
    /// answer of another.
    pub(super) async fn apart(
        &self,
        item: &RequestItem<'_>,
        row: &OperationRow,
        undo: bool,
    ) -> Result<Option<Answered>, Fault> {
        let Ok(caller) = &self.sender.caller else {
            return Ok(None);
        };
        let operation = item.operation;
        let indicator = self.header.asynchronous_indicator.as_ref();
        if operation == Operation::POLL {
            let request = PollRequest::from_items(&item.payload)?;
            let value = &request.asynchronous_correlation_value;
            return Ok(Some(Answered::Item(
                match asynchronous::poll(self.engine, caller, value).await? {
                    Some((answer, _)) => answer,
                    None => asynchronous::pending(operation, value.clone()),
                },
            )));
        }
        if row.anonymous || row.immediate || !asynchronous::is_wanted(indicator, row.long) {
            return Ok(None);
        }
        if undo {
            return Err(Fault::new(
                Reason::FeatureNotSupported,
                "what is answered later cannot be undone with a batch; ask without Undo, or with Asynchronous Indicator Prohibited",
            ));
        }
        let asked = (operation, self.version);
        let none = Admitted::default();
        let asker = (caller.as_ref(), self.admitted().unwrap_or(&none));
        let value = asynchronous::submit(self.engine, asker, asked, &item.payload).await?;
        Ok(Some(Answered::Item(asynchronous::pending(
            operation, value,
        ))))
    }
}
