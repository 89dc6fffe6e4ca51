//! The filters that the core makes of closures, and those the kit puts beside a filter, keep every
//! promise of a filter.

use std::future::poll_fn;
use std::task::Poll;

use brigade::{
    AsyncFilter, BrigadeWriter, OutputFilter, Over, Result, WholeBody, from_fn, map_bytes,
    map_lines,
};
use brigade_testkit::{Conformance, CountingAlloc, waits_everywhere};

/// With it the suite measures the memory of filters.
#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

/// The suite with the whole stream where filters are optimised, and a part of it elsewhere.
fn conformance<'a, F: OutputFilter + 'static>(make: impl Fn() -> F + 'a) -> Conformance<'a> {
    let stream_bytes = if cfg!(debug_assertions) { 4 << 20 } else { 64 << 20 };
    brigade_testkit::conformance(make).stream_bytes(stream_bytes)
}

#[expect(clippy::unnecessary_wraps, reason = "what the core wants of a closure")]
fn upper(bytes: &[u8], out: &mut BrigadeWriter<'_, '_>) -> Result<()> {
    out.put(&bytes.to_ascii_uppercase());
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "what the core wants of a closure")]
fn quoted(bytes: &[u8], out: &mut BrigadeWriter<'_, '_>) -> Result<()> {
    out.put(b"<");
    out.put(bytes);
    out.put(b">");
    Ok(())
}

#[test]
fn from_fn_that_hands_all_on_conforms() {
    conformance(|| from_fn(|input, next| next.push_all(input))).check();
}

#[test]
fn filter_that_waits_everywhere_conforms() {
    conformance(waits_everywhere).for_connections().check();
}

#[test]
fn map_bytes_conforms() {
    conformance(|| map_bytes(upper)).for_connections().turns("abc\r\ndef", "ABC\r\nDEF").check();
}

#[test]
fn map_lines_that_passes_long_lines_conforms() {
    conformance(|| map_lines(5, Over::PassThrough, quoted))
        .for_connections()
        .turns("ab\n\ncde", "<ab\n><\n><cde>")
        .carry(5 + 2)
        .memory(5)
        .check();
}

#[test]
fn map_lines_that_refuses_long_lines_conforms() {
    conformance(|| map_lines(5, Over::Fail, quoted))
        .for_connections()
        .turns("ab\n\ncde", "<ab\n><\n><cde>")
        .carry(5 + 2)
        .memory(5)
        .check();
}

#[test]
fn whole_body_that_lets_a_longer_one_pass_conforms() {
    conformance(|| WholeBody::new(16, Over::PassThrough).map(quoted))
        .for_connections()
        .turns("ab\ncde", "<ab\ncde>")
        .carry(16 + 2)
        .memory(16)
        .check();
}

#[test]
fn whole_body_that_refuses_a_longer_one_conforms() {
    conformance(|| WholeBody::new(16, Over::Fail).map(quoted))
        .for_connections()
        .turns("ab\ncde", "<ab\ncde>")
        .carry(16 + 2)
        .memory(16)
        .check();
}

/// Is ready at the second time of asking.
async fn a_moment() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn async_filter_that_awaits_between_buckets_conforms() {
    let awaits = || {
        AsyncFilter::new(|mut body| async move {
            while let Some(bucket) = body.read().await {
                a_moment().await;
                body.push(bucket).await;
            }
            Ok(())
        })
    };
    conformance(awaits).input("ab\ncde").for_connections().check();
}
