//! `brigade trace`: what each filter is given and what it pushes, call by call.

use std::error::Error;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use brigade::{Brigade, Bucket, Chain, Effects, Member, Next, OutputFilter};
use brigade_http::{RequestHead, ResponseHead};
use brigade_net::{Close, More, NetworkWriter, Transport};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{StatusCode, Uri};

use crate::{files, registry};

/// Show the buckets of a file on their way through filters
///
/// Each line is one call: who pushed, who was given it, and the brigade: kind, length in bytes, and
/// the first bytes of each bucket that is in memory. A FILE that stays a FILE was never read.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file that is sent
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A filter to send it through; may be repeated
    #[arg(long, value_name = "SPEC")]
    filter: Vec<String>,
}

const EXAMPLES: &str = "\
Example:
  brigade trace README.md --filter 'substitute s/brigade/BRIGADE/' --filter deflate";

/// How many bytes of a bucket are shown.
const SHOWN_BYTES: usize = 24;

/// Sends the file through the filters to nowhere, and prints what goes from one to the next.
///
/// # Errors
///
/// A file that cannot be read, a filter that there is not, what a filter answered.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filters = registry().prepare_all(&args.filter)?;
    let file = File::open(&args.file).map_err(|cause| {
        let what = format!("open {}", args.file.display());
        brigade::Error::new(brigade::ErrorKind::Io, what).because(cause)
    })?;
    let len = file.metadata()?.len();
    let trace = Trace::default();
    let mut chain = Chain::new(NetworkWriter::new(Nowhere));
    let mut from = "file".to_owned();
    for filter in &filters {
        let to = filter.name();
        chain.join_request(Member::new("trace", filter.kind(), trace.tap(&from, to)));
        chain.join_request(filter.member());
        to.clone_into(&mut from);
    }
    let last = brigade::FilterKind::NETWORK;
    chain.join_request(Member::new("trace", last, trace.tap(&from, "network")));
    let mut body: Brigade<'_> =
        [head(args)?, Bucket::file(file, 0, len), Bucket::eos()].into_iter().collect();
    chain.pass(&mut body)?;
    trace.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)?;
    Ok(())
}

/// The RESPONSE that `brigade serve` would send, to a client that takes gzip.
fn head(args: &Args) -> Result<Bucket<'static>, Box<dyn Error + Send + Sync>> {
    let mut request = RequestHead::get(Uri::from_static("/"));
    request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let mut head = ResponseHead::new(StatusCode::OK, Arc::new(request));
    let name = args.file.file_name().unwrap_or_default();
    let content_type = files::content_type(name.as_bytes());
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_str(&content_type)?);
    Ok(head.into_bucket())
}

/// What all taps of a chain share.
#[derive(Debug, Clone, Default)]
struct Trace {
    calls: Arc<Mutex<u64>>,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl Trace {
    fn tap(&self, from: &str, to: &str) -> Tap {
        Tap { trace: self.clone(), way: format!("{from} -> {to}") }
    }
}

/// Prints a brigade and hands it on.
#[derive(Debug)]
struct Tap {
    trace: Trace,
    way: String,
}

impl OutputFilter for Tap {
    fn filter<'b>(
        &mut self,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> brigade::Result<()> {
        let mut calls = self.trace.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls += 1;
        let printed = print(*calls, &self.way, input);
        drop(calls);
        if let Err(error) = printed {
            let mut failed = self.trace.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert(error);
        }
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
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

/// Takes all there is.
#[derive(Debug)]
struct Nowhere;

impl Transport for Nowhere {
    fn write(&mut self, slices: &[IoSlice<'_>], _more: More) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn send_file(
        &mut self,
        _file: &File,
        _offset: u64,
        len: u64,
        _more: More,
    ) -> io::Result<usize> {
        Ok(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn close(&mut self, _how: Close) -> io::Result<()> {
        Ok(())
    }
}
