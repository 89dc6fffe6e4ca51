//! `--live`, where somebody looks: a picture that is drawn again at a terminal, plain lines elsewhere.
//!
//! Invariant: it goes to standard error, so the figures on standard output stay alone; the memory
//! line begins at 0, so that a flat line looks flat.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::live::{Look, Seen};
use super::plan::Plan;
use super::report::Model;
use super::units::{as_float, bytes, counted, grouped};

/// How many characters wide a run is drawn.
const COLUMNS: usize = 60;
/// How many blocks are drawn; of more it is said how many.
const CELLS: usize = 4 * COLUMNS;
/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(1);
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const FRESH: Style = AnsiColor::BrightYellow.on_default().bold();
const LENT: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();

/// Shows the looks at one run.
#[derive(Debug)]
pub(crate) enum View {
    /// At a terminal.
    Picture { bar: ProgressBar, picture: Box<Picture> },
    /// Anywhere else: a line a second, and the last.
    Lines { model: Model, writes: u64, due: Option<Instant> },
}

impl View {
    /// A view of one run of `plan`.
    pub(crate) fn new(model: Model, plan: &Plan) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { model, writes: plan.writes, due: None };
        }
        let style = ProgressStyle::with_template("{msg}").expect("a template of the program");
        let bar = ProgressBar::new(plan.writes).with_style(style);
        Self::Picture { bar, picture: Box::new(Picture::new(model, plan.writes)) }
    }

    /// Shows one look more.
    pub(crate) fn show(&mut self, look: &Look) {
        match self {
            Self::Picture { bar, picture } => {
                bar.set_message(picture.draw(look));
                bar.set_position(look.writes);
            }
            Self::Lines { model, writes, due } => {
                let now = Instant::now();
                if look.writes < *writes && due.is_some_and(|due| now < due) {
                    return;
                }
                *due = Some(now + PAUSE);
                // Whoever read it may have gone: that is no reason to stop measuring.
                let _ = writeln!(anstream::stderr(), "{}", line(*model, *writes, look));
            }
        }
    }
}

impl Drop for View {
    /// The last picture stays: it is what somebody was looking at.
    fn drop(&mut self) {
        if let Self::Picture { bar, .. } = self {
            bar.abandon();
        }
    }
}

/// A run as a few lines of text with colours.
#[derive(Debug)]
pub(crate) struct Picture {
    model: Model,
    writes: u64,
    // Memory at each column of the run, in KiB; 0 where nobody has looked yet.
    memory: [u64; COLUMNS],
    // The keys of the blocks that were lent at the last look.
    before: HashSet<usize>,
    cells: usize,
}

impl Picture {
    fn new(model: Model, writes: u64) -> Self {
        Self { model, writes, memory: [0; COLUMNS], before: HashSet::new(), cells: 0 }
    }

    fn draw(&mut self, look: &Look) -> String {
        self.remember(look);
        let (share, done) = (as_float(look.writes) / as_float(self.writes), self.column(look));
        let mut out = String::new();
        let bar = format!("{}{DIM}{}{DIM:#}", "━".repeat(done), "━".repeat(COLUMNS - done));
        let percent = share * 100.0;
        let _ = writeln!(out, "{:<8} {bar}  {percent:3.0} %  {}", self.model, pace(look));
        let memory = bytes(look.kib * 1024);
        let _ = write!(out, "{:<8} {}  {memory} resident", "memory", self.memory_line());
        if look.seen != Seen::default() {
            self.draw_blocks(&mut out, &look.seen);
            let _ = write!(out, "\n{:<8} {}", "held", held(&look.seen));
        }
        out
    }

    /// How many columns of the run are done.
    #[allow(clippy::cast_possible_truncation)] // at most COLUMNS
    fn column(&self, look: &Look) -> usize {
        let done = u128::from(look.writes) * COLUMNS as u128 / u128::from(self.writes);
        (done as usize).min(COLUMNS)
    }

    fn remember(&mut self, look: &Look) {
        let column = self.column(look).min(COLUMNS - 1);
        self.memory[column] = look.kib;
        // A fast run passes several columns between two looks.
        let seen = self.memory[..column].iter().rposition(|kib| *kib > 0);
        self.memory[seen.map_or(0, |at| at + 1)..column].fill(look.kib);
    }

    fn memory_line(&self) -> String {
        let first = self.memory.iter().copied().find(|kib| *kib > 0).unwrap_or(0);
        let most = self.memory.iter().copied().max().unwrap_or(0).max(first * 2).max(1);
        let top = LEVELS.len() as u64 - 1;
        let level = |kib: u64| usize::try_from(kib * top / most).map_or('█', |at| LEVELS[at]);
        self.memory.iter().map(|kib| if *kib == 0 { ' ' } else { level(*kib) }).collect()
    }

