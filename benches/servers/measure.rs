//! Rounds of each server in turn, and the median of each.
//!
//! Invariant: within a row every server has as many rounds, and none always the same neighbour's place.

use indicatif::ProgressBar;

use crate::Result;
use crate::answer;
use crate::cores::Cores;
use crate::rows::{Coding, Row, Whom};
use crate::servers::{Installed, Running, Server};
use crate::site::Site;
use crate::wrk::Wrk;

/// By how much a compressed body may differ in length and still be the same work.
const SAME_LENGTH: f64 = 0.02;

/// How thoroughly to measure.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) wrk: Wrk,
    pub(crate) cores: Cores,
    pub(crate) seconds: u32,
    pub(crate) rounds: u32,
    pub(crate) connections: u32,
}

/// What was measured of one server.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) server: Server,
    pub(crate) per_second: f64,
    pub(crate) body_bytes: usize,
    /// Whether its work is the same as ours.
    pub(crate) counts: bool,
}

/// A row, measured; our figure is the first.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) row: &'static Row,
    pub(crate) figures: Vec<Figure>,
}

impl Plan {
    /// Measures all `servers` in `row`; `bar` is told of each round.
    ///
    /// # Errors
    ///
    /// The server that did not start, or gave a wrong answer; what went wrong with wrk.
    pub(crate) fn measure(
        &self,
        row: &'static Row,
        servers: &[Installed],
        site: &Site,
        bar: &ProgressBar,
    ) -> Result<Measured> {
        let content = site.content(row.path).map_err(|error| error.to_string())?;
        let started = servers.iter().map(|server| server.start(row, self, site));
        let running: Vec<Running> = started.collect::<Result<_>>()?;
        let checked = running.iter().map(|one| {
            let checked = answer::check(row, one.port, &content);
            checked.map_err(|error| format!("{}: {error}", one.server))
        });
        let body_bytes: Vec<usize> = checked.collect::<Result<_>>()?;
        let mut rounds = vec![Vec::new(); running.len()];
        for round in 0..self.rounds as usize {
            for turn in 0..running.len() {
                let at = (turn + round) % running.len();
                bar.set_message(format!("{}, {}", row.name, running[at].server));
                let asked = self.wrk.ask(row, running[at].port, self, site);
                rounds[at].push(asked.map_err(|error| format!("{}: {error}", running[at].server))?);
                bar.inc(1);
            }
        }
        let figures = running.iter().zip(rounds).zip(&body_bytes).map(|((one, rounds), &bytes)| {
            let counts = row.coding == Coding::Identity || is_near(bytes, body_bytes[0]);
            Figure { server: one.server, per_second: median(rounds), body_bytes: bytes, counts }
        });
        Ok(Measured { row, figures: figures.collect() })
    }
}

impl Measured {
    /// Our figure.
    fn ours(&self) -> &Figure {
        &self.figures[0]
    }

    /// The best of the others whose work is the same.
    pub(crate) fn best(&self) -> Option<&Figure> {
        let others = self.figures[1..].iter().filter(|figure| figure.counts);
        others.max_by(|a, b| a.per_second.total_cmp(&b.per_second))
    }

    /// Ours / theirs; `None` when they were not measured, or did other work.
    pub(crate) fn ratio(&self, of: Whom) -> Option<f64> {
        let theirs = match of {
            Whom::Best => self.best(),
            Whom::Only(server) => {
                self.figures.iter().find(|figure| figure.server == server && figure.counts)
            }
        };
        theirs.map(|theirs| self.ours().per_second / theirs.per_second)
    }

    /// Whether all its goals are met; `None` when one of them was not measured and none is missed.
    pub(crate) fn met(&self) -> Option<bool> {
        let mut all = Some(true);
        for goal in self.row.goals {
            match self.ratio(goal.of) {
                Some(ratio) if ratio < goal.ratio => return Some(false),
                Some(_) => {}
                None => all = None,
            }
        }
        all
    }
}

#[allow(clippy::cast_precision_loss)] // Lengths of bodies.
fn is_near(bytes: usize, ours: usize) -> bool {
    bytes.abs_diff(ours) as f64 <= SAME_LENGTH * ours as f64
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS;

    fn measured(row: &'static str, figures: &[(Server, f64, usize)]) -> Measured {
        let row = ROWS.iter().find(|known| known.name == row).expect(row);
        let ours = figures[0].2;
        let figures = figures.iter().map(|&(server, per_second, body_bytes)| Figure {
            server,
            per_second,
            body_bytes,
            counts: is_near(body_bytes, ours),
        });
        Measured { row, figures: figures.collect() }
    }

    #[track_caller]
    fn check(
        row: &'static str,
        figures: &[(Server, f64, usize)],
        best: Option<f64>,
        met: Option<bool>,
    ) {
        let measured = measured(row, figures);
        assert_eq!(measured.ratio(Whom::Best), best);
        assert_eq!(measured.met(), met);
    }

    #[test]
    fn ratio_is_ours_to_the_best_of_the_others() {
        use Server::{Axum, Brigade, Lighttpd, Nginx};
        let figures =
            [(Brigade, 150.0, 9), (Nginx, 100.0, 9), (Lighttpd, 200.0, 9), (Axum, 50.0, 9)];
        check("static_1k", &figures, Some(0.75), Some(false));
        check("static_1k", &figures[..2], Some(1.5), Some(true));
        check("static_1k", &figures[..1], None, None);
    }

    #[test]
    fn server_whose_output_is_longer_by_more_than_two_percent_does_not_count() {
        use Server::{Axum, Brigade, Nginx};
        check(
            "gzip_64k",
            &[(Brigade, 3.0, 1000), (Nginx, 2.0, 1020), (Axum, 3.0, 980)],
            Some(1.0),
            Some(true),
        );
        check(
            "gzip_64k",
            &[(Brigade, 3.0, 1000), (Nginx, 9.0, 1021), (Axum, 2.0, 1000)],
            Some(1.5),
            None,
        );
        check(
            "gzip_64k",
            &[(Brigade, 3.0, 1000), (Nginx, 2.5, 1000), (Axum, 2.0, 1000)],
            Some(1.2),
            Some(false),
        );
    }

    #[test]
    fn median_of_rounds_is_the_one_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![7.0]) - 7.0).abs() < f64::EPSILON);
    }
}
