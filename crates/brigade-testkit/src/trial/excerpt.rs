//! Bytes, as a person wants to see them.

/// How many bytes are shown on each side of the first difference.
const SHOWN: usize = 40;

/// Where two runs of bytes begin to differ, and what is there.
pub(super) fn difference(expected: &[u8], came: &[u8]) -> String {
    let at = expected.iter().zip(came).take_while(|(left, right)| left == right).count();
    format!(
        "the bytes differ from byte {at} on: expected {}, came {}",
        excerpt(expected, at),
        excerpt(came, at)
    )
}

/// The bytes around `at`, and how many there are.
pub(super) fn excerpt(bytes: &[u8], at: usize) -> String {
    let range = at.saturating_sub(SHOWN).min(bytes.len())..bytes.len().min(at + SHOWN);
    let (before, after) =
        (if range.start > 0 { "…" } else { "" }, if range.end < bytes.len() { "…" } else { "" });
    let shown = bytes[range].escape_ascii();
    format!("{before}\"{shown}\"{after} ({})", count_of(bytes.len()))
}

pub(super) fn count_of(bytes: usize) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}
