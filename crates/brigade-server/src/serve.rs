//! `brigade serve`: files and streams through chains of filters, on tokio.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use brigade_http::driver::{Server, Settings};
use brigade_http::status_of;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Chains, Config, Listen, Pattern, Placed, Route, Routes, Said};
use crate::error_pages::{self, Pages};
use crate::files::Root;
use crate::listen::Place;
use crate::memory::Memory;
use crate::places::Places;
use crate::reload::{Reload, Running, Source};
use crate::status::Status;
use crate::{config, limits, registry};

/// Serve the files of a directory through filters
///
/// Files go out unread, by sendfile, unless a filter must see their bytes. `brigade filters` lists the
/// filters. On loopback, GET /-/stream?writes=N&size=S&every=F&pause=MS writes N pieces of S bytes,
/// with a flush after every F and MS milliseconds between them. SIGUSR1 prints what the memory of all
/// connections is, as a line of JSON.
///
/// With --config a file says what is served: several directories, chains by path, extension and content
/// type, pages for errors, certificates. `brigade check FILE` says what each URL would get. SIGHUP reads
/// the file again: running responses go on as they began, and a file that is wrong changes nothing.
/// --listen and the limits win over what the file says; what else it says cannot be said by flags too.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The directory; nothing outside it is served, whatever links say [default: .]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Serve as a file of configuration says, in TOML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dir", "filter", "error_page", "demo"])]
    #[cfg_attr(
        feature = "tls",
        arg(conflicts_with_all = ["tls_cert", "tls_key", "self_signed"])
    )]
    config: Option<PathBuf>,
    /// Where to listen: an address, port 0 takes a free one, or unix:PATH; may be repeated
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "PLACE")]
    listen: Vec<Place>,
    /// Put a filter into every response's chain; may be repeated, the first comes first
    #[arg(long, value_name = "SPEC")]
    filter: Vec<String>,
    /// Answer errors of a status by a file, such as 404=lost.html; may be repeated
    #[arg(long, value_name = "STATUS=FILE", value_parser = error_pages::parse)]
    error_page: Vec<error_pages::PageArg>,
    /// Answer /-/stream on other addresses than loopback too
    #[arg(long)]
    demo: bool,
    /// Tell what the server does, at a place of its own: a live page at /-/, /-/status as JSON, and
    /// /-/metrics for Prometheus. Whoever can come there sees what is asked for. Costs some time a response
    #[arg(long, value_name = "PLACE")]
    status: Option<Place>,
    #[command(flatten)]
    limits: Said,
    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: crate::tls::TlsArgs,
}

const EXAMPLES: &str = "\
Examples:
  brigade serve docs
  brigade serve docs --listen 127.0.0.1:8443 --listen unix:/run/docs.sock --tls-self-signed
  brigade serve docs --filter 'substitute s/Apache/httpd/' --filter deflate
  brigade serve --config site.toml
  curl -N --compressed 'http://127.0.0.1:8080/-/stream?writes=10&size=80&pause=300'

