//! A journey as a page of its own: places from left to right, time downwards, each bucket a box.
//!
//! Invariants: the page needs nothing from elsewhere; what passed in the chain is never markup in it.

use std::fmt::{self, Display, Write};

use brigade_testkit::journey::{Event, Journey, SeenAnswer, SeenBucket, What};

/// So many bytes of a bucket are in the page.
const SHOWN_BYTES: usize = 256;
/// A longer journey is drawn as far as this: nobody reads on, and no browser likes it.
const MAX_ROWS: usize = 2000;
/// More blocks than that are too small to be seen.
const MAX_BLOCKS: usize = 64;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Draws a journey.
pub(super) fn page(journey: &Journey, title: &str, specs: &[String]) -> String {
    let drawing = Drawing::new(journey);
    let mut page = String::new();
    // A `String` takes everything.
    let _ = drawing.write(&mut page, title, specs);
    page
}

struct Drawing<'j> {
    journey: &'j Journey,
    columns: Vec<usize>, // Of each place, by its index.
    rows: Vec<&'j Event>,
    all_rows: usize,
    blocks: usize,
}

impl<'j> Drawing<'j> {
    fn new(journey: &'j Journey) -> Self {
        let column = |place| journey.order.iter().position(|at| *at == place).unwrap_or(0);
        let columns = (0..journey.places.len()).map(column).collect();
        let mut rows = drawn(journey);
        let all_rows = rows.len();
        rows.truncate(MAX_ROWS);
        let blocks = rows.iter().map(|event| event.blocks.len()).max().unwrap_or(0);
        Self { journey, columns, rows, all_rows, blocks: blocks.min(MAX_BLOCKS) }
    }

    fn write(&self, to: &mut String, title: &str, specs: &[String]) -> fmt::Result {
        let title = Text(title);
        let tracks = self.journey.order.len().saturating_sub(1).max(1);
        write!(
            to,
            "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n"
        )?;
        to.push_str("<meta name=viewport content=\"width=device-width, initial-scale=1\">\n");
        write!(to, "<style>\n{STYLE}</style>\n<header>\n<h1>{title}</h1>\n<p class=specs>")?;
        for spec in specs {
            write!(to, "<code>{}</code> ", Text(spec))?;
        }
        to.push_str("</p>\n<p class=legend>");
        for kind in self.kinds() {
            write!(to, "<span class=\"box {}\">{}</span> ", class(kind), Text(kind))?;
        }
        to.push_str("</p>\n</header>\n");
        writeln!(to, "<main style=\"--tracks:{tracks};--blocks:{}\">", self.blocks.max(1))?;
        self.write_places(to)?;
        to.push_str("<ol>\n");
        for (number, event) in self.rows.iter().enumerate() {
            self.write_row(to, number, event)?;
        }
        to.push_str("</ol>\n</main>\n");
        self.write_end(to)?;
        writeln!(to, "<script>\n{SCRIPT}</script>\n</html>")
    }

    /// The names of the kinds of bucket there are, each once.
    fn kinds(&self) -> Vec<&'j str> {
        let mut kinds: Vec<&str> = Vec::new();
        for bucket in self.rows.iter().flat_map(|event| buckets(event)) {
            if !kinds.contains(&bucket.kind.as_str()) {
                kinds.push(&bucket.kind);
            }
        }
        kinds
    }

    fn write_places(&self, to: &mut String) -> fmt::Result {
        to.push_str(
            "<div class=\"row places\" aria-hidden=true><span class=n></span><div class=tracks>",
        );
        for (column, place) in self.journey.order.iter().enumerate() {
            let name = Text(self.name(*place));
            write!(to, "<b style=\"--at:{column}\"><span>{name}</span></b>")?;
        }
        to.push_str("</div><div class=lane>");
        to.push_str(if self.blocks > 0 { "blocks" } else { "" });
        to.push_str("</div></div>\n");
        Ok(())
    }

    fn write_row(&self, to: &mut String, number: usize, event: &Event) -> fmt::Result {
        write!(to, "<li class=row><span class=n>{}</span><div class=tracks>", number + 1)?;
        match &event.what {
            What::Pass { from, to: there, is_kept, buckets } => {
                self.write_pass(to, *from, *there, *is_kept, buckets)?;
            }
            What::Read { place, kind, piece } => {
                let column = self.columns[*place].max(1);
                write!(to, "<div class=read style=\"--from:{column};--to:{}\">", column + 1)?;
                let name = Text(self.name(*place));
                write!(to, "<span class=way>{name} reads a {}</span>", Text(kind))?;
                write!(to, "<span class=what>reads {}</span>", Text(kind))?;
                write_box(to, piece)?;
                to.push_str("</div>");
            }
            What::Return { place, answer, held_bytes } => {
                let column = self.columns[*place].max(1);
                write!(to, "<div class=answer style=\"--from:{column};--to:{}\">", column + 1)?;
                let (name, answer) = (Text(self.name(*place)), told(answer));
                write!(to, "<span class=way>{name}</span><span class=what>{}", Text(&answer))?;
                match held_bytes {
                    0 => {}
                    held => write!(to, ", keeps {held}")?,
                }
                to.push_str("</span></div>");
            }
            _ => {}
        }
        to.push_str("</div>");
        self.write_lane(to, event)?;
        to.push_str("</li>\n");
        Ok(())
    }

    fn write_pass(
        &self,
        to: &mut String,
        from: usize,
        there: usize,
        is_kept: bool,
        buckets: &[SeenBucket],
    ) -> fmt::Result {
        let (left, right) = (self.columns[from], self.columns[there]);
        let kept = if is_kept { " kept" } else { "" };
        let (from, there) = (Text(self.name(from)), Text(self.name(there)));
        write!(to, "<div class=\"pass{kept}\" style=\"--from:{};", left.min(right) + 1)?;
        write!(to, "--to:{}\">", left.max(right).max(left.min(right) + 1) + 1)?;
        write!(to, "<span class=way>{from} → {there}</span>")?;
        for bucket in buckets {
            write_box(to, bucket)?;
        }
        if is_kept {
            to.push_str("<span class=what>kept: it waits</span>");
        }
        to.push_str("</div>");
        Ok(())
    }

    /// The blocks at that time; bright are those that this event's buckets are in.
    fn write_lane(&self, to: &mut String, event: &Event) -> fmt::Result {
        let states: Vec<char> = event.blocks.chars().take(self.blocks).collect();
        let used = used(&event.blocks);
        write!(to, "<div class=lane title=\"{used} of {} blocks in use\">", self.blocks)?;
        for key in 0..self.blocks {
            let state = match states.get(key) {
                Some('#') => "lent",
                Some('o') => "open",
                Some('-') => "free",
                _ => "none",
            };
            let is_here = buckets(event).any(|bucket| bucket.block == Some(key));
            write!(to, "<i class=\"{state}{}\"></i>", if is_here { " here" } else { "" })?;
        }
        to.push_str("</div>");
        Ok(())
    }

    fn write_end(&self, to: &mut String) -> fmt::Result {
        to.push_str("<footer>\n<button type=button id=play>▶ play</button>\n");
        to.push_str("<output id=look aria-live=polite>Point at a box, or walk with Tab and the arrow keys: here are its bytes.</output>\n");
        let (drawn, all) = (self.rows.len(), self.all_rows);
        if all > drawn {
            writeln!(to, "<p>The first {drawn} of {all} events are drawn.</p>")?;
        }
        if self.journey.is_cut {
            to.push_str("<p>The journey was longer than the recorder's limit.</p>\n");
        }
        to.push_str("</footer>\n");
        Ok(())
    }

    fn name(&self, place: usize) -> &str {
        self.journey.places.get(place).map_or("", String::as_str)
    }
}

