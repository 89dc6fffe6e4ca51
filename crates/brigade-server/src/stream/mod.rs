//! `brigade stream`: the founding experiment, for real.
//!
//! A body goes out in very many small writes, over loopback TCP, from a server that is a process
//! of its own to a client in this one, once for each model. What it costs in time and memory is
//! measured where it is served; that it is the right body is checked where it is received.
//!
//! Invariant: no figure is printed for a run whose body was not received whole and right.

mod bare;
mod brigade_model;
mod buffered;
mod child;
mod client;
mod decode;
mod failure;
mod live;
mod memory;
mod meter;
mod pattern;
mod plan;
mod plot;
mod pool;
mod report;
mod server;
mod table;
pub(crate) mod units;
mod view;

pub(crate) use failure::Failure;
pub(crate) use pattern::Pattern;
pub(crate) use server::{ServerArgs, serve_once};

use anstream::stdout;
use child::{Child, Watch};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use plan::Plan;
use report::{Figures, Model, Report};
use std::io::Write;
use std::path::PathBuf;
use units::{parse_number, parse_positive};
use view::View;

/// The longest piece, in bytes: both sides keep one in memory.
const LONGEST_PIECE: u64 = 16 << 20;

/// Stream a body in a million small writes, and see what it costs in time and memory
///
/// In 2010 a mod_python handler sent a long response by many small req.write() calls, and its
/// Apache grew until the machine was out of memory: each write flushed, each flush took a
/// brigade from the request's pool, and the pool gives nothing back before the request ends.
/// Here a connection's memory depends on what is in flight, never on how often somebody wrote.
///
/// A server (a process of its own for each model) streams the same body to a client that checks
/// every byte, over loopback TCP; the figures are measured in the server.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    /// Which way to stream; `all` runs bare, brigade and pool, one after the other
    #[arg(long, value_enum, default_value_t = Choice::All)]
    model: Choice,
    /// Watch it: blocks that light up when they are lent, memory, and what each filter holds. A
    /// picture on standard error at a terminal, a line a second where that is none
    #[arg(long)]
    live: bool,
    /// Draw memory against writes, one line a model, as an SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Print one JSON object, an array of them for `all`, instead of the table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  brigade stream --writes 10M
      the founding experiment, ten million writes: watch `pool` grow by 64 bytes a write
  brigade stream --writes 10M --plot memory.svg
      the same as a picture
  brigade stream --writes 300M --live
      watch it: `pool` climbs, `brigade` uses the same few blocks again and again
  brigade stream --model brigade --filter pass --filter pass --filter pass
      what three more filters in the chain cost
  brigade stream --model brigade --writes 300k --flush-every 1 --json
      each write on the wire at once: one system call a write";

/// What to stream: the same for the command and the servers it starts.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PlanArgs {
    /// How many writes: 1000000, 1_000_000 or 1M (k, M, G: 1000; Ki, Mi, Gi: 1024)
    #[arg(long, value_name = "N", default_value = "1M", value_parser = parse_positive)]
    writes: u64,
    /// How many bytes each write has
    #[arg(long, value_name = "BYTES", default_value = "32", value_parser = parse_size)]
    size: usize,
    /// Flush after every N writes, and what is buffered goes to the socket; 0: only at the end
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_number)]
    flush_every: u64,
    /// Put a filter into the chain of the `brigade` model; may be repeated, the first comes first.
    /// It must not change the body: the client checks it
    #[arg(long, value_name = "SPEC")]
    filter: Vec<String>,
}

impl PlanArgs {
    fn plan(&self, sampled: bool) -> Result<Plan, Failure> {
        let plan = Plan {
            writes: self.writes,
            size: self.size,
            flush_every: (self.flush_every > 0).then_some(self.flush_every),
            filters: self.filter.clone(),
            sampled,
        };
        match plan.bytes() {
            Some(_) => Ok(plan),
            None => {
                let what = format!("{} writes of {} bytes", plan.writes, plan.size);
                Err(Failure::new(format!("{what} are more bytes than 64 bits count")))
            }
        }
    }
}

