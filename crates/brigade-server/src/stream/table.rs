//! The figures for a reader: a table with a column for each model, and a sentence.
//!
//! Invariant: the sentence says what the figures say, whichever way they turn out.

use super::plan::Plan;
use super::report::{Figures, Model};
use super::units::{as_float, bytes, counted, grouped};
use anstyle::Style;
use std::fmt::Write;

const BOLD: Style = Style::new().bold();

/// A row: what it is called, and how it is read from the figures.
type Row = (&'static str, fn(&Figures) -> String);

const ROWS: [Row; 11] = [
    ("writes", |f| grouped(f.writes)),
    ("bytes", |f| grouped(f.bytes)),
    ("seconds", |f| format!("{:.3}", f.seconds)),
    ("ns per write", |f| format!("{:.1}", f.ns_per_write)),
    ("memory before (64 KiB in)", |f| bytes(f.rss_before_kib * 1024)),
    ("memory peak", |f| bytes(f.rss_peak_kib * 1024)),
    ("memory after", |f| bytes(f.rss_after_kib * 1024)),
    ("memory grown", |f| bytes(f.grown_bytes())),
    ("blocks created", |f| grouped(f.blocks_created)),
    ("blocks reused", |f| grouped(f.blocks_reused)),
    ("write system calls", |f| grouped(f.syscalls)),
];

/// The table and the sentence, without a line end.
pub(crate) fn render(plan: &Plan, figures: &[&Figures]) -> String {
    let names: Vec<String> = figures.iter().map(|f| f.model.to_string()).collect();
    let rows: Vec<(&str, Vec<String>)> = ROWS
        .iter()
        .map(|(name, read)| (*name, figures.iter().map(|f| read(f)).collect()))
        .collect();
    let name_width = ROWS.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..figures.len())
        .map(|column| {
            let cells = rows.iter().map(|(_, cells)| cells[column].len());
            cells.chain([names[column].len()]).max().unwrap_or(0)
        })
        .collect();

    let mut out = title(plan);
    push_row(&mut out, "model", &names, name_width, &widths, BOLD);
    for (name, cells) in &rows {
        push_row(&mut out, name, cells, name_width, &widths, Style::new());
    }
    out.push('\n');
    out.push_str(&sentence(plan, figures));
    out
}

/// What was asked for and is no row of its own.
fn title(plan: &Plan) -> String {
    let mut out = format!("{} a write, ", counted(plan.size as u64, "byte"));
    let _ = match plan.flush_every {
        None => write!(out, "no flush before the end"),
        Some(1) => write!(out, "a flush after each"),
        Some(every) => write!(out, "a flush after every {}", grouped(every)),
    };
    for (at, spec) in plan.filters.iter().enumerate() {
        out.push_str(if at == 0 { ", brigade's filters: " } else { " | " });
        out.push_str(spec);
    }
    out.push_str("\n\n");
    out
}

fn push_row(
    out: &mut String,
    name: &str,
    cells: &[String],
    name_width: usize,
    widths: &[usize],
    style: Style,
) {
    let _ = write!(out, "{name:<name_width$}");
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(out, "   {style}{cell:>width$}{style:#}");
    }
    out.push('\n');
}

/// What the figures show.
fn sentence(plan: &Plan, figures: &[&Figures]) -> String {
    let grew: Vec<String> = figures.iter().map(|f| growth(plan, f)).collect();
    let mut out = format!("Over {}: {}", counted(plan.writes, "write"), grew.join("; "));
    let of = |model| figures.iter().find(|f| f.model == model);
    if let (Some(brigade), Some(bare)) = (of(Model::Brigade), of(Model::Bare)) {
        let ratio = brigade.ns_per_write / bare.ns_per_write;
        if ratio.is_finite() {
            let _ = write!(out, "; a write through brigade took {ratio:.2} times bare's");
        }
    }
    out.push('.');
    out
}

