//! A connection whose roles are turned: the same bytes, limits and time-outs, but this side asks.

use std::time::Duration;

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::connection::{Connection, End};
use super::frame::{self, Next};
use super::listener::told_to_end;
use super::service::{Broken, Channel, Service};

/// What a service has of a connection while it asks on it.
pub(super) struct Turned<'c, S: Service> {
    connection: &'c mut Connection<S>,
    /// Why nothing goes over it any more.
    end: Option<End>,
}

impl<'c, S: Service> Turned<'c, S> {
    pub(super) fn new(connection: &'c mut Connection<S>) -> Self {
        Turned {
            connection,
            end: None,
        }
    }

    pub(super) fn into_end(self) -> Option<End> {
        self.end
    }

    fn broken<T>(&mut self, result: Result<T, End>) -> Result<T, Broken> {
        result.map_err(|end| {
            self.end = Some(end);
            Broken
        })
    }

    async fn next(&mut self, due: Instant, most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, End> {
        let connection = &mut *self.connection;
        let most = most.min(connection.limits.message);
        loop {
            let missing = match frame::next_of_either(connection.input.bytes(), most) {
                Next::Message { length } => {
                    let message = connection.input.bytes().get(..length);
                    let message = Zeroizing::new(message.unwrap_or_default().to_vec());
                    connection.input.consume(length);
                    return Ok(Some(message));
                }
                Next::Partial { missing } => missing,
                Next::Refused(refusal) => {
                    connection.metrics.refused.inc();
                    return Err(End::Refused(refusal));
                }
            };
            let mut drain = connection.drain.clone();
            let read = tokio::select! {
                biased;
                () = told_to_end(&mut drain) => return Err(End::Drained),
                read = connection.read(missing, due) => read,
            };
            match read {
                // The read's own time-out: the message did not come in time.
                Err(End::SlowRequest) => return Ok(None),
                Err(End::Truncated) if connection.input.is_empty() => return Err(End::Client),
                read => read?,
            }
        }
    }
}

impl<S: Service> Channel for Turned<'_, S> {
    async fn send(&mut self, message: &[u8]) -> Result<(), Broken> {
        let result = match self.connection.still_trusted() {
            Ok(()) => {
                self.connection.ready.append(message);
                self.connection.write_ready().await
            }
            Err(end) => Err(end),
        };
        self.broken(result)
    }

    async fn receive(
        &mut self,
        patience: Duration,
        most: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Broken> {
        let result = self.next(Instant::now() + patience, most).await;
        self.broken(result)
    }
}
