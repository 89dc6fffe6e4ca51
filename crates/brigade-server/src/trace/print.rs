//! A journey in lines, as it happens.
//!
//! Invariant: nothing is kept, so a file of any size can be traced.

use std::io::{self, Write};

use brigade::{Brigade, Bucket, Observer, Pass, Place};
use brigade_http::ResponseHead;

/// How many bytes of a bucket are shown.
const SHOWN_BYTES: usize = 24;

/// Prints each brigade that passes.
#[derive(Debug, Default)]
pub(super) struct Printer {
    calls: u64,
    failed: Option<io::Error>,
}

impl Printer {
    /// Whether all could be printed.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl Observer for Printer {
    fn passes(&mut self, pass: &Pass<'_>) {
        self.calls += 1;
        let from = if pass.from == Place::Owner { "file" } else { pass.from.name() };
        let way = format!("{from} -> {}", pass.to.name());
        if let Err(error) = print(self.calls, &way, pass.brigade) {
            self.failed.get_or_insert(error);
        }
    }
}

fn print(call: u64, way: &str, brigade: &Brigade<'_>) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{call:>4}  {bold}{way}{bold:#}")?;
    for bucket in brigade {
        writeln!(out, "      {}", show(bucket))?;
    }
    Ok(())
}

fn show(bucket: &Bucket<'_>) -> String {
    let kind = bucket.kind_name();
    if let Some(head) = bucket.as_metadata::<ResponseHead>() {
        let fields = head.headers.iter();
        let fields =
            fields.map(|(name, value)| format!(" {name}: {}", value.as_bytes().escape_ascii()));
        return format!("{kind} {}{}", head.status.as_u16(), fields.collect::<Vec<_>>().join(","));
    }
    match (bucket.bytes(), bucket.len()) {
        (Some(bytes), _) => {
            let shown = bytes[..bytes.len().min(SHOWN_BYTES)].escape_ascii();
            let more = if bytes.len() > SHOWN_BYTES { "..." } else { "" };
            format!("{kind} {} \"{shown}\"{more}", bytes.len())
        }
        (None, _) if bucket.is_metadata() => kind.to_owned(),
        (None, Some(len)) => format!("{kind} {len}"),
        (None, None) => format!("{kind} of unknown length"),
    }
}