fn growth(plan: &Plan, figures: &Figures) -> String {
    let grown = figures.grown_bytes();
    // The writes of the warm-up are in "before".
    let writes = plan.writes.saturating_sub(plan.warm_up_writes());
    let each = as_float(grown) / as_float(writes.max(1));
    match grown {
        0 => format!("{} did not grow", figures.model),
        // Less than a byte a write is no growth by the write: say how much, not how often.
        _ if each < 1.0 => format!("{} grew by {}", figures.model, bytes(grown)),
        _ => {
            let grown = bytes(grown);
            format!("{} grew by {grown}, {each:.1} bytes for each write", figures.model)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::plan::tests::plan;
    use crate::stream::report::tests::report;

    fn figures(model: Model, grown_kib: u64, ns_per_write: f64) -> Figures {
        let mut figures = report(model).figures;
        figures.rss_peak_kib = figures.rss_before_kib + grown_kib;
        figures.ns_per_write = ns_per_write;
        figures
    }

    #[track_caller]
    fn check_sentence(figures: &[Figures], expected: &str) {
        let figures: Vec<&Figures> = figures.iter().collect();
        assert_eq!(sentence(&plan(10_000_000, 32), &figures), expected);
    }

    #[test]
    fn table_has_a_row_a_figure_and_a_column_a_model() {
        let all = [figures(Model::Bare, 0, 12.5), figures(Model::Brigade, 96, 12.0)];
        let table = render(&plan(10_000_000, 32), &[&all[0], &all[1]]);
        let plain = anstream::adapter::strip_str(&table).to_string();
        let expected = "\
32 bytes a write, no flush before the end

model                              bare       brigade
writes                       10,000,000    10,000,000
bytes                       320,000,000   320,000,000
seconds                           0.123         0.123
ns per write                       12.5          12.0
memory before (64 KiB in)       2.0 MiB       2.0 MiB
memory peak                     2.0 MiB       2.1 MiB
memory after                    2.0 MiB       2.0 MiB
memory grown                        0 B      96.0 KiB
blocks created                       10            10
blocks reused                    39,000        39,000
write system calls                4,883         4,883

Over 10,000,000 writes: bare did not grow; brigade grew by 96.0 KiB; \
a write through brigade took 0.96 times bare's.";
        assert_eq!(plain, expected);
    }

    #[test]
    fn title_tells_the_size_the_flushes_and_the_filters() {
        assert_eq!(title(&plan(5, 1)), "1 byte a write, no flush before the end\n\n");
        let flushed = Plan { flush_every: Some(1), ..plan(5, 32) };
        assert_eq!(title(&flushed), "32 bytes a write, a flush after each\n\n");
        let filters = vec!["pass".into(), "substitute s/a/b/".into()];
        let filtered = Plan { flush_every: Some(1000), filters, ..plan(5, 32) };
        let expected = "32 bytes a write, a flush after every 1,000, \
                        brigade's filters: pass | substitute s/a/b/\n\n";
        assert_eq!(title(&filtered), expected);
    }

    #[test]
    fn sentence_says_how_much_each_write_left_when_memory_grew_by_the_write() {
        // 640 MB less what the first 2,048 writes took before the measurement.
        let pool = figures(Model::Pool, 624_872, 20.0);
        let expected = "Over 10,000,000 writes: pool grew by 610.2 MiB, 64.0 bytes for each write.";
        check_sentence(&[pool], expected);
    }

    #[test]
    fn sentence_is_as_true_when_brigade_is_the_one_that_grows_and_is_slow() {
        let all = [figures(Model::Bare, 12, 10.0), figures(Model::Brigade, 100_000, 50.0)];
        let expected = "Over 10,000,000 writes: bare grew by 12.0 KiB; brigade grew by 97.7 MiB, \
                        10.2 bytes for each write; a write through brigade took 5.00 times bare's.";
        check_sentence(&all, expected);
    }

    #[test]
    fn sentence_without_a_time_to_compare_with_leaves_the_ratio_out() {
        let all = [figures(Model::Bare, 0, 0.0), figures(Model::Brigade, 0, 0.0)];
        let expected = "Over 10,000,000 writes: bare did not grow; brigade did not grow.";
        check_sentence(&all, expected);
    }
}
