//! What each stock filter is tried with, and what it says of itself: data alone, so that the filters can
//! be tried elsewhere too.

/// What is tried of a filter, and what it says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) spec: &'static str,
    /// The fields of the head that goes before the body, if one does.
    pub(crate) fields: Option<&'static [(&'static str, &'static str)]>,
    pub(crate) input: &'static [u8],
    /// What becomes of it, decoded.
    pub(crate) output: &'static [u8],
    /// Whether that is coded with gzip, where no head says so.
    pub(crate) is_gzip: bool,
    pub(crate) carry_bytes: usize,
    /// What it needs beside what any filter may.
    pub(crate) memory_bytes: usize,
    /// Its output is so much longer than its input that less of that is enough.
    pub(crate) grows: bool,
}

impl Case {
    /// The entry of the registry that it is a case of.
    pub(crate) fn name(&self) -> &'static str {
        self.spec.split(' ').next().unwrap_or_default()
    }
}

/// Text with a needle, half of one at the end, and one that overlaps itself.
const TEXT: &[u8] = b"aab\r\nababa";

/// `aab`, as gzip has it.
const GZIP: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KLL\x02\x00\x97\x22\x0ei\x03\x00\x00\x00";

/// A queue of a thousand parts of a file.
const QUEUE_BYTES: usize = 256 * 1024;

/// A few marks that wait for half a needle.
const MARKS_BYTES: usize = 16 * 1024;

/// What zlib needs for one stream.
const DEFLATE_BYTES: usize = 372 * 1024;

const fn turns(spec: &'static str, input: &'static [u8], output: &'static [u8]) -> Case {
    Case {
        spec,
        fields: None,
        input,
        output,
        is_gzip: false,
        carry_bytes: 0,
        memory_bytes: 0,
        grows: false,
    }
}

const fn keeps(memory_bytes: usize, carry_bytes: usize, case: Case) -> Case {
    Case { carry_bytes, memory_bytes, ..case }
}

const fn with_head(fields: &'static [(&'static str, &'static str)], case: Case) -> Case {
    Case { fields: Some(fields), ..case }
}

const fn gzip(case: Case) -> Case {
    Case { is_gzip: true, memory_bytes: DEFLATE_BYTES, ..case }
}

/// Forty bytes for one.
const GROWS: Case = turns(
    "substitute s/a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/",
    b"abaa",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\
      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
);

pub(crate) const CASES: &[Case] = &[
    turns("pass", TEXT, TEXT),
    keeps(MARKS_BYTES, 1, turns("substitute s/ab/x/", TEXT, b"ax\r\nxxa")),
    keeps(MARKS_BYTES, 1, turns("substitute s/ab/ba/", TEXT, b"aba\r\nbabaa")),
    keeps(MARKS_BYTES, 2, turns("substitute s/aba//", TEXT, b"aab\r\nba")),
    Case { grows: true, ..keeps(MARKS_BYTES, 0, GROWS) },
    with_head(&[("content-type", "text/html")], turns("substitute s/a/html/", b"ba", b"bhtml")),
    with_head(&[("content-type", "image/png")], turns("substitute s/a/picture/", b"ba", b"ba")),
    keeps(4096, 0, turns("collect limit=4", TEXT, TEXT)),
    keeps(1 << 20, 0, turns("collect", TEXT, TEXT)),
    keeps(4096, 0, turns("spill limit=4", TEXT, TEXT)),
    keeps(QUEUE_BYTES, 0, turns("spill", TEXT, TEXT)),
    keeps(48 * 1024, 0, turns("inflate", GZIP, b"aab")),
    with_head(
        &[("content-encoding", "gzip")],
        keeps(48 * 1024, 0, turns("inflate limit=1000000000", GZIP, b"aab")),
    ),
    // It is not coded: left alone.
    with_head(&[], turns("inflate limit=1", TEXT, TEXT)),
    gzip(turns("deflate", TEXT, TEXT)),
    gzip(with_head(&[], turns("deflate level=1 min_bytes=0", TEXT, TEXT))),
    // It is coded already: left alone.
    with_head(&[("content-encoding", "br")], turns("deflate level=0", TEXT, TEXT)),
];
