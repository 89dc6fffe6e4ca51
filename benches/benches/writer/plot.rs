//! What all comparisons gave, as an SVG: a row each, a dot a side, placed by its ratio to the loop by hand.
//!
//! Drawn when `BRIGADE_PLOT` names a file. Invariant: the scale is the same for all rows, by powers of two.

use std::fmt::Write;
use std::sync::Mutex;

/// A side beside the first one of its comparison.
#[derive(Debug, Clone)]
pub(crate) struct Dot {
    pub(crate) of: String,
    pub(crate) side: &'static str,
    pub(crate) ratio: f64,
}

/// Filled by each comparison.
pub(crate) static RATIOS: Mutex<Vec<Dot>> = Mutex::new(Vec::new());

const LEFT: f64 = 300.0;
const WIDTH: f64 = 600.0;
const TOP: f64 = 120.0;
const ROW: f64 = 34.0;
/// From a quarter of what the loop takes to 256 times that.
const POWERS: std::ops::RangeInclusive<i32> = -2..=8;

/// Who is drawn, in which colour, and as what.
const SIDES: [(&str, &str, &str); 5] = [
    ("brigade, Chain::write", "#005fb8", "Chain::write"),
    ("brigade, Chain::pass", "#7fb2e5", "Chain::pass"),
    ("tokio write_all", "#d55e00", "tokio write_all"),
    ("tokio write_all, BufWriter", "#e69f00", "tokio write_all, BufWriter"),
    ("hyper", "#009e73", "hyper"),
];

/// Writes the plot, if somebody wants one.
pub(crate) fn draw() {
    let Some(file) = std::env::var_os("BRIGADE_PLOT") else { return };
    let ratios = RATIOS.lock().expect("nothing panics").clone();
    std::fs::write(file, svg(&ratios)).expect("the plot can be written");
}

fn svg(ratios: &[Dot]) -> String {
    let mut rows: Vec<&str> = Vec::new();
    for ratio in ratios.iter().filter(|ratio| colour(ratio.side).is_some()) {
        if !rows.contains(&ratio.of.as_str()) {
            rows.push(&ratio.of);
        }
    }
    let height = |rows: usize| TOP + ROW * u32::try_from(rows).map_or(0.0, f64::from);
    let bottom = height(rows.len());
    let mut svg = String::new();
    let mut add = |line: String| {
        let _ = writeln!(svg, "{line}"); // A string takes everything.
    };
    let high = bottom + 70.0;
    let view = format!(r#"width="960" height="{high}" viewBox="0 0 960 {high}""#);
    let font = r##"font-family="sans-serif" fill="#333333""##;
    add(format!(r#"<svg xmlns="http://www.w3.org/2000/svg" {view} {font}>"#));
    add(r##"<rect width="960" height="100%" fill="#ffffff"/>"##.to_owned());
    add(text(480.0, 40.0, "middle", 22, "Processor time of the sender, beside a loop by hand (1)"));
    for (at, (name, colour, _)) in (0_u8..).zip(SIDES) {
        let x = 60.0 + 175.0 * f64::from(at);
        add(dot(x, 76.0, colour));
        add(text(x + 12.0, 81.0, "start", 13, name));
    }
    for power in POWERS {
        let x = place(2_f64.powi(power));
        let line = if power == 0 { "#999999" } else { "#e5e5e5" };
        let y = bottom + 4.0;
        add(format!(r#"<line x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{y}" stroke="{line}"/>"#));
        add(text(x, bottom + 24.0, "middle", 15, &format!("{}", 2_f64.powi(power))));
    }
    add(text(LEFT + WIDTH / 2.0, bottom + 52.0, "middle", 16, "time, in times of the loop's"));
    for (at, row) in rows.iter().enumerate() {
        let y = height(at) + ROW / 2.0;
        add(text(LEFT - 24.0, y + 5.0, "end", 15, row));
        for ratio in ratios.iter().filter(|ratio| ratio.of == *row) {
            if let Some(colour) = colour(ratio.side) {
                add(dot(place(ratio.ratio), y, colour));
            }
        }
    }
    add("</svg>".to_owned());
    svg
}

fn colour(side: &str) -> Option<&'static str> {
    SIDES.iter().find(|(_, _, name)| *name == side).map(|(_, colour, _)| *colour)
}

fn place(ratio: f64) -> f64 {
    let (low, high) = (f64::from(*POWERS.start()), f64::from(*POWERS.end()));
    LEFT + WIDTH * (ratio.log2().clamp(low, high) - low) / (high - low)
}

fn dot(x: f64, y: f64, colour: &str) -> String {
    format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="6" fill="{colour}" fill-opacity="0.85"/>"#)
}

fn text(x: f64, y: f64, anchor: &str, size: u32, text: &str) -> String {
    format!(
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}">{text}</text>"#
    )
}
