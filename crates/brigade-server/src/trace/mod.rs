//! `brigade trace`: what each filter is given and what it pushes, call by call; printed, drawn, saved.

mod html;
mod nowhere;
mod print;

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brigade::{Brigade, Bucket, Chain};
use brigade_http::{RequestHead, ResponseHead, describe_mark};
use brigade_net::NetworkWriter;
use brigade_testkit::journey::{Journey, Recorder};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{StatusCode, Uri};

use self::nowhere::Nowhere;
use self::print::Printer;
use crate::{files, registry};

/// Show the buckets of a file on their way through filters
///
/// Each line is one call: who pushed, who was given it, and the brigade: kind, length in bytes, and
/// the first bytes of each bucket that is in memory. A FILE that stays a FILE was never read.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file that is sent
    #[arg(value_name = "FILE", required_unless_present = "load")]
    file: Option<PathBuf>,
    /// A filter to send it through; may be repeated
    #[arg(long, value_name = "SPEC")]
    filter: Vec<String>,
    /// Draw the journey instead: a page of its own, filters from left to right, time downwards
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,
    /// Write the journey down, with all bytes that passed, for the testkit to go it again
    #[arg(long, value_name = "OUT", conflicts_with = "load")]
    save: Option<PathBuf>,
    /// Draw a journey that was saved
    #[arg(long, value_name = "JOURNEY", requires = "html", conflicts_with_all = ["file", "filter"])]
    load: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  brigade trace README.md --filter 'substitute s/brigade/BRIGADE/' --filter deflate
  brigade trace README.md --filter deflate --html journey.html --save journey.jsonl";

/// What a journey takes in memory, and on disk, at most.
const MAX_JOURNEY_BYTES: usize = 64 << 20;

type Answer<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Sends the file through the filters to nowhere, and shows what goes from one to the next.
///
/// # Errors
///
/// A file that cannot be read or written, a filter that there is not, what a filter answered.
pub(crate) fn run(args: &Args) -> Answer<()> {
    if let Some(saved) = &args.load {
        let from = BufReader::new(open(saved)?);
        let journey = Journey::load(from, MAX_JOURNEY_BYTES as u64)?;
        return draw(&journey, saved, args);
    }
    let Some(path) = &args.file else { return Ok(()) };
    let mut chain = Chain::new(NetworkWriter::new(Nowhere));
    for filter in registry().prepare_all(&args.filter)? {
        chain.join_request(filter.member());
    }
    if args.html.is_none() && args.save.is_none() {
        chain.observe(Printer::default());
        send(&mut chain, path)?;
        return Ok(chain.observer::<Printer>().map_or(Ok(()), Printer::finish)?);
    }
    let recorder = match args.save {
        Some(_) => Recorder::bodies(MAX_JOURNEY_BYTES, &chain),
        None => Recorder::glimpses(MAX_JOURNEY_BYTES, &chain),
    };
    chain.observe(recorder.describe(describe_mark));
    // A journey that ends in an error is one to look at.
    let sent = send(&mut chain, path);
    let journey = chain.observer::<Recorder>().map(Recorder::take).unwrap_or_default();
    if let Some(save) = &args.save {
        journey.save(BufWriter::new(create(save)?))?;
    }
    draw(&journey, path, args)?;
    sent
}

fn send(chain: &mut Chain, path: &Path) -> Answer<()> {
    let file = open(path)?;
    let len = file.metadata()?.len();
    let mut body: Brigade<'_> =
        [head(path)?, Bucket::file(file, 0, len), Bucket::eos()].into_iter().collect();
    Ok(chain.pass(&mut body)?)
}

fn draw(journey: &Journey, of: &Path, args: &Args) -> Answer<()> {
    let Some(path) = &args.html else { return Ok(()) };
    let title = format!("{} on its way", of.file_name().unwrap_or_default().display());
    let page = html::page(journey, &title, &args.filter);
    Ok(create(path)?.write_all(page.as_bytes())?)
}

/// The RESPONSE that `brigade serve` would send, to a client that takes gzip.
fn head(path: &Path) -> Answer<Bucket<'static>> {
    let mut request = RequestHead::get(Uri::from_static("/"));
    request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let mut head = ResponseHead::new(StatusCode::OK, Arc::new(request));
    let name = path.file_name().unwrap_or_default();
    let content_type = files::content_type(name.as_bytes());
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_str(&content_type)?);
    Ok(head.into_bucket())
}

fn open(path: &Path) -> brigade::Result<File> {
    File::open(path).map_err(|cause| failed("open", path).because(cause))
}

fn create(path: &Path) -> brigade::Result<File> {
    File::create(path).map_err(|cause| failed("create", path).because(cause))
}

fn failed(what: &str, path: &Path) -> brigade::Error {
    brigade::Error::new(brigade::ErrorKind::Io, format!("{what} {}", path.display()))
}
