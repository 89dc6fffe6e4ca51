//! The figures as an SVG: a group of bars for each row, one bar a server.
//!
//! Invariant: within a row the fastest is 1, and all bars begin at 0, so that lengths can be compared;
//! how many requests a second that is stands above each bar.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::measure::{Figure, Measured};
use crate::servers::Server;

const SIZE: (u32, u32) = (960, 540);
/// Room above the bars for the legend.
const HEADROOM: f64 = 1.35;
/// The part of a row's width that its bars take.
const GROUP: f64 = 0.84;
const TEXT: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GRID: RGBColor = RGBColor(0xe5, 0xe5, 0xe5);
const AXIS: RGBColor = RGBColor(0x99, 0x99, 0x99);

/// Draws what was measured.
///
/// # Errors
///
/// The drawing library's.
pub(crate) fn draw(measured: &[Measured]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    draw_into(&mut svg, measured)?;
    Ok(svg)
}

fn draw_into(svg: &mut String, measured: &[Measured]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let rows: Vec<String> = measured.iter().map(|one| one.row.name.to_owned()).collect();
    let end = float(measured.len().max(1));
    let mut chart = ChartBuilder::on(&root)
        .caption(
            "Requests a second, one core a server",
            ("sans-serif", 22).into_font().color(&TEXT),
        )
        .margin(20)
        .x_label_area_size(24)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..end, 0.0..HEADROOM)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .y_labels(6)
        .label_style(("sans-serif", 15).into_font().color(&TEXT))
        .axis_desc_style(("sans-serif", 16).into_font().color(&TEXT))
        .y_desc("of the fastest")
        .draw()?;
    let mut servers: Vec<Server> =
        measured.iter().flat_map(|one| &one.figures).map(|figure| figure.server).collect();
    servers.sort_unstable();
    servers.dedup();
    for server in servers {
        let bars = measured.iter().enumerate().filter_map(|(at, one)| bar(at, one, server));
        let fill = colour(server).filled();
        chart
            .draw_series(bars.map(|(from, to, _)| Rectangle::new([from, to], fill)))?
            .label(server.name())
            .legend(move |(x, y)| Rectangle::new([(x, y - 6), (x + 14, y + 6)], fill));
    }
    let centred = |size: i32| {
        let font = ("sans-serif", size).into_font().color(&TEXT);
        font.pos(Pos::new(HPos::Center, VPos::Bottom))
    };
    for (at, one) in measured.iter().enumerate() {
        let name = Text::new(rows[at].clone(), (float(at) + 0.5, -0.065), centred(16));
        chart.draw_series([name])?;
        let counts = one.figures.iter().filter_map(|figure| bar(at, one, figure.server));
        chart.draw_series(counts.map(|(from, to, figure)| {
            let middle = f64::midpoint(from.0, to.0);
            Text::new(count(figure), (middle, to.1 + 0.01), centred(11))
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 15).into_font().color(&TEXT))
        .background_style(WHITE)
        .border_style(GRID)
        .margin(10)
        .draw()?;
    root.present()?;
    Ok(())
}

type Bar<'m> = ((f64, f64), (f64, f64), &'m Figure);

/// The bar of `server` in the row at `at`: from, to, and the figure it stands for.
fn bar(at: usize, measured: &Measured, server: Server) -> Option<Bar<'_>> {
    let place = measured.figures.iter().position(|figure| figure.server == server)?;
    let figure = &measured.figures[place];
    let fastest = measured.figures.iter().map(|figure| figure.per_second).fold(0.0, f64::max);
    let width = GROUP / float(measured.figures.len());
    let left = float(at) + (1.0 - GROUP) / 2.0 + float(place) * width;
    Some(((left, 0.0), (left + width * 0.9, figure.per_second / fastest), figure))
}

/// `73012` as `73.0k`: what fits above a bar; `*` for one that does other work.
fn count(figure: &Figure) -> String {
    let mark = if figure.counts { "" } else { "*" };
    match figure.per_second {
        n if n >= 10_000.0 => format!("{mark}{:.0}k", n / 1000.0),
        n if n >= 1000.0 => format!("{mark}{:.1}k", n / 1000.0),
        n => format!("{mark}{n:.0}"),
    }
}

/// Colours that differ in lightness too; ours is the darkest.
fn colour(server: Server) -> RGBColor {
    match server {
        Server::Brigade => RGBColor(0x00, 0x5f, 0xb8),
        Server::Nginx => RGBColor(0x5a, 0xa0, 0x4e),
        Server::Lighttpd => RGBColor(0xd5, 0x5e, 0x00),
        Server::Httpd => RGBColor(0xe6, 0xab, 0x5c),
        Server::Axum => RGBColor(0x9a, 0xa0, 0xa6),
    }
}

#[allow(clippy::cast_precision_loss)] // Counts of rows and servers.
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS;

    #[test]
    fn plot_has_a_bar_for_each_figure_and_names_servers_and_rows() {
        let figure =
            |server, per_second, counts| Figure { server, per_second, body_bytes: 1, counts };
        let figures = vec![
            figure(Server::Brigade, 26_400.0, true),
            figure(Server::Axum, 9_510.0, true),
            figure(Server::Nginx, 421.0, false),
        ];
        let svg = draw(&[Measured { row: &ROWS[3], figures }]).expect("a plot of three bars");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for text in ["gzip_64k", "brigade", "axum", "nginx", "26k", "9.5k", "*421"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }

    #[test]
    fn plot_of_nothing_is_an_empty_frame() {
        draw(&[]).expect("a frame");
    }
}
