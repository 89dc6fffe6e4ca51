//! The `brigade` command: serve files and streams through filter chains, measure and watch them.
#![forbid(unsafe_code)]

mod check;
mod config;
mod demo;
mod error_pages;
mod explain;
mod files;
mod filters;
mod limits;
mod listen;
mod memory;
mod mounted;
mod open_files;
mod places;
mod reload;
mod serve;
mod static_files;
mod status;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod trace;

use std::error::Error;
use std::process::ExitCode;

use brigade::Registry;
use clap::{Parser, Subcommand};

/// Buckets, brigades and chains of filters, over real sockets
///
/// Content enters a chain of filters as buckets, each filter changes it as it streams by, and the
/// network writer sends it at the client's pace. What a connection holds depends on what is in
/// flight, never on how often somebody wrote.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Args>),
    Check(check::Args),
    Explain(explain::Args),
    Stream(stream::Args),
    #[command(hide = true)]
    StreamServer(stream::ServerArgs),
    Trace(trace::Args),
    Filters(filters::Args),
}

/// The filters that a SPEC can name.
fn registry() -> Registry {
    let (mut registry, mut candidates) = (Registry::new(), Registry::new());
    brigade_filters::register_all(&mut registry);
    #[cfg(feature = "testing")]
    brigade_testkit::register_tools(&mut registry);
    brigade_filters::register_all(&mut candidates);
    registry.register(brigade_http::choose_entry(candidates));
    registry
}

fn main() -> ExitCode {
    let done: Result<(), Box<dyn Error + Send + Sync>> = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Stream(args) => stream::run(&args).map_err(Into::into),
        Command::StreamServer(args) => return stream::serve_once(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Filters(args) => filters::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(error) if is_closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&*error);
            // As for flags that are wrong.
            if error.is::<config::Problems>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Says what went wrong, and why, each cause on its own line.
fn report(error: &(dyn Error + 'static)) {
    anstream::eprintln!("brigade: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        anstream::eprintln!("  because: {error}");
        cause = error.source();
    }
}

fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
