//! What `brigade serve` does: from flags, or from a file.
//!
//! Invariant: a [`Config`] is right as a whole. Whoever has one has only to bind its listeners; nothing of
//! it is found wrong by a request.

mod chains;
mod limits;
mod listeners;
mod order;
mod path;
mod problem;
mod read;
mod routes;
mod source;
mod table;

use std::fs::File as Opened;
use std::io::{self, Read};
use std::path::Path;

use brigade::{Error, Prepared, Registry, Result, Spec};
use brigade_http::driver::{Handler, Settings};

pub(crate) use self::chains::{Chains, Placed, Rule};
pub(crate) use self::limits::{Fixed, Limits, Said, shown};
pub(crate) use self::listeners::Listen;
pub(crate) use self::path::Pattern;
pub(crate) use self::problem::{Problems, nearest};
pub(crate) use self::routes::{Route, Routes, Target};
pub(crate) use self::source::Origin;
use crate::error_pages::Pages;

/// A file of this length is no configuration that somebody wrote.
const MAX_BYTES: u64 = 1024 * 1024;

/// What a file says.
#[derive(Debug)]
pub(crate) struct File {
    /// Empty: where the flags say, or at the default place.
    pub(crate) listeners: Vec<Listen>,
    pub(crate) limits: Said,
    pub(crate) routes: Routes,
    pub(crate) chains: Chains,
    pub(crate) pages: Pages,
}

/// What holds: of a file and flags, or of flags alone.
#[derive(Debug)]
pub(crate) struct Config {
    /// How people call what is served: a directory or a file of configuration.
    pub(crate) name: String,
    pub(crate) listeners: Vec<Listen>,
    pub(crate) limits: Limits,
    pub(crate) routes: Routes,
    pub(crate) chains: Chains,
    pub(crate) pages: Pages,
}

impl File {
    /// Reads and checks the file at `path`. It may wait for a disk.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn load(path: &Path) -> Result<Self, Problems> {
        let unreadable = |error| Problems::unreadable(&path.display().to_string(), &error);
        read::read(path, &text_of(path).map_err(unreadable)?)
    }
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    Opened::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is over {MAX_BYTES} bytes")));
    }
    Ok(text)
}

impl Config {
    /// Who answers, in a process that may have so many descriptors: most are for clients, and for files
    /// while they are sent.
    pub(crate) fn handler(&self, descriptors: u64) -> impl Handler + use<> {
        let most = usize::try_from(descriptors / 4).unwrap_or(usize::MAX);
        let Limits { open_files, open_files_age, .. } = self.limits;
        self.routes.answering(open_files.min(most), open_files_age)
    }

    /// What the connections have in common; `settings` has what is the process's.
    pub(crate) fn settings(&self, settings: Settings) -> Settings {
        let mut settings = settings
            .header_timeout(self.limits.header_timeout)
            .keep_alive_timeout(self.limits.keep_alive_timeout)
            .write_timeout(self.limits.write_timeout);
        settings.header = std::sync::Arc::new(self.pages.options());
        let chains = self.chains.clone();
        settings.insert_filters(move |request, chain| chains.join(request, chain))
    }
}

/// Checks the SPECs of one chain and prepares their filters, in the order of the SPECs.
///
/// # Errors
///
/// As [`Registry::prepare_all`], and what was meant, if that can be guessed.
pub(crate) fn prepare_all(registry: &Registry, specs: &[String]) -> Result<Vec<Prepared>> {
    let prepare = |spec: &String| {
        registry.prepare(spec).map_err(|error| match suggest(registry, spec) {
            None => error,
            Some(help) => Error::new(error.kind(), format!("{error}; {help}")),
        })
    };
    let prepared = specs.iter().map(prepare).collect::<Result<_>>()?;
    registry.prepare_all(specs)?;
    Ok(prepared)
}

/// What was meant by a SPEC that names no filter, or no option of one, if that can be guessed.
pub(crate) fn suggest(registry: &Registry, spec: &str) -> Option<String> {
    let spec: Spec = spec.parse().ok()?;
    let meant = |what: &str| Some(format!("did you mean {what:?}?"));
    let Some(entry) = registry.entries().find(|entry| entry.name == spec.name()) else {
        return nearest(spec.name(), registry.entries().map(|entry| entry.name)).and_then(meant);
    };
    let keys = || entry.options.iter().filter_map(|option| Some(option.form.split_once('=')?.0));
    let (wrong, _) = spec.options().iter().find(|(key, _)| !keys().any(|known| known == key))?;
    nearest(wrong, keys()).and_then(meant)
}