A file of configuration:
  [[route]]
  path = \"/\"
  files = \"public\"

  [[chain]]
  type = \"text/*\"
  filters = [\"substitute s/Apache/httpd/\", \"deflate level=9\"]";

pub(crate) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Serves until a signal.
///
/// # Errors
///
/// What is wrong with the configuration, a directory, a filter, an error page or the address; a listener
/// that broke.
pub(crate) fn run(args: &Args) -> Result<()> {
    let descriptors = limits::raise_descriptor_limit()?;
    let config = args.config()?;
    let mut runtime = match config.limits.fixed.threads {
        // One needs nobody to share work with: no queue that others take from, no wake-ups.
        Some(..=1) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if let Some(threads) = config.limits.fixed.threads {
        runtime.worker_threads(threads.max(1));
    }
    runtime.enable_all().build()?.block_on(serve(args, config, descriptors))
}

impl Args {
    fn config(&self) -> Result<Config> {
        match &self.config {
            Some(path) => Ok(self.source(path).load()?),
            None => self.config_of_flags(),
        }
    }

    fn source(&self, path: &Path) -> Source {
        Source { path: path.to_owned(), listen: self.listen.clone(), limits: self.limits }
    }

    fn config_of_flags(&self) -> Result<Config> {
        let dir = self.dir.as_deref().unwrap_or(Path::new("."));
        let name = dir.display().to_string();
        let listeners = self.listeners()?;
        let here = config::Origin::CommandLine;
        let mut routes =
            vec![Route::files(Pattern::all(), Root::open(dir)?, name.clone(), here.clone())];
        if self.demo || listeners.iter().all(|listen| listen.place.is_local()) {
            routes.push(Route::stream(Pattern::parse("/-/stream")?, here.clone()));
        }
        let mut pages = Pages::default();
        for page in &self.error_page {
            pages.add(page)?;
        }
        let prepared = config::prepare_all(&registry(), &self.filter)?;
        let filters = prepared.into_iter().zip(&self.filter);
        let filters =
            filters.map(|(prepared, spec)| Placed::new(spec, prepared, &[], here.clone()));
        Ok(Config {
            name,
            listeners,
            limits: self.limits.into(),
            routes: Routes::new(routes),
            chains: Chains::for_all(filters.collect()),
            pages,
        })
    }

    #[cfg(feature = "tls")]
    fn listeners(&self) -> Result<Vec<Listen>> {
        let mut listeners = plain(&self.listen);
        if let Some(certificate) = self.tls.certificate() {
            let places: Vec<Place> = listeners.iter().map(|listen| listen.place.clone()).collect();
            let config = crate::tls::config(&certificate, &places)?;
            for listen in &mut listeners {
                // Unix sockets stay plain.
                listen.tls = matches!(listen.place, Place::Tcp(_)).then(|| config.clone());
            }
        }
        Ok(listeners)
    }

    #[cfg(not(feature = "tls"))]
    // The other one can refuse.
    #[expect(clippy::unnecessary_wraps)]
    fn listeners(&self) -> Result<Vec<Listen>> {
        Ok(plain(&self.listen))
    }
}

/// These places, or the default one, without TLS.
pub(crate) fn plain(places: &[Place]) -> Vec<Listen> {
    let default = [Place::Tcp(([127, 0, 0, 1], 8080).into())];
    let places = if places.is_empty() { &default } else { places };
    places.iter().map(|place| Listen { place: place.clone(), tls: None }).collect()
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

async fn serve(args: &Args, config: Config, descriptors: u64) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut asked_for_memory = signal(SignalKind::user_defined1())?;
    let fixed = config.limits.fixed;
    let memory = Memory::new(fixed.memory_budget);
    let mut common = Settings::default().report(report).storage(memory.storage());
    let status = args.status.as_ref().map(|place| (place, Status::new(memory.clone())));
    if let Some((_, status)) = &status {
        common = common.ledger(status.ledger());
    }
    // The files of Unix sockets are removed when all is over.
    let mut places = Places::default();
    let lines = places.change(&config.listeners).await?;
    let (server, live) = Server::new(config.handler(descriptors))
        .settings(config.settings(common.clone()))
        .max_connections(fixed.max_connections)
        .grace(fixed.grace)
        .live();
    print_lines(&config.name, &lines)?;
    // The file of its socket is removed when all is over.
    let _file = match status {
        Some((place, status)) => {
            let (url, file) = status.serve_at(place).await?;
            print_lines("status", &[url])?;
            file
        }
        None => None,
    };
    let mut reload = Reload::of(args.config.as_deref().map(|path| args.source(path)))?;
    let (ask_to_stop, asked) = tokio::sync::oneshot::channel();
    let serving = server.serve(places.listeners(), async {
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
            loaded = reload.next() => {
                let mut running = Running { fixed, descriptors, places: &mut places, live: &live, common: &common };
                running.change(loaded).await?;
            }
        }
    }
    let _ = ask_to_stop.send(());
    tokio::select! {
        ended = &mut serving => Ok(ended?),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Prints where it serves: it is how scripts learn the port.
pub(crate) fn print_lines(name: &str, urls: &[String]) -> Result<()> {
    let mut out = anstream::stdout();
    for url in urls {
        writeln!(out, "serving {name} on {url}")?;
    }
    // Whoever waits for the lines must not wait for a buffer to fill.
    out.flush()?;
    Ok(())
}