fn parse_size(text: &str) -> Result<usize, String> {
    let size = parse_positive(text)?;
    if size > LONGEST_PIECE {
        return Err(format!("at most {}", units::bytes(LONGEST_PIECE)));
    }
    usize::try_from(size).map_err(|error| error.to_string())
}

/// Which models are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    /// This framework: HTTP/1.1 with chunked coding through a chain of filters
    Brigade,
    /// httpd 2.2 under mod_python: 64 bytes from the request's pool for each write
    Pool,
    /// A plain loop that fills a 64 KiB buffer and writes it: the floor of this machine
    Bare,
    /// All three
    All,
}

impl Choice {
    fn models(self) -> &'static [Model] {
        match self {
            Self::Brigade => &[Model::Brigade],
            Self::Pool => &[Model::Pool],
            Self::Bare => &[Model::Bare],
            Self::All => &[Model::Bare, Model::Brigade, Model::Pool],
        }
    }
}

/// Runs the experiment and prints what it shows.
///
/// Blocks until it is done. The servers it starts are killed when the calling thread ends.
///
/// # Errors
///
/// A server could not be started or ended early, the body that arrived is not the one planned,
/// or the output could not be written.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let models = args.model.models();
    let plan = args.plan.plan(args.plot.is_some())?;
    if !plan.filters.is_empty() && !models.contains(&Model::Brigade) {
        let what = "--filter needs the `brigade` model: the others have no chain to put it in";
        return Err(Failure::new(what));
    }
    let mut reports = Vec::with_capacity(models.len());
    for &model in models {
        reports.push(run_one(model, &plan, args.live)?);
    }
    print(args, &plan, &reports)?;
    let Some(file) = &args.plot else { return Ok(()) };
    let failed = || Failure::new(format!("draw the plot into {}", file.display()));
    let svg = plot::draw(&plan, &reports).map_err(|e| failed().because(e))?;
    std::fs::write(file, svg).map_err(|e| failed().because(e))
}

/// One model, in a process of its own, received and checked here.
fn run_one(model: Model, plan: &Plan, live: bool) -> Result<Report, Failure> {
    let total_bytes = plan.bytes().expect("a plan is made with a length that fits");
    let (child, port) = Child::start(model, plan, live.then(|| watch(model, plan)))?;
    let bar = if live { ProgressBar::hidden() } else { progress_bar(model, total_bytes) };
    match client::fetch(port, total_bytes, |bytes| bar.set_position(bytes)) {
        Ok(()) => child.report(),
        Err(failure) => {
            let what = format!("stream through the `{model}` model: {failure}");
            let cause: Box<dyn std::error::Error + Send + Sync> = match child.last_words() {
                Some(words) => words.into(),
                None => return Err(Failure::new(what)),
            };
            Err(Failure::new(what).because(cause))
        }
    }
}

fn watch(model: Model, plan: &Plan) -> Watch {
    let mut view = View::new(model, plan);
    Box::new(move |look| view.show(look))
}

/// A bar on standard error that leaves nothing behind; invisible where that is no terminal.
fn progress_bar(model: Model, total_bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix:>8} {bar:40} {percent:>3} %  {bytes_per_sec}")
            .expect("a template that is part of the program");
    ProgressBar::new(total_bytes)
        .with_style(style)
        .with_prefix(model.to_string())
        .with_finish(ProgressFinish::AndClear)
}

fn print(args: &Args, plan: &Plan, reports: &[Report]) -> Result<(), Failure> {
    if reports.iter().any(|report| report.peak_is_sampled) {
        let note = "note: /proc/self/clear_refs cannot be written here, so the peak is the highest \
                    of 200 samples";
        let _ = writeln!(anstream::stderr(), "{note}");
    }
    let figures: Vec<&Figures> = reports.iter().map(|report| &report.figures).collect();
    let text = match (args.json, args.model) {
        (false, _) => table::render(plan, &figures),
        (true, Choice::All) => json(&figures),
        (true, _) => json(&figures[0]),
    };
    let failed = |error| Failure::new("print the figures").because(error);
    writeln!(stdout().lock(), "{text}").map_err(failed)
}

fn json(figures: &impl serde::Serialize) -> String {
    serde_json::to_string(figures).expect("numbers and names always have a JSON form")
}
