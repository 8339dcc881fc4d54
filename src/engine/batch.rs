//! One request message: header, items in order, commit, answer.

mod apart;
mod settled;
mod undo;

use settled::Ends;
use std::sync::Arc;

use ttlv::Node;

use super::Engine;
use super::context::Context;
use super::directory::Caller;
use super::endpoint::Roles;
use super::envelope::{self, failure, refuse};
use super::error::{Fault, Reason};
use super::session::{self, Admitted, Refusal};
use super::unsettled::{self, Unsettled};
use crate::audit::{Outcome, Trace};
use crate::operation;
use crate::protocol::enumeration::{BatchErrorContinuationOption, Operation, ResultStatus};
use crate::protocol::message::{
    ProtocolVersion, RequestHeader, RequestItem, ResponseHeader, ResponseItem, encode_payload,
    encode_response,
};
use crate::protocol::seam;
use crate::protocol::structure::{Bytes, DateTime};
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::StoreError;
use crate::store::record::{Change, Commit};

/// Who sent a message, as far as the transport knows.
#[derive(Clone, Debug)]
pub struct Sender {
    pub caller: Result<Arc<Caller>, Fault>,
    pub address: String,
    /// Who asks and who answers on its connection.
    pub roles: Roles,
}

impl Sender {
    /// Number of its tenant and its name, as the audit log has them; 0 and empty for one that is not known.
    pub(crate) fn named(&self) -> (i64, &str) {
        match &self.caller {
            Ok(caller) => (caller.tenant_id.0, &caller.identity.name),
            Err(_) => (0, ""),
        }
    }
}

/// How often an item is run when other requests change its rows meanwhile.
const ATTEMPTS: u32 = 16;

/// What an item leaves behind when it goes well.
#[derive(Debug)]
enum Answered {
    /// The payload of a success.
    Payload(Bytes),
    /// An answer of its own: pending, or what a Poll gives.
    Item(ResponseItem),
}

struct Batch<'e> {
    engine: &'e Arc<Engine>,
    sender: &'e Sender,
    header: &'e RequestHeader,
    version: Version,
    now: i64,
    /// Server Correlation Value of the answer.
    correlation: String,
    /// What the header's credentials came to; None for a client without identity.
    admission: Option<Result<Admitted, Refusal>>,
    /// Bytes left for the answer, when the client set a Maximum Response Size.
    room: Option<usize>,
    /// What the roles are after the message.
    roles: Roles,
}

/// Answers one message, appending TTLV to `out`; the roles that the connection has from then on, and
/// the version in which that was said.
pub async fn answer(
    engine: &Arc<Engine>,
    sender: &Sender,
    request: &[u8],
    out: &mut Vec<u8>,
) -> (Roles, Version) {
    let unturned = (sender.roles, Version::NEWEST);
    let now = engine.clock.now();
    let limits = &engine.settings.limits;
    let envelope::Message {
        header,
        items,
        version,
    } = match envelope::read(request, &limits.ttlv, limits.batch) {
        Ok(message) => message,
        Err(envelope::Unread { version, fault }) => {
            engine.unread(sender, version, &fault);
            refuse(version, now, &fault, out);
            return unturned;
        }
    };
    if header
        .batch_count
        .is_some_and(|count| usize::try_from(count).ok() != Some(items.len()))
    {
        // libmongocrypt counts 1 and sends 2; all are processed (`docs/decisions`).
        engine.metrics.miscounted_batches.inc();
    }
    let room = header
        .maximum_response_size
        .map(|size| usize::try_from(size).unwrap_or(0))
        .unwrap_or(engine.settings.limits.response)
        .min(engine.settings.limits.response);
    let correlation = engine.correlation_value();
    let admission = match &sender.caller {
        Ok(caller) => {
            let shown = header.authentication.as_ref();
            Some(session::authenticate(engine, sender, caller, shown, now).await)
        }
        Err(_) => None,
    };
    let mut batch = Batch {
        engine,
        sender,
        header: &header,
        version,
        now,
        correlation,
        admission,
        room: Some(room),
        roles: sender.roles,
    };
    let answers = batch.run(items).await;
    encode_response(
        &batch.response_header(answers.len()),
        &answers,
        version,
        out,
    );
    (batch.roles, version)
}

