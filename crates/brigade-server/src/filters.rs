//! `brigade filters`: what can be named in a SPEC.

use std::error::Error;
use std::io::Write;

use crate::registry;

/// List the filters, with kinds and options
///
/// A filter is named by a SPEC: its name, then its options, as in `--filter 'deflate level=9'` or
/// `--filter 'substitute s/Apache/httpd/'`. Quote what has spaces: `substitute "s/one two/three/"`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints the registry.
///
/// # Errors
///
/// When standard output cannot be written.
pub(crate) fn run(_args: &Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut out = anstream::stdout().lock();
    let bold = anstyle::Style::new().bold();
    for entry in registry().entries() {
        writeln!(out, "{bold}{}{bold:#}: {}", entry.name, entry.summary)?;
        writeln!(out, "    kind {}, effects {:?}", entry.kind, entry.effects)?;
        writeln!(out, "    keeps after a flush: {}", entry.carry)?;
        writeln!(out, "    memory: {}", entry.memory)?;
        for option in entry.options {
            writeln!(out, "    {}  {}", option.form, option.help)?;
        }
    }
    Ok(())
}
