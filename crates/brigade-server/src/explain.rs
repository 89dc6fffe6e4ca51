//! `brigade explain`: asks a running server for something, and says why the answer is as it is.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use brigade_http::driver::EXPLAIN_FIELD;
use http::Uri;
use serde_json::Value;

use crate::listen::Place;

/// Ask a running server for something, and say why the answer is as it is
///
/// The server must have been started with --status. Its ledger names, for this one response, each filter
/// it went through: what it was given and pushed, what it held and for how long; and the reasons for
/// what was decided: why it was chunked, not compressed, made memory of a file, closed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to ask for; http alone
    #[arg(value_name = "URL")]
    url: Uri,
    /// Where the server tells its status: an address, or unix:PATH
    #[arg(long, value_name = "PLACE")]
    status: Place,
    /// A field to send, such as 'Accept-Encoding: gzip'; may be repeated
    #[arg(long, short = 'H', value_name = "FIELD")]
    header: Vec<String>,
    /// Ask as a client of HTTP/1.0
    #[arg(long = "http1.0")]
    http1_0: bool,
    /// Print the ledger's entry as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  brigade serve docs --filter deflate --status 127.0.0.1:9090
  brigade explain http://127.0.0.1:8080/README.md --status 127.0.0.1:9090 -H 'Accept-Encoding: gzip'";

/// Whatever takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(30);

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Asks, and prints why.
///
/// # Errors
///
/// A server that cannot be reached, or whose status tells nothing of this request.
pub(crate) fn run(args: &Args) -> Result<()> {
    let id = format!("explain-{}-{}", std::process::id(), nanos());
    let mut asked = ask(args, &id)?;
    let drained = std::thread::spawn(move || io::copy(&mut asked, &mut io::sink()));
    let entry = await_entry(&args.status, &id)?;
    // The connection may be kept open by the server, and ends with this process.
    drop(drained);
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{entry}")?;
    } else {
        print(&mut out, &entry)?;
    }
    Ok(())
}

fn nanos() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.subsec_nanos())
}

fn ask(args: &Args, id: &str) -> Result<TcpStream> {
    let host = args.url.host().ok_or("the URL names no host, such as http://127.0.0.1:8080/")?;
    if args.url.scheme_str() != Some("http") {
        return Err("only http URLs can be explained".into());
    }
    let port = args.url.port_u16().unwrap_or(80);
    let target = args.url.path_and_query().map_or("/", |target| target.as_str());
    let version = if args.http1_0 { "1.0" } else { "1.1" };
    let host_field = args.url.authority().map_or(host, |authority| authority.as_str());
    let mut request =
        format!("GET {target} HTTP/{version}\r\nHost: {host_field}\r\n{EXPLAIN_FIELD}: {id}\r\n");
    for field in &args.header {
        if field.contains(['\r', '\n']) || !field.contains(':') {
            return Err(format!("{field:?} is no field, such as 'Accept-Encoding: gzip'").into());
        }
        request.push_str(field);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((bare, port))?;
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Waits until the server has ended the response, and takes its entry.
fn await_entry(status: &Place, id: &str) -> Result<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let entry = fetch(status, &format!("/-/response?id={id}"))?;
        if entry.as_ref().is_some_and(|entry| !entry["end"].is_null()) || Instant::now() > until {
            return entry.ok_or_else(|| {
                format!("the server at {status} knows nothing of this request: is it the same one?")
                    .into()
            });
        }
        // The response is under way: there is nobody to be woken by.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// GETs JSON from the status listener; `None`: there is no such thing.
fn fetch(status: &Place, target: &str) -> Result<Option<Value>> {
    let request = format!("GET {target} HTTP/1.0\r\n\r\n");
    let mut answer = Vec::new();
    match status {
        Place::Tcp(address) => exchange(TcpStream::connect(address)?, &request, &mut answer)?,
        Place::Unix(path) => exchange(UnixStream::connect(path)?, &request, &mut answer)?,
    }
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the status listener speaks no HTTP")?;
    if head.split(' ').nth(1) != Some("200") {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(body)?))
}

fn exchange(mut stream: impl Read + Write, request: &str, into: &mut Vec<u8>) -> io::Result<()> {
    stream.write_all(request.as_bytes())?;
    stream.read_to_end(into).map(drop)
}

fn print(out: &mut impl Write, entry: &Value) -> io::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let bold = anstyle::Style::new().bold();
    let status = entry["status"].as_u64().unwrap_or(0);
    let took = entry["took_seconds"].as_f64().unwrap_or(0.0) * 1000.0;
    writeln!(
        out,
        "{bold}{} {}{bold:#}  {status}, {}, {} bytes in {took:.1} ms, framed by {}{}",
        text(&entry["method"]),
        text(&entry["target"]),
        entry["end"].as_str().unwrap_or("under way"),
        entry["bytes_out"],
        entry["framing"].as_str().unwrap_or("nothing"),
        if entry["closes"] == true { ", then closed" } else { "" },
    )?;
    writeln!(
        out,
        "\n{:<16}{:>6}{:>12}{:>12}{:>12}{:>12}{:>10}",
        "", "calls", "in", "out", "read", "held", "for ms"
    )?;
    for line in entry["filters"].as_array().into_iter().flatten() {
        let held_ms = line["held_seconds"].as_f64().unwrap_or(0.0) * 1000.0;
        write!(out, "{:<16}{:>6}", text(&line["name"]), line["calls"].as_u64().unwrap_or(0))?;
        for key in ["bytes_in", "bytes_out", "read_bytes", "held_peak_bytes"] {
            write!(out, "{:>12}", line[key].as_u64().unwrap_or(0))?;
        }
        let aside = if line["stepped_aside"] == true { "  stepped aside" } else { "" };
        writeln!(out, "{held_ms:>10.1}{aside}")?;
    }
    writeln!(out)?;
    for reason in entry["reasons"].as_array().into_iter().flatten() {
        writeln!(out, "{bold}{}{bold:#}: {}", text(&reason["filter"]), text(&reason["text"]))?;
    }
    Ok(())
}