impl Batch<'_> {
    fn response_header(&self, count: usize) -> ResponseHeader {
        ResponseHeader {
            protocol_version: ProtocolVersion {
                major: self.version.major.into(),
                minor: self.version.minor.into(),
            },
            time_stamp: DateTime(self.now),
            server_hashed_password: self
                .admitted()
                .and_then(|admitted| admitted.server_hashed_password.clone()),
            client_correlation_value: self.header.client_correlation_value.clone(),
            server_correlation_value: Some(self.correlation.clone()),
            batch_count: i32::try_from(count).unwrap_or(i32::MAX),
        }
    }

    fn admitted(&self) -> Option<&Admitted> {
        self.admission.as_ref()?.as_ref().ok()
    }

    /// Why none of the message's operations is performed, but perhaps those that anybody may ask for.
    fn refusal(&self) -> Option<&Refusal> {
        self.admission.as_ref()?.as_ref().err()
    }

    async fn run(&mut self, items: Vec<Node<'_>>) -> Vec<ResponseItem> {
        let option = self
            .header
            .batch_error_continuation_option
            .unwrap_or(BatchErrorContinuationOption::STOP);
        let undo = option == BatchErrorContinuationOption::UNDO && items.len() > 1;
        let mut context = match &self.sender.caller {
            Ok(caller) => {
                let (engine, caller) = (Arc::clone(self.engine), Arc::clone(caller));
                let mut context = Context::new(engine, caller, self.version, self.now);
                context.admitted = self.admitted().cloned().unwrap_or_default();
                Some(context)
            }
            Err(_) => None,
        };
        if let Some(context) = context.as_mut() {
            context.roles = self.sender.roles;
            context.unsettled = Unsettled::of(items.len());
        }
        let mut answers: Vec<ResponseItem> = Vec::with_capacity(items.len());
        let mut ends = Ends::new(&self.engine.audit);
        let header =
            ttlv::binary::encoded_len(&Node::structure(tag::RESPONSE_HEADER, Vec::new())) + 160;
        let mut room = self.room.map(|room| room.saturating_sub(header));
        let mut failed = false;
        for (place, node) in items.into_iter().enumerate() {
            let answer = self
                .item((place, node), context.as_mut(), room, undo, &mut ends)
                .await;
            failed = answer.status == ResultStatus::OPERATION_FAILED;
            room = room.map(|room| room.saturating_sub(answer.encoded_len(self.version)));
            answers.push(answer);
            if failed && option != BatchErrorContinuationOption::CONTINUE {
                break;
            }
        }
        let open = ends.open();
        match context.as_mut() {
            Some(context) if undo => {
                self.end_of_undo(context, &mut answers, open, failed).await;
            }
            Some(context) => self.end_of_unsettled(context, &mut answers, open).await,
            None => {}
        }
        let turns = |answer: &ResponseItem| {
            answer.operation == Some(Operation::SET_ENDPOINT_ROLE)
                && answer.status == ResultStatus::SUCCESS
        };
        if let Some(context) = context
            && answers.iter().any(turns)
        {
            self.roles = context.roles;
        }
        answers
    }

    async fn item<'b>(
        &'b self,
        (place, node): (usize, Node<'_>),
        context: Option<&mut Context>,
        room: Option<usize>,
        undo: bool,
        ends: &mut Ends<'b>,
    ) -> ResponseItem {
        let item = match RequestItem::read(node) {
            Ok(item) => item,
            Err(error) => {
                let fault = error.into();
                self.engine.unread(self.sender, self.version, &fault);
                return failure(None, None, &fault, self.version);
            }
        };
        let (operation, id) = (item.operation, item.unique_batch_item_id.clone());
        if let Err(full) = self.engine.audit.admit().await {
            return failure(Some(operation), id, &full.into(), self.version);
        }
        let mut trace =
            self.engine
                .audit
                .begin(operation, self.sender, self.now, (&self.correlation, place));
        trace.version = Some(self.version);
        if let Some(admitted) = self.admitted() {
            trace.credentials = &admitted.labels;
        }
        let mut context = context;
        if let Some(context) = context.as_deref_mut() {
            context.unsettled.begin(place);
        }
        let result = self.try_item(item, context, room, undo, &mut trace).await;
        self.engine
            .metrics
            .operation(operation, result.as_ref().err().map(|fault| fault.reason));
        match result {
            Ok(answered) => {
                if undo || trace.is_open() {
                    ends.open.push(trace);
                } else if !trace.is_committed() {
                    ends.alike.done(trace).await;
                }
                match answered {
                    Answered::Payload(payload) => {
                        result_item(operation, id, Ok(payload), self.version)
                    }
                    Answered::Item(item) => ResponseItem {
                        unique_batch_item_id: id,
                        ..item
                    },
                }
            }
            Err(fault) => {
                tracing::debug!(operation = %operation, reason = fault.reason.name(), message = %fault.message, "refused");
                ends.alike.write();
                self.engine
                    .audit
                    .done(trace, Outcome::Failure(fault.reason))
                    .await;
                failure(Some(operation), id, &fault, self.version)
            }
        }
    }

    async fn try_item(
        &self,
        item: RequestItem<'_>,
        context: Option<&mut Context>,
        room: Option<usize>,
        undo: bool,
        trace: &mut Trace<'_>,
    ) -> Result<Answered, Fault> {
        if let Some(extension) = &item.message_extension
            && extension.criticality_indicator
        {
            return Err(Fault::new(
                Reason::UnknownMessageExtension,
                format!(
                    "the critical message extension of {:?} is not known",
                    extension.vendor_identification
                ),
            ));
        }
        if item.ephemeral {
            return Err(Fault::new(
                Reason::FeatureNotSupported,
                "ephemeral batch items are not supported; leave Ephemeral out",
            ));
        }
        let row = operation::row(item.operation)
            .filter(|row| row.is_served(self.engine))
            .ok_or_else(|| {
                Fault::new(
                    Reason::OperationNotSupported,
                    format!("the operation {} is not supported", item.operation),
                )
            })?;
        if let Some(refusal) = self.refusal()
            && !(refusal.open && row.anonymous)
        {
            return Err(refusal.fault.clone());
        }
        let mut context = context;
        if let Some(context) = context.as_deref_mut() {
            context.admitted.narrowing.begin(item.operation)?;
            if row.immediate || row.anonymous {
                context.admitted.narrowing.cover_none()?;
            }
        }
        self.sender.roles.permit(item.operation)?;
        if let Some(answered) = self.apart(&item, row, undo).await? {
            return Ok(answered);
        }
        let payload = seam::request(item.operation, self.version, item.payload);
        let Some(context) = context else {
            // A certificate that no identity is mapped to may ask what the server is, and nothing else.
            return match &self.sender.caller {
                Err(fault) if !row.anonymous => Err(fault.clone()),
                _ => operation::run_anonymous(self.engine, item.operation, self.version, &payload)
                    .map(|fields| Answered::Payload(encode_payload(&fields))),
            };
        };
        if !unsettled::goes_ahead(item.operation) {
            context.settled().await?;
        }
        if row.changes {
            self.engine.audit.intend(trace).await;
        }
        let snapshot = context.snapshot();
        let mut attempts = 0;
        loop {
            attempts += 1;
            context.touched.clear();
            context.computed = None;
            context.function = None;
            context.words = None;
            context.admitted.narrowing.again(item.operation)?;
            context.begin(attempts > 1);
            trace.touched.clear();
            let outcome = self
                .attempt(context, item.operation, &payload, room, undo, trace)
                .await;
            match outcome {
                Ok(payload) => return Ok(Answered::Payload(payload)),
                Err(Attempt::Conflict) if attempts < ATTEMPTS && !undo => {
                    context.roll_back(snapshot.clone())
                }
                Err(Attempt::Conflict) => {
                    context.roll_back(snapshot);
                    return Err(StoreError::Conflict.into());
                }
                Err(Attempt::Fault(fault)) => {
                    trace.touched.append(&mut context.touched);
                    trace.computed = context.computed;
                    trace.function = context.function;
                    context.roll_back(snapshot);
                    return Err(fault);
                }
            }
        }
    }

    async fn attempt(
        &self,
        context: &mut Context,
        operation: Operation,
        payload: &[Node<'_>],
        room: Option<usize>,
        undo: bool,
        trace: &mut Trace<'_>,
    ) -> Result<Bytes, Attempt> {
        let mut answered = Vec::new();
        let bytes = operation::run(context, operation, payload, &mut answered).await?;
        context.settle().await?;
        let length = bytes.len() + 100;
        if room.is_some_and(|room| length > room) {
            return Err(Attempt::Fault(Fault::new(
                Reason::ResponseTooLarge,
                format!(
                    "the answer takes about {length} bytes more than the Maximum Response Size allows"
                ),
            )));
        }
        trace.touched.append(&mut context.touched);
        trace.computed = context.computed;
        trace.function = context.function;
        trace.words = context.words.take();
        if !undo {
            let changes = context.take_changes();
            if !changes.is_empty() {
                // Two requests may add the same row at once: the later one looks again.
                let adds_row = changes
                    .iter()
                    .any(|change| matches!(change, Change::Put(row) if row.version == 1));
                let audit = vec![self.engine.audit.outcome(trace)];
                let ahead = context.only_writes() && context.unsettled.takes(operation, &changes);
                let commit = Commit { changes, audit };
                let done = match ahead {
                    true => context.unsettled.commit(self.engine, commit).await,
                    false => self.engine.commit(commit).await,
                };
                context.committed(&done);
                match done {
                    Ok(()) if ahead => {}
                    Ok(()) => trace.commit(),
                    Err(StoreError::Conflict) => return Err(Attempt::Conflict),
                    Err(StoreError::Exists) if adds_row => return Err(Attempt::Conflict),
                    Err(error) => {
                        return Err(Attempt::Fault(in_operation(error.into(), operation)));
                    }
                }
            }
        }
        context.answered(answered);
        Ok(bytes)
    }
}

