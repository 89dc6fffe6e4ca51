//! A configuration that is read again while the server runs.
//!
//! Invariant: what is in force is always one configuration, whole: a new one that is wrong, or that
//! cannot listen where it says, changes nothing.

use std::future::pending;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use brigade_http::driver::{Live, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::config::{Config, File, Fixed, Problems, Said};
use crate::listen::Place;
use crate::places::Places;
use crate::serve::{Result, plain, print_lines};

/// A file of configuration, and the flags that win over it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) listen: Vec<Place>,
    pub(crate) limits: Said,
}

impl Source {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn load(&self) -> std::result::Result<Config, Problems> {
        let file = File::load(&self.path)?;
        let is_overruled = !self.listen.is_empty() || file.listeners.is_empty();
        Ok(Config {
            name: self.path.display().to_string(),
            listeners: if is_overruled { plain(&self.listen) } else { file.listeners },
            limits: self.limits.or(file.limits).into(),
            routes: file.routes,
            chains: file.chains,
            pages: file.pages,
        })
    }
}

/// Reads a file again whenever SIGHUP asks for it, one reading after the other.
#[derive(Debug)]
pub(crate) struct Reload {
    source: Option<(Signal, Arc<Source>)>, // `None`: there is no file, and SIGHUP is not ours.
    reading: JoinSet<std::result::Result<Config, Problems>>,
}

impl Reload {
    /// Inside a runtime.
    ///
    /// # Errors
    ///
    /// When the system lets nobody wait for the signal.
    pub(crate) fn of(source: Option<Source>) -> io::Result<Self> {
        let listen = |source| Ok((signal(SignalKind::hangup())?, Arc::new(source)));
        let source = source.map(listen).transpose().map_err(|error: io::Error| error)?;
        Ok(Self { source, reading: JoinSet::new() })
    }

    /// What was read when it was asked for. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Config> {
        let Some((hangup, source)) = &mut self.source else { return pending().await };
        loop {
            tokio::select! {
                _ = hangup.recv(), if self.reading.is_empty() => {
                    let source = Arc::clone(source);
                    self.reading.spawn_blocking(move || source.load());
                }
                Some(read) = self.reading.join_next() => return Ok(read??),
            }
        }
    }
}

/// What changes while a server runs, and what must not.
#[derive(Debug)]
pub(crate) struct Running<'s> {
    pub(crate) fixed: Fixed,
    pub(crate) descriptors: u64,
    pub(crate) places: &'s mut Places,
    pub(crate) live: &'s Live,
    /// The settings that no file changes.
    pub(crate) common: &'s Settings,
}

impl Running<'_> {
    /// Puts what was read in force, or says why everything stays as it is.
    ///
    /// # Errors
    ///
    /// When standard output cannot be written.
    pub(crate) async fn change(&mut self, read: Result<Config>) -> Result<()> {
        let changed = match read {
            Ok(new) => self.try_change(new).await,
            Err(error) => Err(error),
        };
        match changed {
            Ok((name, urls)) => {
                print_lines(&name, &urls)?;
                writeln!(anstream::stdout(), "serving {name} as it is now")?;
            }
            Err(error) => {
                crate::report(&*error);
                anstream::eprintln!("brigade: nothing has changed, it goes on as before");
            }
        }
        Ok(())
    }

    async fn try_change(&mut self, new: Config) -> Result<(String, Vec<String>)> {
        let fixed = self.fixed.differs_in(&new.limits.fixed);
        if !fixed.is_empty() {
            let keys = fixed.join(", ");
            let what = format!("{}: limits cannot change while it runs: {keys}", new.name);
            return Err(what.into());
        }
        let urls = self.places.change(&new.listeners).await?;
        let settings = new.settings(self.common.clone());
        self.live.exchange(new.handler(self.descriptors), settings);
        self.live.listen(self.places.listeners());
        Ok((new.name, urls))
    }
}
