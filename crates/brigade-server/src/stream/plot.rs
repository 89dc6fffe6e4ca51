//! Memory against writes as an SVG, one line a model.
//!
//! Invariant: both axes begin at 0, so that a flat line looks flat and growth looks as large as
//! it is.

use super::plan::Plan;
use super::report::{Model, Report};
use super::units::{as_float, bytes, counted};
use plotters::prelude::*;
use std::error::Error;

const SIZE: (u32, u32) = (960, 540);
/// How much higher than the highest line the plot is: room for the legend above flat lines.
const HEADROOM: f64 = 1.3;
const TEXT: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GRID: RGBColor = RGBColor(0xe5, 0xe5, 0xe5);
const AXIS: RGBColor = RGBColor(0x99, 0x99, 0x99);

/// Draws the samples of `reports`.
///
/// # Errors
///
/// The drawing library's.
pub(crate) fn draw(
    plan: &Plan,
    reports: &[Report],
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut svg = String::new();
    draw_into(&mut svg, plan, reports).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn draw_into(svg: &mut String, plan: &Plan, reports: &[Report]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let writes = counted(plan.writes, "write");
    let size = counted(plan.size as u64, "byte");
    let title = format!("Memory of the server over {writes} of {size}");
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 22).into_font().color(&TEXT))
        .margin(20)
        .margin_right(40)
        .x_label_area_size(56)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..as_float(plan.writes), 0.0..highest_mib(reports) * HEADROOM)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .label_style(("sans-serif", 15).into_font().color(&TEXT))
        .axis_desc_style(("sans-serif", 16).into_font().color(&TEXT))
        .x_desc("writes")
        .y_desc("resident memory (MiB)")
        .x_label_formatter(&|writes| compact(*writes))
        .y_label_formatter(&|mib| compact(*mib))
        .draw()?;
    for report in reports {
        let points = report.samples.iter().map(|s| (as_float(s.writes), as_float(s.kib) / 1024.0));
        let style = style(report.figures.model);
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(label(report))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .legend_area_size(34)
        .label_font(("sans-serif", 15).into_font().color(&TEXT))
        .background_style(WHITE)
        .border_style(GRID)
        .margin(14)
        .draw()?;
    root.present()?;
    Ok(())
}

fn highest_mib(reports: &[Report]) -> f64 {
    let samples = reports.iter().flat_map(|report| &report.samples);
    as_float(samples.map(|sample| sample.kib).max().unwrap_or(0).max(1024)) / 1024.0
}

/// Colours that differ in lightness too; the first line drawn is the widest, since flat lines lie
/// upon each other.
fn style(model: Model) -> ShapeStyle {
    let (colour, width) = match model {
        Model::Bare => (RGBColor(0x9a, 0xa0, 0xa6), 6),
        Model::Brigade => (RGBColor(0x00, 0x5f, 0xb8), 2),
        Model::Pool => (RGBColor(0xd5, 0x5e, 0x00), 2),
    };
    ShapeStyle::from(colour).stroke_width(width)
}

fn label(report: &Report) -> String {
    match report.figures.grown_bytes() {
        0 => format!("{}: did not grow", report.figures.model),
        grown => format!("{}: grew by {}", report.figures.model, bytes(grown)),
    }
}

/// `2500000` as `2.5 M`: what fits at a tick.
fn compact(number: f64) -> String {
    let (scaled, unit) = match number {
        n if n >= 1e9 => (n / 1e9, " G"),
        n if n >= 1e6 => (n / 1e6, " M"),
        n if n >= 1e4 => (n / 1e3, " k"),
        n => (n, ""),
    };
    let text = format!("{scaled:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::plan::tests::plan;
    use crate::stream::report::tests::report;

    #[test]
    fn plot_has_a_line_and_a_legend_for_each_model_and_names_its_axes() {
        let reports = [report(Model::Bare), report(Model::Brigade), report(Model::Pool)];
        let svg = draw(&plan(10_000, 32), &reports).expect("a plot of a few points");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        let expected = [
            "Memory of the server over 10,000 writes of 32 bytes",
            "resident memory (MiB)",
            "bare: grew by 96.0 KiB",
            "brigade: grew by 96.0 KiB",
            "pool: grew by 96.0 KiB",
        ];
        for text in expected {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }

    #[test]
    fn plot_of_no_samples_is_an_empty_frame() {
        let mut report = report(Model::Bare);
        report.samples.clear();
        draw(&plan(1, 1), &[report]).expect("a frame");
    }

    #[test]
    fn tick_is_short_and_exact() {
        let cases = [(0.0, "0"), (250.0, "250"), (2.5, "2.5"), (5000.0, "5000")];
        for (number, expected) in cases {
            assert_eq!(compact(number), expected);
        }
        assert_eq!(compact(25_000.0), "25 k");
        assert_eq!(compact(2_500_000.0), "2.5 M");
        assert_eq!(compact(1e9), "1 G");
    }
}
