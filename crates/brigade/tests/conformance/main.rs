//! The filters that the core makes of closures, and those the kit puts beside a filter, keep every
//! promise of a filter.

use brigade::{BrigadeWriter, Over, Result, WholeBody, from_fn, map_bytes, map_lines};
use brigade_testkit::{CountingAlloc, conformance, waits_everywhere};

/// With it the suite measures the memory of filters.
#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

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
    conformance(waits_everywhere).check();
}

#[test]
fn map_bytes_conforms() {
    conformance(|| map_bytes(upper)).turns("abc\r\ndef", "ABC\r\nDEF").check();
}

#[test]
fn map_lines_that_passes_long_lines_conforms() {
    conformance(|| map_lines(5, Over::PassThrough, quoted))
        .turns("ab\n\ncde", "<ab\n><\n><cde>")
        .carry(5 + 2)
        .memory(5)
        .check();
}

#[test]
fn map_lines_that_refuses_long_lines_conforms() {
    conformance(|| map_lines(5, Over::Fail, quoted))
        .turns("ab\n\ncde", "<ab\n><\n><cde>")
        .carry(5 + 2)
        .memory(5)
        .check();
}

#[test]
fn whole_body_that_lets_a_longer_one_pass_conforms() {
    conformance(|| WholeBody::new(16, Over::PassThrough).map(quoted))
        .turns("ab\ncde", "<ab\ncde>")
        .carry(16 + 2)
        .memory(16)
        .check();
}

#[test]
fn whole_body_that_refuses_a_longer_one_conforms() {
    conformance(|| WholeBody::new(16, Over::Fail).map(quoted))
        .turns("ab\ncde", "<ab\ncde>")
        .carry(16 + 2)
        .memory(16)
        .check();
}
