//! What must come out, and what to say when something else did.

use std::error::Error;
use std::fmt::{self, Write};

use super::drive::{Output, Trouble};
use super::plan::{Item, Plan};

/// How many bytes are shown on each side of the first difference.
const SHOWN: usize = 40;

/// How many bytes of decoded output may be before a mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: usize,
    pub(super) most: usize,
}

/// What must come out of every plan.
pub(super) struct Expected<'c> {
    pub(super) bytes: &'c [u8],
    /// The names of the leading buckets.
    pub(super) heads: &'c [String],
    pub(super) decode: &'c dyn Fn(&[u8]) -> Vec<u8>,
    /// By how many bytes of the input are before the mark; empty: not known yet.
    pub(super) bounds: &'c [Bounds],
}

/// A promise that a filter broke, and the simplest case that shows it.
#[derive(Debug)]
pub struct Broken {
    what: String,
    case: String,
    output: String,
}

impl Expected<'_> {
    /// Says what is wrong with `output`.
    pub(super) fn check(&self, plan: &Plan, output: &Output) -> Result<(), String> {
        match &output.trouble {
            Some(Trouble::Failed(error)) => return Err(format!("the chain fails: {error}")),
            Some(Trouble::Asleep) => {
                return Err("something waits, and nothing will wake the chain".into());
            }
            Some(Trouble::Endless) => return Err("it never ends, however often resumed".into()),
            None => {}
        }
        let decoded = (self.decode)(&output.bytes);
        if decoded != self.bytes {
            return Err(difference(self.bytes, &decoded));
        }
        let given = plan.marks();
        let came = without_heads(&output.marks, self.heads)?;
        check_order(&given, &came)?;
        let marks = given.iter().filter(|(_, item)| !matches!(item, Item::Head(_)));
        for (&(before, item), (at, name)) in marks.zip(&came) {
            self.check_place(before, item, *at, name, output)?;
        }
        Ok(())
    }

    fn check_place(
        &self,
        before: usize,
        item: &Item,
        at: u64,
        name: &str,
        output: &Output,
    ) -> Result<(), String> {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(output.bytes.len());
        if *item == Item::Eos {
            let late = output.bytes.len() - at;
            return if late == 0 { Ok(()) } else { Err(format!("{late} bytes come after EOS")) };
        }
        let Some(bounds) = self.bounds.get(before) else { return Ok(()) };
        let decoded = (self.decode)(&output.bytes[..at]).len();
        if decoded < bounds.least {
            return Err(format!(
                "{name} overtakes bytes: {decoded} are before it, and a FLUSH there lets go of {}",
                bounds.least
            ));
        }
        if decoded > bounds.most {
            return Err(format!(
                "{name} lags behind: {decoded} bytes are before it, and there is input for {}",
                bounds.most
            ));
        }
        Ok(())
    }
}

/// The marks that came out but for heads, which may come out too, if they are first.
fn without_heads(marks: &[(u64, String)], heads: &[String]) -> Result<Vec<(u64, String)>, String> {
    let mut left = heads.iter();
    let mut others = Vec::new();
    for (at, name) in marks {
        if others.is_empty() && left.any(|head| head == name) {
            if *at > 0 {
                return Err(format!("{name} comes out after {at} bytes of what it is the head of"));
            }
        } else {
            others.push((*at, name.clone()));
        }
    }
    Ok(others)
}

/// Whether the marks are those that were given, in their order.
fn check_order(given: &[(usize, &Item)], came: &[(u64, String)]) -> Result<(), String> {
    let given: Vec<String> = given
        .iter()
        .filter_map(|(_, item)| match item {
            Item::Flush => Some("FLUSH".to_owned()),
            Item::Unknown(number) => Some(format!("MARK-{number}")),
            Item::Eos => Some("EOS".to_owned()),
            Item::Head(_) | Item::Data(_) | Item::Empty => None,
        })
        .collect();
    let came: Vec<&str> = came.iter().map(|(_, name)| name.as_str()).collect();
    if given == came {
        return Ok(());
    }
    let ends = came.iter().filter(|name| **name == "EOS").count();
    Err(match ends {
        0 => "EOS is lost".to_owned(),
        1 => format!("the marks {} come out as {}", given.join(", "), came.join(", ")),
        _ => format!("EOS comes {ends} times"),
    })
}

fn difference(expected: &[u8], came: &[u8]) -> String {
    let at = expected.iter().zip(came).take_while(|(left, right)| left == right).count();
    format!(
        "the bytes differ from byte {at} on: expected {}, came {}",
        excerpt(expected, at),
        excerpt(came, at)
    )
}

/// The bytes around `at`, and how many there are.
fn excerpt(bytes: &[u8], at: usize) -> String {
    let range = at.saturating_sub(SHOWN).min(bytes.len())..bytes.len().min(at + SHOWN);
    let (before, after) =
        (if range.start > 0 { "…" } else { "" }, if range.end < bytes.len() { "…" } else { "" });
    let shown = bytes[range].escape_ascii();
    format!("{before}\"{shown}\"{after} ({} bytes)", bytes.len())
}

impl Broken {
    pub(super) fn new(what: String, plan: &Plan, input: &[u8], output: &Output) -> Self {
        let mut out = excerpt(&output.bytes, 0);
        for (at, name) in &output.marks {
            // A `String` takes everything.
            let _ = write!(out, ", {name} after {at}");
        }
        Self { what, case: plan.describe(input), output: out }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  given: {}\n  out:   {}", self.what, self.case, self.output)
    }
}

impl Error for Broken {}
