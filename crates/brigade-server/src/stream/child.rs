//! The serving process as the asking one sees it.
//!
//! Invariant: it does not outlive its [`Child`]: dropping one kills the process and waits for it.

use super::failure::Failure;
use super::live::Look;
use super::plan::Plan;
use super::report::{Line, Model, Report};
use std::io::{self, BufRead, BufReader};
use std::process::{self, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a process whose connection has failed may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A process that serves one request.
#[derive(Debug)]
pub(crate) struct Child {
    model: Model,
    process: process::Child,
    lines: mpsc::Receiver<io::Result<String>>,
}

/// What is done with each look at the run, if somebody watches.
pub(crate) type Watch = Box<dyn FnMut(&Look) + Send>;

impl Child {
    /// Starts this same program again as the server of `model`; answers with it and its port.
    /// `watch` is told what goes on, on a thread of its own.
    ///
    /// # Errors
    ///
    /// It could not be started, or ended before it listened.
    pub(crate) fn start(
        model: Model,
        plan: &Plan,
        watch: Option<Watch>,
    ) -> Result<(Self, u16), Failure> {
        let failed = || Failure::new(format!("start a server for the `{model}` model"));
        let program = std::env::current_exe().map_err(|e| failed().because(e))?;
        let mut process = Command::new(program)
            .args(arguments(model, plan, watch.is_some()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed().because(e))?;
        let stdout = process.stdout.take().expect("a piped output was asked for");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || read_lines(stdout, watch, &sender));
        let mut child = Self { model, process, lines };
        match child.next_line()? {
            Line::Port(port) => Ok((child, port)),
            other => Err(failed().because(child.unexpected(other))),
        }
    }

    /// What the server measured, when the response was received whole.
    ///
    /// # Errors
    ///
    /// The server ended without a report: its own words, or how it ended.
    pub(crate) fn report(mut self) -> Result<Report, Failure> {
        match self.next_line()? {
            Line::Report(report) => Ok(report),
            other => Err(self.unexpected(other)),
        }
    }

    /// Why the response failed, as the server saw it; `None` when it knows nothing of it.
    pub(crate) fn last_words(mut self) -> Option<Failure> {
        let deadline = Instant::now() + LAST_WORDS;
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                return None;
            }
            // Polled: waiting with a timeout is not in the standard library, and this is the
            // end of a run that has failed.
            std::thread::sleep(Duration::from_millis(5));
        }
        match self.next_line() {
            Ok(Line::Report(_)) => None,
            Ok(line) => Some(self.unexpected(line)),
            Err(failure) => Some(failure),
        }
    }

    fn next_line(&mut self) -> Result<Line, Failure> {
        let Ok(read) = self.lines.recv() else {
            let status = self.process.wait();
            let end = status.map_or_else(|e| e.to_string(), |status| status.to_string());
            let what = format!("the `{}` server ended without a report ({end})", self.model);
            return Err(Failure::new(what));
        };
        let failed = || Failure::new(format!("read what the `{}` server says", self.model));
        let text = read.map_err(|e| failed().because(e))?;
        serde_json::from_str(&text).map_err(|e| failed().because(e))
    }

    fn unexpected(&self, line: Line) -> Failure {
        match line {
            Line::Failed(why) => Failure::new(format!("the server failed: {why}")),
            line => Failure::new(format!("the `{}` server said {line:?} too early", self.model)),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only when the process is gone, which is what they are for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads what the server says until it ends: looks for `watch`, all other lines for `rest`.
fn read_lines(
    stdout: ChildStdout,
    mut watch: Option<Watch>,
    rest: &mpsc::Sender<io::Result<String>>,
) {
    for line in BufReader::new(stdout).lines() {
        if let (Some(watch), Ok(text)) = (&mut watch, &line)
            && let Ok(Line::Look(look)) = serde_json::from_str(text)
        {
            watch(&look);
            continue;
        }
        if rest.send(line).is_err() {
            return;
        }
    }
}

/// The hidden subcommand that serves `plan`.
fn arguments(model: Model, plan: &Plan, live: bool) -> Vec<String> {
    let mut arguments = vec!["stream-server".to_owned(), format!("--model={model}")];
    arguments.push(format!("--writes={}", plan.writes));
    arguments.push(format!("--size={}", plan.size));
    arguments.push(format!("--flush-every={}", plan.flush_every.unwrap_or(0)));
    arguments.extend(plan.filters.iter().map(|spec| format!("--filter={spec}")));
    if plan.sampled {
        arguments.push("--sampled".to_owned());
    }
    if live {
        arguments.push("--live".to_owned());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::ServerArgs;
    use crate::stream::plan::tests::plan;
    use clap::Parser;

    #[derive(Parser)]
    enum Cli {
        StreamServer(ServerArgs),
    }

    #[track_caller]
    fn check_arguments(plan: &Plan) {
        let arguments = arguments(Model::Brigade, plan, false);
        let Cli::StreamServer(args) = Cli::parse_from([vec!["brigade".into()], arguments].concat());
        assert_eq!(args.plan().expect("a plan that was made"), *plan);
    }

    #[test]
    fn plan_goes_through_the_command_line_unchanged() {
        check_arguments(&plan(1, 1));
        check_arguments(&Plan {
            writes: 10_000_000,
            size: 64,
            flush_every: Some(7),
            filters: vec!["pass".into(), "substitute \"a b\" --x=y".into()],
            sampled: true,
        });
    }
}
