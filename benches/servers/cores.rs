//! Which core the servers have, and which one wrk.
//!
//! Invariant: they are two.

use crate::Result;

/// A core for each side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) wrk: usize,
    pub(crate) server: usize,
}

#[cfg(target_os = "linux")]
impl Cores {
    /// The first core that this process may use for wrk, the last for the servers: the first serves most
    /// interrupts.
    ///
    /// # Errors
    ///
    /// When there are not two.
    pub(crate) fn choose() -> Result<Self> {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let allowed = sched_getaffinity(None).map_err(|errno| format!("ask for cores: {errno}"))?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        match (cores.next(), cores.next_back()) {
            (Some(wrk), Some(server)) => Ok(Self { wrk, server }),
            _ => Err("two cores are needed: one for the server, one for wrk".to_owned()),
        }
    }
}

/// Ties this process, and what it becomes and starts, to `core`.
///
/// # Errors
///
/// What the system answered.
#[cfg(target_os = "linux")]
pub(crate) fn pin(core: usize) -> Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).map_err(|errno| format!("keep to core {core}: {errno}"))
}

#[cfg(not(target_os = "linux"))]
impl Cores {
    /// Says that cores cannot be told apart here.
    ///
    /// # Errors
    ///
    /// Always.
    pub(crate) fn choose() -> Result<Self> {
        Err("a process can be tied to a core on Linux only".to_owned())
    }
}

/// Never succeeds.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_core: usize) -> Result<()> {
    Cores::choose().map(|_| ())
}
