//! Computations of seconds: on threads of their own, and not more of them at a time than leave the
//! server able to answer.

use std::sync::{Arc, LazyLock};

use tokio::sync::Semaphore;

use crate::engine::error::{Fault, Reason};

/// Half of the cores, or one.
static SEATS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new(cores.div_ceil(2)))
});

/// Runs a computation; waits for a seat before.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let unfinished = || Fault::new(Reason::Internal, "the derivation did not finish");
    let seat = Arc::clone(&SEATS).acquire_owned().await;
    let seat = seat.map_err(|_| unfinished())?;
    // The seat goes with the work: a client that goes away does not make room by that.
    let done = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(seat);
        result
    });
    done.await.map_err(|_| unfinished())
}
