//! Log (2.1 §6.1.29): the client's words go to the server's log, as the client's words.

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::structure::Empty;
use crate::structure;

structure! {
    pub struct LogRequest {
        log_message: String = LOG_MESSAGE;
    }
}

/// Characters that one message may have.
const LONGEST: usize = 4096;

#[derive(Debug)]
pub struct Log;

impl Handler for Log {
    type Request = LogRequest;
    type Response = Empty;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Log)?;
        if request.log_message.chars().count() > LONGEST {
            return Err(Fault::new(
                Reason::InvalidField,
                format!("the Log Message is longer than {LONGEST} characters; send it in parts"),
            ));
        }
        // Debug formatting escapes line ends and control characters: a client cannot forge log lines.
        tracing::info!(identity = context.caller.identity.name, message = ?request.log_message, "client log");
        Ok(Empty)
    }
}
