//! The rows: what is measured, how often it is done in one call, and what it should cost.
//!
//! Invariant: a row's operation has one answer, the same for both sides, which depends on all its work.

use std::ffi::CStr;
use std::fmt::Write;

use crate::ours::{self, FILE_ANSWER, Ours};

/// Our side of a row: does it so many times, and answers what it saw, added up.
pub(crate) type OurLoop = fn(&mut Ours, u32) -> brigade::Result<u64>;

/// An operation that both sides have.
pub(crate) struct Row {
    pub(crate) op: &'static CStr, // Also its name in `loops.c`.
    pub(crate) about: &'static str,
    pub(crate) goal: f64,   // The most that ours / APR may be.
    pub(crate) units: u32,  // How many of what is named one call of the loop's body does.
    pub(crate) answer: u64, // Of one call of the body.
    pub(crate) ours: OurLoop,
}

impl Row {
    /// The name, for people and for JSON.
    pub(crate) fn name(&self) -> &'static str {
        self.op.to_str().expect("the names below are ASCII")
    }
}

const fn row(op: &'static CStr, goal: f64, answer: u64, ours: OurLoop, about: &'static str) -> Row {
    Row { op, about, goal, units: 1, answer, ours }
}

/// A row whose body does `units` of what it is named after.
const fn each(units: u32, row: &Row) -> Row {
    Row { units, ..*row }
}

/// All rows, in the order in which they are measured.
#[rustfmt::skip] // A table.
pub(crate) static ROWS: [Row; 14] = [
    row(c"transient", 0.4, 32, ours::transient,
        "a bucket of 32 borrowed bytes made, put in a brigade, taken out, dropped"),
    row(c"transient_8", 0.4, 32, ours::transient_8,
        "8 such buckets put into a brigade, which is emptied"),
    row(c"heap_copy_32", 0.4, 32, ours::heap_copy_32,
        "32 bytes copied into a HEAP bucket, which is dropped"),
    row(c"heap_copy_8192", 0.85, 8192, ours::heap_copy_8192,
        "the same with 8 KiB"),
    each(250, &row(c"gather_32", 0.4, 8000, ours::gather_32,
        "one of 250 writes of 32 bytes that gather in a brigade, emptied after")),
    row(c"split", 0.4, 12, ours::split,
        "32 bytes copied into a HEAP bucket, it is split, both halves dropped"),
    row(c"io_slices_64", 0.5, 64, ours::io_slices_64,
        "64 pieces, no neighbours, as the slices of a vectored write"),
    row(c"flatten_64x128", 0.85, 8192, ours::flatten_64x128,
        "64 pieces of 128 bytes copied into one"),
    row(c"flatten_neighbours", 0.3, 8192, ours::flatten_neighbours,
        "64 neighbouring slices of a block as one: ours by reference, APR copies"),
    row(c"partition_4000", 1.3, 96, ours::partition_4000,
        "64 x 128 bytes cut at byte 4000, the rest to a new brigade and back"),
    each(100, &row(c"split_line_80", 0.5, 100, ours::split_line_80,
        "one of 100 lines of 80 bytes taken out of 8,000 borrowed bytes")),
    row(c"set_aside_16x100", 0.4, 1600, ours::set_aside_16x100,
        "16 buckets of 100 borrowed bytes made, set aside, and dropped"),
    row(c"file_mmap", 1.2, FILE_ANSWER, ours::file,
        "a FILE of 1 MiB to its end, a byte of each cache line seen; APR maps it"),
    row(c"file_read", 0.5, FILE_ANSWER, ours::file,
        "the same, where APR may not map it and reads"),
];

/// The rows, for `--help`.
pub(crate) fn help() -> String {
    let mut out = String::from("Rows (op, goal, what is done once):\n");
    for row in &ROWS {
        let _ = writeln!(out, "  {:<18}  {:<4}  {}", row.name(), row.goal, row.about);
    }
    out.push_str(
        "\nExamples:\n  \
         versus_apr                            the table\n  \
         versus_apr --rounds 101 split         one row, with more patience\n  \
         versus_apr --json | jq 'select(.ratio > 0.5)'\n\n\
         Exits with 0 when all was measured, whether or not the goals are met, and with 2 when APR is not\n\
         installed.",
    );
    out
}
