//! The same filters and handlers over four servers.
#![allow(clippy::unwrap_used)] // They are tests; clippy takes helpers outside `#[test]` for none.

mod client;
mod examples;
mod matrix;
mod servers;
mod site;
mod slow;
mod sse;

use std::future::Future;
use std::time::Duration;

/// With it the memory of a stream of events is measured.
#[global_allocator]
static COUNTING: brigade_testkit::CountingAlloc = brigade_testkit::CountingAlloc;

/// Whatever takes longer is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for `future` on a runtime of its own, for a bounded time.
#[track_caller]
pub(crate) fn within_patience<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let answer =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("in time") });
    runtime.shutdown_background();
    answer
}
