//! `brigade check`: what a file of configuration says, and what each URL would get.
//!
//! Invariant: what is told of a URL comes from the same routes, chains and directories that a server would
//! ask; nothing is worked out a second time.

mod answer;
mod table;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use self::answer::Answer;
use self::table::Table;
use crate::listen::Place;
use crate::reload::Source;

/// Say what a file of configuration does, and what each URL would get
///
/// The file is checked whole: every key, the options of every filter, whether directories, pages and
/// certificates can be read. With URLs it says who would answer, with which file, through which filters
/// and from which lines they come; without, it prints all rules. A file that is wrong ends it with 2.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A URL, or its path alone
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// Print JSON; what is wrong with the file, too
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  brigade check site.toml
  brigade check site.toml /docs/ http://localhost/img/logo.png
  brigade check site.toml --json | jq .routes";

/// Checks, and prints.
///
/// # Errors
///
/// Everything that is wrong with the file; a URL that is none.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    let no_flags: (Vec<Place>, _) = Default::default();
    let source = Source { path: args.file.clone(), listen: no_flags.0, limits: no_flags.1 };
    let config = match source.load() {
        Ok(config) => config,
        Err(problems) => {
            if args.json {
                print_json(&serde_json::json!({ "wrong": problems.told() }))?;
            }
            return Err(problems.into());
        }
    };
    let answers: Result<Vec<Answer<'_>>, String> =
        args.urls.iter().map(|url| Answer::to(&config, url)).collect();
    let answers = answers?;
    let mut out = anstream::stdout();
    match (args.json, answers.is_empty()) {
        (true, true) => print_json(&Table::of(&config))?,
        (true, false) => print_json(&answers)?,
        (false, true) => write!(out, "{}", Table::of(&config))?,
        (false, false) => {
            for (at, answer) in answers.iter().enumerate() {
                let gap = if at == 0 { "" } else { "\n" };
                write!(out, "{gap}{answer}")?;
            }
        }
    }
    Ok(())
}

fn print_json(value: &impl Serialize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(writeln!(anstream::stdout(), "{text}")?)
}
