//! Log (2.1 §6.1.29): the client's words stand in the audit log, as the client's words.

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

/// The words with what moves a cursor, turns the direction of text or cannot be seen written out:
/// nobody forges a line of a log. Backslashes are doubled, so that they can be read back.
fn escaped(words: &str) -> String {
    let mut escaped = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '\'' | '"' => escaped.push(letter),
            _ => escaped.extend(letter.escape_debug()),
        }
    }
    escaped
}

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
        let words = escaped(&request.log_message);
        tracing::info!(
            identity = context.caller.identity.name,
            words,
            "a client says"
        );
        context.words = Some(words);
        Ok(Empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_on_their_line_and_can_be_read_back() {
        assert_eq!(escaped("it's \"done\", 5 µs"), "it's \"done\", 5 µs");
        assert_eq!(
            escaped("a\nb\r\t\u{1b}[2J\u{9b}\u{202e}\u{0}"),
            "a\\nb\\r\\t\\u{1b}[2J\\u{9b}\\u{202e}\\0"
        );
        assert_ne!(escaped("\\n"), escaped("\n"));
    }
}
