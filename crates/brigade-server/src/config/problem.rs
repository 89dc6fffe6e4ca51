//! What is wrong with a file: each thing with its place, and what would be right.
//!
//! Invariant: every place is within the text that it is shown with, whatever the text is.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::ops::Range;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where, in bytes of the text.
    at: Range<usize>,
    what: String,
    help: Option<String>,
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug, Clone)]
pub(crate) struct Problems {
    name: String,
    text: String,
    list: Vec<Problem>,
}

/// Where problems are gathered while a file is read.
#[derive(Debug, Default)]
pub(super) struct Gathered(RefCell<Vec<Problem>>);

impl Gathered {
    /// Adds one.
    pub(super) fn add(&self, at: Range<usize>, what: impl Into<String>) {
        self.0.borrow_mut().push(Problem { at, what: what.into(), help: None });
    }

    /// Adds one, and what would be right.
    pub(super) fn add_with_help(
        &self,
        at: Range<usize>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.borrow_mut().push(Problem { at, what: what.into(), help: Some(help.into()) });
    }

    /// Adds an error and what caused it, and perhaps what would be right.
    pub(super) fn add_error(
        &self,
        at: Range<usize>,
        key: &str,
        error: &(dyn Error + 'static),
        help: Option<String>,
    ) {
        let mut what = format!("{key}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(what, ": {error}").expect("a string takes all");
            cause = error.source();
        }
        self.0.borrow_mut().push(Problem { at, what, help });
    }

    /// Those of a file with this text, if there are any.
    pub(super) fn in_text(&self, name: &str, text: &str) -> Result<(), Problems> {
        let mut list = self.0.take();
        if list.is_empty() {
            return Ok(());
        }
        list.sort_by_key(|problem| problem.at.start);
        Err(Problems { name: name.to_owned(), text: text.to_owned(), list })
    }
}

impl Problems {
    /// The one problem that a file cannot be read at all.
    pub(super) fn unreadable(name: &str, error: &std::io::Error) -> Self {
        let what = format!("it cannot be read: {error}");
        Self {
            name: name.to_owned(),
            text: String::new(),
            list: vec![Problem { at: 0..0, what, help: None }],
        }
    }
}

impl Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, text, list } = self;
        if let ([Problem { what, help: None, .. }], "") = (&list[..], text.as_str()) {
            return write!(f, "{name}: {what}");
        }
        match list.len() {
            1 => write!(f, "{name} is wrong:")?,
            count => write!(f, "{name} is wrong in {count} places:")?,
        }
        for problem in list {
            let place = Place::of(text, problem.at.clone());
            let (line, column) = (place.line, place.column);
            write!(f, "\n\n{name}:{line}:{column}: {}", problem.what)?;
            place.excerpt(f)?;
            if let Some(help) = &problem.help {
                write!(f, "\n  = {help}")?;
            }
        }
        Ok(())
    }
}

/// What editors and scripts read of a problem.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Told<'p> {
    file: &'p str,
    line: usize,
    column: usize,
    what: &'p str,
    help: Option<&'p str>,
}

impl Problems {
    /// Each with its place.
    pub(crate) fn told(&self) -> Vec<Told<'_>> {
        let each = self.list.iter().map(|problem| {
            let Place { line, column, .. } = Place::of(&self.text, problem.at.clone());
            let help = problem.help.as_deref();
            Told { file: &self.name, line, column, what: &problem.what, help }
        });
        each.collect()
    }
}

/// The line that `offset` is on, counted from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    Place::of(text, offset..offset).line
}

/// A run of characters in one line of a text.
struct Place<'t> {
    source: &'t str,
    line: usize,   // From 1.
    column: usize, // From 1, in characters.
    width: usize,  // In characters.
}

impl<'t> Place<'t> {
    fn of(text: &'t str, at: Range<usize>) -> Self {
        let start = floor(text, at.start);
        let begin = text[..start].rfind('\n').map_or(0, |end| end + 1);
        let end = text[start..].find('\n').map_or(text.len(), |end| start + end);
        let marked_end = floor(text, at.end).clamp(start, end);
        Self {
            source: text[begin..end].trim_end_matches('\r'),
            line: text[..begin].matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            width: text[start..marked_end].chars().count().max(1),
        }
    }

    /// The line, its number before it and the marks below it.
    fn excerpt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Marks stand below what they mark only if every character is one wide.
        let shown: String =
            self.source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let before = " ".repeat(self.column - 1);
        let marks = "^".repeat(self.width);
        write!(f, "\n{margin} |\n{number} | {shown}\n{margin} | {before}{marks}")
    }
}

/// The last boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The one of `known` that is most like `word`, if any is like it.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_ascii_lowercase();
    let most = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(&word, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, at: Range<usize>, said: &str) {
        let gathered = Gathered::default();
        gathered.add(at, "it is wrong");
        assert_eq!(gathered.in_text("f", text).unwrap_err().to_string(), said);
    }

    #[test]
    fn place_is_shown_with_its_line_and_marks_below_it() {
        check(
            "a = 1\nbc = 2\n",
            6..8,
            "f is wrong:\n\nf:2:1: it is wrong\n  |\n2 | bc = 2\n  | ^^",
        );
    }

    #[test]
    fn place_behind_wide_characters_is_counted_in_characters() {
        check(
            "é = \"ü\"",
            5..9,
            "f is wrong:\n\nf:1:5: it is wrong\n  |\n1 | é = \"ü\"\n  |     ^^^",
        );
    }

    #[test]
    fn place_over_several_lines_is_marked_in_the_first() {
        check("[\n1\n]", 0..5, "f is wrong:\n\nf:1:1: it is wrong\n  |\n1 | [\n  | ^");
    }

    #[test]
    fn place_beyond_the_end_or_within_a_character_is_moved_back() {
        check("a", 9..12, "f is wrong:\n\nf:1:2: it is wrong\n  |\n1 | a\n  |  ^");
        check("é", 1..1, "f is wrong:\n\nf:1:1: it is wrong\n  |\n1 | é\n  | ^");
    }

    #[test]
    fn nearest_is_what_a_slip_of_the_finger_made() {
        for (word, meant) in [
            ("lissten", Some("listen")),
            ("LISTEN", Some("listen")),
            ("limit", Some("limits")),
            ("rotue", Some("route")),
            ("", None),
            ("virtualhost", None),
        ] {
            assert_eq!(nearest(word, ["listen", "limits", "route"]), meant, "{word}");
        }
    }
}
