//! Processes that this program starts.
//!
//! Invariant: none outlives its [`Child`], nor this program, however that ends. Each is started by way
//! of this same program, which ties itself to a core, asks the system to be ended with its parent, and
//! then becomes the other one: so it needs no `unsafe` between fork and exec.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cores::pin;
use crate::{Result, axum_dir};

/// How long a process that was asked to end may take: httpd has to end its own.
const GRACE: Duration = Duration::from_secs(3);

/// How often a process is looked at that is waited for.
const TICK: Duration = Duration::from_millis(5);

/// What this program does when it is started by itself.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Role {
    /// Become another program, on one core, that ends with its parent
    #[command(hide = true)]
    Become {
        #[arg(long)]
        core: usize,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Serve a directory with axum
    #[command(hide = true)]
    Axum(axum_dir::Args),
}

impl Role {
    /// Does it; what becomes another program comes back only with an error.
    pub(crate) fn play(self) -> Result<()> {
        match self {
            Self::Axum(args) => axum_dir::run(&args),
            Self::Become { core, command } => {
                pin(core)?;
                end_with_parent()?;
                let (program, args) = command.split_first().ok_or("become what?")?;
                let error = Command::new(program).args(args).exec();
                Err(format!("start {}: {error}", program.display()))
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn end_with_parent() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|errno| format!("ask to be ended with the parent: {errno}"))
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> Result<()> {
    Ok(())
}

/// A process; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    name: String,
    log: PathBuf,
}

impl Child {
    /// Starts `command` on `core`; what it says goes to the file `log`.
    ///
    /// # Errors
    ///
    /// It could not be started.
    pub(crate) fn start(core: usize, command: &[OsString], log: &Path) -> Result<Self> {
        let name = command.first().map_or_else(String::new, |name| name.display().to_string());
        Self::spawn(core, command, log)
            .map(|process| Self { process, name: name.clone(), log: log.to_owned() })
            .map_err(|error| format!("start {name}: {error}"))
    }

    fn spawn(core: usize, command: &[OsString], log: &Path) -> io::Result<std::process::Child> {
        let out = File::create(log)?;
        Command::new(std::env::current_exe()?)
            .args(["become", "--core", &core.to_string(), "--"])
            .args(command)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
    }

    /// Waits until it has ended; what it said.
    ///
    /// # Errors
    ///
    /// It failed, or was not done in time.
    pub(crate) fn output(mut self, limit: Duration) -> Result<String> {
        let end = Instant::now() + limit;
        match self.wait_until(end)? {
            Some(status) if status.success() => {
                std::fs::read_to_string(&self.log).map_err(|error| error.to_string())
            }
            Some(_) => Err(self.how_it_ended()),
            None => Err(format!("{} was not done after {limit:?}", self.name)),
        }
    }

    /// Waits for what `is_ready` waits for.
    ///
    /// # Errors
    ///
    /// It ended, or was not ready in time: with what it said.
    pub(crate) fn ready(
        &mut self,
        limit: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let end = Instant::now() + limit;
        while !is_ready() {
            if self.has_ended()?.is_some() || Instant::now() > end {
                return Err(self.how_it_ended());
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    fn how_it_ended(&mut self) -> String {
        let how = match self.process.try_wait() {
            Ok(Some(status)) => format!("ended ({status})"),
            _ => "did not get ready".to_owned(),
        };
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        format!("{} {how}; it said: {}", self.name, said.trim())
    }

    fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().map_err(|error| format!("wait for {}: {error}", self.name))
    }

    // Polled: the standard library cannot wait with a limit.
    fn wait_until(&mut self, end: Instant) -> Result<Option<ExitStatus>> {
        loop {
            let status = self.has_ended()?;
            if status.is_some() || Instant::now() > end {
                return Ok(status);
            }
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Asked first: a server that is killed leaves the processes it started. All of this fails only
        // when the process is gone, which is what it is for.
        if let Ok(None) = self.process.try_wait() {
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        }
        if !matches!(self.wait_until(Instant::now() + GRACE), Ok(Some(_))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
