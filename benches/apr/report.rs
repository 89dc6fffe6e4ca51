//! The figures, for a reader and for a program.
//!
//! Invariant: what is printed for a row is printed when it has been measured, not at the end.

use std::io::{Result, Write};

use serde::Serialize;

use crate::measure::{Figures, Plan};
use crate::rows::Row;

/// One row as JSON: a line.
#[derive(Serialize)]
struct Line {
    op: &'static str,
    ours_ns: f64,
    apr_ns: f64,
    ratio: f64,
}

pub(crate) fn json(out: &mut impl Write, row: &Row, figures: Figures) -> Result<()> {
    let line = Line {
        op: row.name(),
        ours_ns: rounded(figures.ours_ns),
        apr_ns: rounded(figures.apr_ns),
        ratio: rounded(figures.ratio()),
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)?;
    out.flush()
}

/// To a thousandth.
fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

pub(crate) fn title(
    out: &mut impl Write,
    plan: Plan,
    version: &str,
    core: Option<usize>,
) -> Result<()> {
    write!(out, "brigade beside APR-util {version} (rounds: {}", plan.rounds)?;
    if let Some(core) = core {
        write!(out, ", on core {core}")?;
    }
    writeln!(out, ")\n")?;
    let (ours, apr) = ("ours", "APR");
    writeln!(out, "{:<18}  {ours:>10}  {apr:>10}  ratio    goal  met?", "op")?;
    out.flush()
}

pub(crate) fn line(out: &mut impl Write, row: &Row, figures: Figures) -> Result<()> {
    writeln!(
        out,
        "{:<18}  {:>10}  {:>10}  {:>5.2}  <= {:<4}  {}",
        row.name(),
        time(figures.ours_ns),
        time(figures.apr_ns),
        figures.ratio(),
        row.goal,
        if figures.meets(row.goal) { "yes" } else { "no" },
    )?;
    out.flush()
}

pub(crate) fn summary(out: &mut impl Write, measured: usize, missed: &[&str]) -> Result<()> {
    let met = measured - missed.len();
    write!(out, "\n{met} of {measured} goals met")?;
    if missed.is_empty() {
        writeln!(out, ".")
    } else {
        writeln!(out, "; not: {}.", missed.join(", "))
    }
}

/// A length of time, for people.
fn time(ns: f64) -> String {
    if ns < 1000.0 { format!("{ns:.1} ns") } else { format!("{:.1} us", ns / 1000.0) }
}