/// The response item of an operation that ran.
pub(super) fn result_item(
    operation: Operation,
    id: Option<Bytes>,
    result: Result<Bytes, Fault>,
    version: Version,
) -> ResponseItem {
    match result {
        Ok(payload) => ResponseItem {
            operation: Some(operation),
            unique_batch_item_id: id,
            status: ResultStatus::SUCCESS,
            reason: None,
            message: None,
            asynchronous_correlation_value: None,
            payload: Some(payload),
        },
        Err(fault) => failure(Some(operation), id, &fault, version),
    }
}

/// A Name that is taken has another reason where an attribute is changed (1.4 §11.16, §11.17).
fn in_operation(fault: Fault, operation: Operation) -> Fault {
    let changes_attribute = matches!(
        operation,
        Operation::ADD_ATTRIBUTE | Operation::MODIFY_ATTRIBUTE | Operation::SET_ATTRIBUTE
    );
    match fault.reason {
        Reason::NonUniqueNameAttribute if changes_attribute => Fault {
            reason: Reason::NameInUse,
            ..fault
        },
        _ => fault,
    }
}

enum Attempt {
    /// Another request changed the same row: run the item again on what is there now.
    Conflict,
    Fault(Fault),
}

impl From<Fault> for Attempt {
    fn from(fault: Fault) -> Self {
        Attempt::Fault(fault)
    }
}
