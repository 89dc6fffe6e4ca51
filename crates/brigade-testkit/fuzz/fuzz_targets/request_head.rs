//! The head of a request, cut anywhere: the scanner answers what it answers to the whole buffer, and
//! the parser agrees with it on where the head ends.
//!
//! The first byte says how many cuts there are, and whether limits are tight; a byte for each follows.
#![no_main]

use brigade_http::driver::request::{HeadScan, RequestError, RequestLimits, ScanState, parse_head};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&first, rest)) = input.split_first() else { return };
    let (cuts, head) = rest.split_at(usize::from(first & 7).min(rest.len()));
    let limits = RequestLimits::default();
    let limits = if first & 8 == 0 {
        limits
    } else {
        limits.request_line_bytes(24).header_bytes(40).header_count(3).blank_lines(2)
    };
    check(head, cuts, &limits);
});

fn check(head: &[u8], cuts: &[u8], limits: &RequestLimits) {
    let whole = HeadScan::new().advance(head, limits);
    let mut at: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut).min(head.len())).collect();
    at.sort_unstable();
    assert_eq!(scan(head, at.into_iter(), limits), whole);
    assert_eq!(scan(head, 0..=head.len(), limits), whole);

    let parsed = parse_head(head, limits);
    match whole {
        Ok(ScanState::Complete { head_len }) => {
            assert!(head_len <= head.len() && head_len <= limits.max_head_bytes());
            let alone = parse_head(&head[..head_len], limits);
            assert_eq!(format!("{parsed:?}"), format!("{alone:?}"), "it looked past the head");
        }
        Ok(_) => {
            assert!(head.len() < limits.max_head_bytes(), "nothing more can make this a head");
            parsed.expect_err("a head that goes on was taken for a whole one");
        }
        Err(refusal) => assert_eq!(parsed.expect_err("refused by the scanner"), refusal),
    }
    if let Err(error) = parse_head(head, limits) {
        let status = error.status().as_u16();
        assert!([400, 405, 414, 431, 501, 505].contains(&status), "{status}: {error}");
    }
}

/// Lets the bytes come in pieces that end at `cuts`, then the rest.
fn scan(
    head: &[u8],
    cuts: impl Iterator<Item = usize>,
    limits: &RequestLimits,
) -> Result<ScanState, RequestError> {
    let mut scan = HeadScan::new();
    for cut in cuts {
        let state = scan.advance(&head[..cut], limits)?;
        if state != ScanState::Incomplete {
            return Ok(state);
        }
    }
    scan.advance(head, limits)
}
