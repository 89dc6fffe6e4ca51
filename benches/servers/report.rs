//! The figures, for a reader and for a program.
//!
//! Invariant: what is printed for a row is printed when it has been measured, not at the end.

use std::collections::BTreeMap;
use std::io::{Result, Write};

use serde::Serialize;

use crate::measure::{Figure, Measured, Plan};
use crate::rows::{Coding, Whom};
use crate::servers::Installed;

/// One row as JSON: a line.
#[derive(Serialize)]
struct Line<'m> {
    row: &'static str,
    requests_per_second: BTreeMap<&'static str, f64>,
    body_bytes: BTreeMap<&'static str, usize>,
    /// Those whose output is not as long as ours.
    left_out: Vec<&'static str>,
    best: Option<&'m str>,
    ratio: Option<f64>,
    goals: Vec<Goal>,
    met: Option<bool>,
}

#[derive(Serialize)]
struct Goal {
    of: String,
    at_least: f64,
    ratio: Option<f64>,
}

pub(crate) fn json(out: &mut impl Write, measured: &Measured) -> Result<()> {
    let of_each = |value: fn(&Figure) -> f64| {
        measured.figures.iter().map(|figure| (figure.server.name(), value(figure))).collect()
    };
    let left_out = measured.figures.iter().filter(|figure| !figure.counts);
    let goals = measured.row.goals.iter().map(|goal| Goal {
        of: goal.of.to_string(),
        at_least: goal.ratio,
        ratio: measured.ratio(goal.of).map(rounded),
    });
    let line = Line {
        row: measured.row.name,
        requests_per_second: of_each(|figure| rounded(figure.per_second)),
        body_bytes: measured
            .figures
            .iter()
            .map(|one| (one.server.name(), one.body_bytes))
            .collect(),
        left_out: left_out.map(|figure| figure.server.name()).collect(),
        best: measured.best().map(|best| best.server.name()),
        ratio: measured.ratio(Whom::Best).map(rounded),
        goals: goals.collect(),
        met: measured.met(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)?;
    out.flush()
}

/// To a thousandth.
fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

pub(crate) fn title(out: &mut impl Write, plan: &Plan, servers: &[Installed]) -> Result<()> {
    let Plan { seconds, rounds, connections, .. } = plan;
    let (server, wrk) = (plan.cores.server, plan.cores.wrk);
    writeln!(
        out,
        "Requests a second, medians of {rounds} rounds of {seconds} s; {connections} connections; \
         servers on core {server}, wrk on core {wrk}\n"
    )?;
    write!(out, "{:<10}", "row")?;
    for one in servers {
        write!(out, "  {:>8}", one.server.name())?;
    }
    writeln!(out, "  ratio  goals")?;
    out.flush()
}

pub(crate) fn line(out: &mut impl Write, measured: &Measured) -> Result<()> {
    write!(out, "{:<10}", measured.row.name)?;
    for figure in &measured.figures {
        let mark = if figure.counts { "" } else { "*" };
        write!(out, "  {:>8}", format!("{mark}{:.0}", figure.per_second))?;
    }
    write!(out, "  {:>5}  ", ratio(measured.ratio(Whom::Best)))?;
    for (at, goal) in measured.row.goals.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let reached = measured.ratio(goal.of);
        let met = match reached {
            Some(reached) if reached >= goal.ratio => "met",
            Some(_) => "missed",
            None => "not measured",
        };
        let reached = ratio(reached);
        write!(out, "{comma}{reached} of {} (>= {:.1}: {met})", goal.of, goal.ratio)?;
    }
    writeln!(out)?;
    out.flush()
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
}

pub(crate) fn summary(out: &mut impl Write, all: &[Measured]) -> Result<()> {
    if let Some(coded) = all.iter().find(|measured| measured.row.coding == Coding::Gzip) {
        write!(out, "\nBytes of {}:", coded.row.name)?;
        for figure in &coded.figures {
            write!(out, " {} {}", figure.server, figure.body_bytes)?;
        }
        writeln!(out, "; * is of another length, and does not count.")?;
    }
    let met = all.iter().filter(|measured| measured.met() == Some(true)).count();
    let missed = all.iter().filter(|measured| measured.met() != Some(true));
    let missed: Vec<&str> = missed.map(|measured| measured.row.name).collect();
    write!(out, "\nThe goals of {met} of {} rows are met", all.len())?;
    if missed.is_empty() {
        writeln!(out, ".")
    } else {
        writeln!(out, "; not: {}.", missed.join(", "))
    }
}
