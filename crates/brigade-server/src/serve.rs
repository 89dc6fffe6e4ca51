//! `brigade serve`: the files of a directory through a chain of filters, on tokio.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use brigade_http::driver::{Listener, Router, Server, Settings};
use brigade_http::status_of;
use tokio::signal::unix::{SignalKind, signal};

use crate::files::Root;
use crate::listen::{Bound, Place, SocketFile, bind};
use crate::memory::{Memory, parse_limit};
use crate::open_files::OpenFiles;
use crate::static_files::StaticFiles;
use crate::{demo, error_pages, limits, registry};

/// Serve the files of a directory through filters
///
/// Files go out unread, by sendfile, unless a filter must see their bytes. `brigade filters` lists the
/// filters. On loopback, GET /-/stream?writes=N&size=S&every=F&pause=MS writes N pieces of S bytes,
/// with a flush after every F and MS milliseconds between them. SIGUSR1 prints what the memory of all
/// connections is, as a line of JSON.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The directory; nothing outside it is served, whatever links say
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Where to listen: an address, port 0 takes a free one, or unix:PATH; may be repeated
    #[arg(long, value_name = "PLACE", default_value = "127.0.0.1:8080")]
    listen: Vec<Place>,
    /// Put a filter into every response's chain; may be repeated, the first comes first
    #[arg(long, value_name = "SPEC")]
    filter: Vec<String>,
    /// Answer errors of a status by a file, such as 404=lost.html; may be repeated
    #[arg(long, value_name = "STATUS=FILE", value_parser = error_pages::parse)]
    error_page: Vec<error_pages::PageArg>,
    /// How long running responses may go on after SIGINT or SIGTERM; a second signal ends them
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_time)]
    grace: Duration,
    /// Answer /-/stream on other addresses than loopback too
    #[arg(long)]
    demo: bool,
    /// How many connections may be open; others wait
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    max_connections: usize,
    /// How long the head of a request may take
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = parse_time)]
    header_timeout: Duration,
    /// How long a connection may wait for its next request
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    keep_alive_timeout: Duration,
    /// How long a client may take nothing of a response
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    write_timeout: Duration,
    /// The most that the blocks of all connections hold together, such as 64Mi. While it is used up
    /// files that filters must see wait unread, and new connections wait; nothing under way is dropped
    #[arg(long, value_name = "SIZE", value_parser = parse_limit)]
    memory_budget: Option<usize>,
    /// How many files may be kept open for who asks next; 0: each is looked up for each request
    #[arg(long, value_name = "N", default_value_t = 256)]
    open_files: usize,
    /// How long a file is kept open, and so how late a change may show
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    open_files_age: Duration,
    /// Worker threads
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: crate::tls::TlsArgs,
}

const EXAMPLES: &str = "\
Examples:
  brigade serve docs
  brigade serve docs --listen 127.0.0.1:8443 --listen unix:/run/docs.sock --tls-self-signed
  brigade serve docs --filter 'substitute s/Apache/httpd/' --filter deflate
  curl -N --compressed 'http://127.0.0.1:8080/-/stream?writes=10&size=80&pause=300'";

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Serves until a signal.
///
/// # Errors
///
/// What is wrong with the directory, a filter, an error page or the address; a listener that broke.
pub(crate) fn run(args: &Args) -> Result<()> {
    let descriptors = limits::raise_descriptor_limit()?;
    // Most are for clients, and for files while they are sent.
    let kept = usize::try_from(descriptors / 4).map_or(args.open_files, |n| n.min(args.open_files));
    let open = OpenFiles::new(kept, args.open_files_age);
    let files = StaticFiles::new(Root::open(&args.dir)?, open);
    let memory = Memory::new(args.memory_budget);
    let server = Server::new(router(args, files))
        .settings(settings(args)?.storage(memory.storage()))
        .max_connections(args.max_connections)
        .grace(args.grace);
    let mut runtime = match args.threads {
        // One needs nobody to share work with: no queue that others take from, no wake-ups.
        Some(..=1) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if let Some(threads) = args.threads {
        runtime.worker_threads(threads.max(1));
    }
    runtime.enable_all().build()?.block_on(serve(args, server, &memory))
}

fn router(args: &Args, files: StaticFiles) -> Router {
    let router = Router::new(files);
    let is_local = args.listen.iter().all(Place::is_local);
    if is_local || args.demo { router.route("/-/stream", demo::stream) } else { router }
}

fn settings(args: &Args) -> Result<Settings> {
    let registry = registry();
    let mut settings = Settings::default()
        .header_timeout(args.header_timeout)
        .keep_alive_timeout(args.keep_alive_timeout)
        .write_timeout(args.write_timeout)
        .report(report);
    settings.header = Arc::new(error_pages::options(&args.error_page)?);
    for filter in registry.prepare_all(&args.filter)? {
        settings = settings.filter(filter);
    }
    Ok(settings)
}

/// What an operator must know of: not clients that leave, nor what they ask for that is not there.
fn report(error: &brigade::Error) {
    use brigade::ErrorKind::{Aborted, ClientGone, TimedOut};
    #[cfg(feature = "tls")]
    if crate::tls::is_clients(error) {
        return;
    }
    if !matches!(error.kind(), Aborted | ClientGone | TimedOut)
        && status_of(error).is_server_error()
    {
        crate::report(error);
    }
}

async fn serve(args: &Args, server: Server, memory: &Memory) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut asked_for_memory = signal(SignalKind::user_defined1())?;
    // The files of Unix sockets are removed when all is over.
    let (places, _files) = listen(args).await?;
    let (ask_to_stop, asked) = tokio::sync::oneshot::channel();
    let serving = server.serve(places, async {
        // Whoever could ask is gone only with this function.
        let _ = asked.await;
    });
    tokio::pin!(serving);
    loop {
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = asked_for_memory.recv() => memory.print(),
        }
    }
    let _ = ask_to_stop.send(());
    tokio::select! {
        ended = &mut serving => Ok(ended?),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Listens at all places, and prints where: it is how scripts learn the port.
async fn listen(args: &Args) -> Result<(Vec<Listener>, Vec<SocketFile>)> {
    #[cfg(feature = "tls")]
    let tls = crate::tls::config(&args.tls, &args.listen)?;
    let (mut listeners, mut files, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for place in &args.listen {
        match bind(place).await? {
            Bound::Tcp(listener, address) => {
                let listener = Listener::from(listener);
                #[cfg(feature = "tls")]
                if let Some(config) = &tls {
                    lines.push(format!("https://{address}/"));
                    listeners.push(listener.tls(config.clone()));
                    continue;
                }
                lines.push(format!("http://{address}/"));
                listeners.push(listener);
            }
            Bound::Unix(listener, file) => {
                lines.push(place.to_string());
                listeners.push(listener.into());
                files.push(file);
            }
        }
    }
    let mut out = anstream::stdout();
    for line in lines {
        writeln!(out, "serving {} on {line}", args.dir.display())?;
    }
    // Whoever waits for the lines must not wait for a buffer to fill.
    out.flush()?;
    Ok((listeners, files))
}

/// `30s`, `500ms`, `2m`, or seconds.
fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no time, such as 30s"))?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs).ok_or_else(|| "too long".into()),
        unit => Err(format!("there is no unit {unit:?}; there are ms, s and m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_with_its_unit_and_else_in_seconds() {
        let cases = [("30s", 30_000), ("7", 7000), ("500ms", 500), ("2m", 120_000), ("0s", 0)];
        for (text, millis) in cases {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "1h", "-1s", "1.5s"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