    /// A cell for each block, lit while it is lent, brighter if it was not at the last look.
    fn draw_blocks(&mut self, out: &mut String, seen: &Seen) {
        let lent: HashSet<usize> = seen.lent.iter().copied().collect();
        let last = seen.lent.iter().max().map_or(0, |key| key + 1);
        self.cells = self.cells.max(last).max(seen.blocks);
        for cell in 0..self.cells.min(CELLS) {
            if cell % COLUMNS == 0 {
                let title = if cell == 0 { "blocks" } else { "" };
                let _ = write!(out, "\n{title:<8} ");
            }
            let (style, shape) = match (lent.contains(&cell), self.before.contains(&cell)) {
                (true, true) => (LENT, '■'),
                (true, false) => (FRESH, '■'),
                (false, _) => (DIM, '□'),
            };
            let _ = write!(out, "{style}{shape}{style:#}");
        }
        if self.cells > CELLS {
            let _ = write!(out, " and {} more", grouped((self.cells - CELLS) as u64));
        }
        let _ = write!(out, "  {}", blocks(seen));
        self.before = lent;
    }
}

/// One look as a line of text.
fn line(model: Model, writes: u64, look: &Look) -> String {
    let of = format!("{} of {}", grouped(look.writes), counted(writes, "write"));
    let memory = bytes(look.kib * 1024);
    let mut out = format!("{model}: {of}, {}, {memory} resident", pace(look));
    if look.seen != Seen::default() {
        let _ = write!(out, "; blocks: {}; held: {}", blocks(&look.seen), held(&look.seen));
    }
    out
}

fn pace(look: &Look) -> String {
    format!("{:.1} ns a write", as_float(look.micros) * 1e3 / as_float(look.writes.max(1)))
}

fn blocks(seen: &Seen) -> String {
    format!("{} lent, {} whole", seen.lent.len(), seen.blocks.saturating_sub(seen.lent.len()))
}

/// What each filter keeps, those that keep nothing left out.
fn held(seen: &Seen) -> String {
    let keeps = seen.held.iter().filter(|(_, held)| *held > 0);
    let each: Vec<String> = keeps.map(|(name, held)| format!("{name} {}", bytes(*held))).collect();
    if each.is_empty() { "nothing".to_owned() } else { each.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(writes: u64, kib: u64, blocks: usize, lent: &[usize]) -> Look {
        let held = vec![("deflate".into(), 0), ("network".into(), 20_480)];
        let seen = Seen { blocks, lent: lent.to_vec(), held, syscalls: 7 };
        Look { writes, micros: writes, kib, seen }
    }

    /// The picture after `looks` at a run of 600 writes, without its colours.
    fn drawn(looks: &[Look]) -> Vec<String> {
        let mut picture = Picture::new(Model::Brigade, 600);
        let mut last = String::new();
        for look in looks {
            last = picture.draw(look);
        }
        anstream::adapter::strip_str(&last).to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn line_of_a_run_says_how_far_how_fast_and_what_is_held() {
        let expected = "brigade: 300 of 600 writes, 1000.0 ns a write, 2.0 MiB resident; blocks: 2 lent, \
                        3 whole; held: network 20.0 KiB";
        assert_eq!(line(Model::Brigade, 600, &look(300, 2048, 5, &[0, 4])), expected);
    }

    #[test]
    fn line_of_a_model_without_blocks_says_nothing_of_them() {
        let look = Look { seen: Seen::default(), ..look(600, 2048, 0, &[]) };
        let expected = "pool: 600 of 600 writes, 1000.0 ns a write, 2.0 MiB resident";
        assert_eq!(line(Model::Pool, 600, &look), expected);
    }

    #[test]
    fn lent_block_is_lit_in_its_own_place_and_a_block_given_back_keeps_one() {
        let blocks = |looks: &[Look]| drawn(looks)[2].clone();
        let first = look(10, 2048, 5, &[0, 4]);
        assert_eq!(blocks(std::slice::from_ref(&first)), "blocks   ■□□□■  2 lent, 3 whole");
        let later = look(20, 2048, 1, &[2]);
        assert_eq!(blocks(&[first, later]), "blocks   □□■□□  1 lent, 0 whole");
    }

    #[test]
    fn flat_memory_is_a_flat_line_and_growing_memory_a_rising_one() {
        let memory = |kib: fn(u64) -> u64| {
            let looks: Vec<Look> = (1..=60).map(|at| look(at * 10, kib(at), 1, &[0])).collect();
            drawn(&looks)[1].clone()
        };
        let flat = format!("memory   {}  2.0 MiB resident", "▄".repeat(60));
        assert_eq!(memory(|_| 2048), flat);
        let rising = memory(|at| at * 1024);
        let levels: Vec<char> = rising.chars().skip(9).take(60).collect();
        assert!(levels.is_sorted() && levels[0] == '▁' && levels[59] == '█', "{rising}");
    }

    #[test]
    fn more_blocks_than_are_drawn_are_counted() {
        let drawn = drawn(&[look(10, 2048, 300, &[0])]);
        assert!(drawn[5].contains(" and 60 more"), "{drawn:?}");
    }
}