/// A return is drawn if it says something new, or if blocks have come back by it.
fn drawn(journey: &Journey) -> Vec<&Event> {
    let mut blocks = "";
    let mut drawn = Vec::new();
    for event in &journey.events {
        let is_done = matches!(&event.what, What::Return { answer: SeenAnswer::Done, .. });
        if !is_done || used(&event.blocks) < used(blocks) {
            drawn.push(event);
            blocks = &event.blocks;
        }
    }
    drawn
}

/// How many blocks are lent or being filled.
fn used(blocks: &str) -> usize {
    blocks.chars().filter(|state| matches!(state, '#' | 'o')).count()
}

fn buckets(event: &Event) -> impl Iterator<Item = &SeenBucket> {
    let (many, one) = match &event.what {
        What::Pass { buckets, .. } => (buckets.as_slice(), None),
        What::Read { piece, .. } => (&[][..], Some(piece)),
        _ => (&[][..], None),
    };
    many.iter().chain(one)
}

fn told(answer: &SeenAnswer) -> String {
    match answer {
        SeenAnswer::Waits => "waits".to_owned(),
        SeenAnswer::SteppedAside => "steps aside".to_owned(),
        SeenAnswer::Failed(error) => format!("fails: {error}"),
        _ => "returns".to_owned(),
    }
}

/// A bucket, wider the more bytes it has; what it holds is in attributes, for the script.
fn write_box(to: &mut String, bucket: &SeenBucket) -> fmt::Result {
    let kind = Text(&bucket.kind);
    let width = bucket.len.map_or(0, |len| (len + 1).ilog2());
    write!(to, "<button type=button class=\"box {}\" style=\"--w:{width}\"", class(&bucket.kind))?;
    if let Some(block) = bucket.block {
        write!(to, " data-block={block}")?;
    }
    if !bucket.text.is_empty() {
        write!(to, " data-text=\"{}\"", Text(&bucket.text))?;
    }
    let shown = &bucket.bytes[..bucket.bytes.len().min(SHOWN_BYTES)];
    if !shown.is_empty() {
        to.push_str(" data-bytes=");
        shown.iter().try_for_each(|byte| write!(to, "{byte:02x}"))?;
    }
    match (bucket.is_mark, bucket.len) {
        (true, _) => write!(to, ">{kind}</button>"),
        (false, Some(len)) => write!(to, " data-len={len}>{kind} <small>{len}</small></button>"),
        (false, None) => write!(to, ">{kind} <small>?</small></button>"),
    }
}

/// The colour of a kind. Kinds of users' own share one, as they share that they are data or marks.
fn class(kind: &str) -> &'static str {
    match kind {
        "RESPONSE" | "HEADERS" => "head",
        "TRANSIENT" => "transient",
        "IMMORTAL" => "immortal",
        "HEAP" => "heap",
        "FILE" => "file",
        "MMAP" => "mmap",
        "STREAM" => "stream",
        "FLUSH" => "flush",
        "EOS" | "EOR" | "EOC" => "end",
        "ERROR" => "error",
        _ => "own",
    }
}

/// Text that is no markup.
struct Text<'t>(&'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '<' => f.write_str("&lt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}
