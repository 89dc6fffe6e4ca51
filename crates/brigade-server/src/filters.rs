//! `brigade filters`: what can be named in a SPEC.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write;

use brigade::{Entry, Form, OptionDoc};
use serde::Serialize;

use crate::config::nearest;
use crate::registry;

/// List the filters, or say all of one
///
/// A filter is named by a SPEC: its name, then its options, as in `--filter 'deflate level=9'` or
/// `--filter 'substitute s/Apache/httpd/'`. Quote what has spaces: `substitute "s/one two/three/"`. A file
/// of configuration names filters by the same SPECs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Say all of this one: what it does, its options, and an example to try
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  brigade filters
  brigade filters deflate
  brigade filters --json | jq '.[] | {name, kind}'";

/// A filter, for programs.
#[derive(Debug, Serialize)]
struct Told {
    name: &'static str,
    summary: &'static str,
    docs: &'static str,
    kind: String,
    effects: String,
    carry: &'static str,
    memory: &'static str,
    reads: Option<&'static str>,
    makes: Option<&'static str>,
    options: Vec<TheOption>,
    example: &'static str,
}

#[derive(Debug, Serialize)]
struct TheOption {
    form: &'static str,
    help: &'static str,
}

impl From<&Entry> for Told {
    fn from(entry: &Entry) -> Self {
        let option = |option: &OptionDoc| TheOption { form: option.form, help: option.help };
        Self {
            name: entry.name,
            summary: entry.summary,
            docs: entry.docs,
            kind: entry.kind.to_string(),
            effects: format!("{:?}", entry.effects),
            carry: entry.carry,
            memory: entry.memory,
            reads: entry.reads.map(said),
            makes: entry.makes.map(said),
            options: entry.options.iter().map(option).collect(),
            example: entry.example_spec(),
        }
    }
}

fn said(form: Form) -> &'static str {
    match form {
        Form::Plain => "plain",
        Form::Coded => "coded",
        _ => "other",
    }
}

/// Prints the registry, or one of it.
///
/// # Errors
///
/// A name that there is not; when standard output cannot be written.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    let registry = registry();
    let mut out = anstream::stdout().lock();
    let Some(name) = &args.name else {
        let all: Vec<Told> = registry.entries().map(Told::from).collect();
        if args.json {
            return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?);
        }
        return Ok(all.iter().try_for_each(|told| write!(out, "{}", in_short(told)))?);
    };
    let Some(entry) = registry.entries().find(|entry| entry.name == name) else {
        return Err(unknown(name, registry.entries().map(|entry| entry.name)).into());
    };
    let told = Told::from(entry);
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?);
    }
    Ok(write!(out, "{}", in_full(&told))?)
}

fn unknown<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    let mut what = format!("there is no filter {name:?}; there are {}", names.join(", "));
    if let Some(meant) = nearest(name, names) {
        write!(what, "; did you mean {meant:?}?").expect("a string takes all");
    }
    what
}

fn in_short(told: &Told) -> String {
    let bold = anstyle::Style::new().bold();
    let mut lines = vec![
        format!("{bold}{}{bold:#}: {}", told.name, told.summary),
        format!("    kind {}, effects {}", told.kind, told.effects),
        format!("    keeps after a flush: {}", told.carry),
        format!("    memory: {}", told.memory),
    ];
    lines.extend(told.options.iter().map(|option| format!("    {}  {}", option.form, option.help)));
    lines.join("\n") + "\n"
}

fn in_full(told: &Told) -> String {
    let bold = anstyle::Style::new().bold();
    let mut lines = vec![format!("{bold}{}{bold:#}: {}", told.name, told.summary)];
    if !told.docs.is_empty() {
        lines.push(told.docs.to_owned());
    }
    let rows = [
        ("kind", Some(&*told.kind)),
        ("effects", Some(&*told.effects)),
        ("reads", told.reads),
        ("makes", told.makes),
        ("keeps after a flush", Some(told.carry)),
        ("memory", Some(told.memory)),
    ];
    lines.push(String::new());
    let present = rows.into_iter().filter_map(|(title, value)| Some((title, value?)));
    lines.extend(present.map(|(title, value)| format!("{title:<20} {value}")));
    lines.push(String::new());
    lines.push(if told.options.is_empty() { "no options" } else { "options" }.to_owned());
    let width = told.options.iter().map(|option| option.form.len()).max().unwrap_or(0);
    let options = told.options.iter();
    lines.extend(options.map(|option| format!("  {:<width$}  {}", option.form, option.help)));
    lines.push(String::new());
    lines.push("example".to_owned());
    lines.push(format!("  brigade trace README.md --filter '{}'", told.example));
    lines.push(format!("  filters = ['{}']    # in a [[chain]] of a file", told.example));
    lines.join("\n") + "\n"
}
