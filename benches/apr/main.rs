//! `versus_apr`: the operations of buckets and brigades, ours beside those of Apache's own library.
//!
//! Invariant: both sides do the same work in the same process, and no figure is printed for an
//! operation whose answer is not the right one.

#[cfg(not(apr_found))]
#[path = "absent.rs"]
mod binding;
#[cfg(apr_found)]
#[allow(unsafe_code)] // All of this package's: calls into C, each argued there.
mod binding;
mod measure;
mod ours;
mod report;
mod rows;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use self::binding::Apr;
use self::measure::{Plan, pin};
use self::ours::{BYTES, FILE_BYTES, Ours};
use self::rows::ROWS;

/// Measure buckets and brigades beside Apache's own library, operation by operation
///
/// Ours and APR's take turns in one process, on one core: a round of one, a round of the other. A
/// figure is the median over the rounds of what one operation takes of the thread's own time; the ratio
/// is ours / APR, so that less is better. Before anything is timed each operation gives its answer once,
/// which must be the right one, and again after each round.
///
/// APR's loops are C, compiled with -O2, and used as httpd does: a pool with an unlocked allocator that
/// keeps up to 2 MiB, brigades that are used again.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_long_help = rows::help())]
struct Cli {
    /// The rows to measure; all of them when none is named
    #[arg(value_name = "OP", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(ROWS.iter().map(rows::Row::name)))]
    ops: Vec<String>,
    /// Rounds of each side, of at least two milliseconds each
    #[arg(long, value_name = "N", default_value_t = 15)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Print one JSON object a row (op, ours_ns, apr_ns, ratio) instead of the table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (file, apr) = match fixtures() {
        Ok(fixtures) => fixtures,
        Err(error) => return fail(&format!("make a file of {FILE_BYTES} bytes: {error}")),
    };
    let mut apr = match apr {
        Ok(apr) => apr,
        Err(missing) => {
            eprintln!(
                "versus_apr: APR-util cannot be measured here, missing: {missing}\n\
                 Install it (on Debian: apt-get install libaprutil1-dev pkg-config gcc) and run this \
                 again."
            );
            return ExitCode::from(2);
        }
    };
    let mut ours = Ours::new(file);
    match run(&cli, &mut ours, &mut apr) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

type Fixtures = (Arc<std::fs::File>, Result<Apr, &'static str>);

/// The file that both sides read, and APR's side, or what it lacks.
fn fixtures() -> io::Result<Fixtures> {
    let mut file = tempfile::tempfile()?;
    for _ in 0..FILE_BYTES / BYTES.0.len() as u64 {
        file.write_all(&BYTES.0)?;
    }
    let file = Arc::new(file);
    Ok((Arc::clone(&file), Apr::new(&BYTES.0, file)))
}

fn run(cli: &Cli, ours: &mut Ours, apr: &mut Apr) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    let plan = Plan { rounds: cli.rounds };
    let core = pin();
    if !cli.json {
        report::title(out, plan, apr.version(), core)?;
    }
    let (mut measured, mut missed) = (0, Vec::new());
    let asked = |row: &&rows::Row| cli.ops.is_empty() || cli.ops.iter().any(|op| op == row.name());
    for row in ROWS.iter().filter(asked) {
        let figures = plan.measure(row, ours, apr).map_err(io::Error::other)?;
        if cli.json {
            report::json(out, row, figures)?;
        } else {
            report::line(out, row, figures)?;
        }
        measured += 1;
        if !figures.meets(row.goal) {
            missed.push(row.name());
        }
    }
    if cli.json { Ok(()) } else { report::summary(out, measured, &missed) }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("versus_apr: {error}");
    ExitCode::FAILURE
}
