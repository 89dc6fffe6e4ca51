//! `versus_servers`: files from `brigade serve` beside nginx, lighttpd, httpd and axum.
//!
//! Invariant: no server is measured that did not answer the same request with the same content first,
//! and none outlives this program.

mod answer;
mod axum_dir;
mod child;
mod cores;
mod measure;
mod plot;
mod report;
mod rows;
mod servers;
mod site;
mod wrk;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};

use self::cores::Cores;
use self::measure::{Measured, Plan};
use self::rows::{ROWS, Row};
use self::servers::Server;
use self::site::Site;
use self::wrk::Wrk;

/// What came of a step, or a sentence for the user.
type Result<T, E = String> = std::result::Result<T, E>;

/// Measure `brigade serve` beside other servers of files, in requests a second
///
/// Each server has one core and wrk, which asks over kept connections on loopback, another. The servers
/// take turns, round by round; a figure is the median of a server's rounds. The ratio is ours / the
/// best of the others, so that more is better. Each server runs from a configuration made for this:
/// one process, sendfile, connections kept for ever, no access log. All send under the congestion
/// control that the system has for loopback.
///
/// nginx, lighttpd and httpd are measured where they are installed; axum with tower-http's ServeDir is
/// built in. On Debian: apt-get install wrk nginx-light lighttpd apache2. They are started from files
/// in a temporary directory and ended with it; what the system runs and keeps in /etc is not touched.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_long_help = rows::help())]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Cli {
    /// The rows to measure; all of them when none is named
    #[arg(value_name = "ROW", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(ROWS.iter().map(|row| row.name)))]
    rows: Vec<String>,
    /// How long wrk asks in each round
    #[arg(long, value_name = "N", default_value = "3")]
    seconds: NonZeroU32,
    /// Rounds of each server
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: NonZeroU32,
    /// Connections that wrk keeps open
    #[arg(long, value_name = "N", default_value = "32")]
    connections: NonZeroU32,
    /// Measure beside this server only; may be repeated
    #[arg(long, value_name = "SERVER")]
    peer: Vec<Server>,
    /// The `brigade` to measure, in place of one that cargo builds from these sources
    #[arg(long, value_name = "FILE")]
    brigade: Option<PathBuf>,
    /// Print one JSON object a row instead of the table
    #[arg(long)]
    json: bool,
    /// Draw the figures into this file, as an SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<child::Role>,
}

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    if let Some(role) = cli.role.take() {
        return match role.play() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    let Some(wrk) = Wrk::find() else {
        eprintln!(
            "versus_servers: wrk asks the questions, and it is not installed.\n\
             Install it, and the servers to compare with (on Debian: apt-get install wrk nginx-light \
             lighttpd apache2), and run this again."
        );
        return ExitCode::from(2);
    };
    match run(&cli, wrk) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn run(cli: &Cli, wrk: Wrk) -> Result<()> {
    let cores = Cores::choose()?;
    let site = Site::make().map_err(|error| format!("make the files to serve: {error}"))?;
    let brigade = match &cli.brigade {
        Some(program) => program.clone(),
        None => servers::build_brigade()?,
    };
    let servers = servers::present(brigade, &cli.peer);
    let asked = |row: &&Row| cli.rows.is_empty() || cli.rows.iter().any(|name| name == row.name);
    let rows: Vec<&Row> = ROWS.iter().filter(asked).collect();
    let plan = Plan {
        wrk,
        cores,
        seconds: cli.seconds.get(),
        rounds: cli.rounds.get(),
        connections: cli.connections.get(),
    };
    let bar = progress(rows.len() * servers.len() * cli.rounds.get() as usize);
    let mut measured = Vec::new();
    if !cli.json {
        shown(report::title(&mut io::stdout(), &plan, &servers))?;
    }
    for row in rows {
        let figures = plan.measure(row, &servers, &site, &bar)?;
        bar.suspend(|| shown(show(cli, &figures)))?;
        measured.push(figures);
    }
    bar.finish_and_clear();
    if let Some(file) = &cli.plot {
        let svg = plot::draw(&measured).map_err(|error| format!("draw the figures: {error}"))?;
        let written = std::fs::write(file, svg);
        written.map_err(|error| format!("write {}: {error}", file.display()))?;
    }
    if cli.json { Ok(()) } else { shown(report::summary(&mut io::stdout(), &measured)) }
}

fn show(cli: &Cli, figures: &Measured) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    if cli.json { report::json(out, figures) } else { report::line(out, figures) }
}

/// Whoever read our output may have seen enough: that ends the program, and is no error.
fn shown(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(error.to_string()),
        Ok(()) => Ok(()),
    }
}

/// A bar on the terminal of whoever waits; nothing anywhere else.
fn progress(steps: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {eta} left  {msg}");
    ProgressBar::new(steps as u64).with_style(style.expect("a template that has been seen to work"))
}

fn fail(error: &str) -> ExitCode {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr(), "versus_servers: {error}");
    ExitCode::FAILURE
}
