//! wrk: how it is asked, and what it answers.
//!
//! Invariant: a figure is one of whole, successful answers only.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::child::Child;
use crate::measure::Plan;
use crate::rows::{Coding, Row};
use crate::servers::find_program;
use crate::site::Site;

/// How much longer than asked it may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The program.
#[derive(Debug)]
pub(crate) struct Wrk(PathBuf);

impl Wrk {
    /// Finds it, if it is installed.
    pub(crate) fn find() -> Option<Self> {
        find_program("wrk").map(Self)
    }

    /// Asks the server at `port` for `row`, as often as it can; requests a second.
    ///
    /// # Errors
    ///
    /// What wrk could not do, or what it was answered.
    pub(crate) fn ask(&self, row: &Row, port: u16, plan: &Plan, site: &Site) -> Result<f64> {
        let mut command: Vec<OsString> = vec![self.0.clone().into(), "--threads=1".into()];
        command.push(format!("--connections={}", plan.connections).into());
        command.push(format!("--duration={}s", plan.seconds).into());
        if row.coding == Coding::Gzip {
            command.push("--header=Accept-Encoding: gzip".into());
        }
        command.push(format!("http://127.0.0.1:{port}{}", row.path).into());
        let child = Child::start(plan.cores.wrk, &command, &site.dir().join("wrk.log"))?;
        read(&child.output(Duration::from_secs(plan.seconds.into()) + PATIENCE)?)
    }
}

/// Finds the figure in wrk's words.
fn read(words: &str) -> Result<f64> {
    let value = |name: &str| words.lines().find_map(|line| line.trim().strip_prefix(name));
    for trouble in ["Non-2xx or 3xx responses:", "Socket errors:"] {
        if let Some(count) = value(trouble) {
            return Err(format!("wrk counts errors: {trouble}{count}"));
        }
    }
    let figure = value("Requests/sec:").and_then(|figure| figure.trim().parse().ok());
    figure.filter(|&figure| figure > 0.0).ok_or_else(|| format!("wrk says only: {}", words.trim()))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn figure_is_found_in_what_wrk_says() {
        let words = "Running 1s test @ http://127.0.0.1:80/\n  1 threads and 8 connections\n  \
                     Thread Stats   Avg      Stdev     Max   +/- Stdev\n    \
                     Req/Sec    76.23k     1.10k   77.12k    80.00%\n  \
                     75873 requests in 1.00s, 92.11MB read\nRequests/sec:  75801.52\nTransfer/sec:     92.02MB\n";
        assert_eq!(read(words), Ok(75_801.52));
    }

    #[test]
    fn figure_of_answers_that_failed_is_none() {
        for trouble in ["Non-2xx or 3xx responses: 7", "Socket errors: connect 0, read 3, write 0"]
        {
            let words = format!("  {trouble}\nRequests/sec:  75801.52\n");
            let error = read(&words).expect_err(trouble);
            assert!(error.contains(trouble), "{error}");
        }
        assert!(read("unable to connect").is_err_and(|error| error.contains("unable")));
        assert!(read("Requests/sec:      0.00\n").is_err(), "nobody answered");
    }
}
