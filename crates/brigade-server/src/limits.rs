//! The process's limit on open descriptors.
//!
//! Invariant: only the soft limit moves, and only up to the hard one, which is the administrator's.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What to ask for where the hard limit is none: macOS says so and then refuses more than its
/// `OPEN_MAX`.
const OPEN_MAX: u64 = 10_240;

/// Raises the limit on open descriptors as far as this process may; returns the limit now in force.
///
/// Every connection is a descriptor and a file that is being sent another; the usual soft limit of
/// 1024 is that low only for the sake of programs that use `select`. `u64::MAX` stands for no limit
/// at all.
///
/// # Errors
///
/// When the system refuses; the limit is then what it was.
pub(crate) fn raise_descriptor_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    let hard = limit.maximum.unwrap_or(OPEN_MAX);
    if soft >= hard {
        return Ok(soft);
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(hard), ..limit }).map_err(|errno| {
        let error = io::Error::from(errno);
        io::Error::new(
            error.kind(),
            format!("raise the limit on open descriptors from {soft} to {hard}: {error}"),
        )
    })?;
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test: the limit is the process's, and tests share it.
    #[test]
    fn the_soft_limit_rises_to_the_hard_one_and_stays_there() {
        let before = getrlimit(Resource::Nofile);
        let hard = before.maximum.unwrap_or(OPEN_MAX);
        // Just below, so that tests beside this one keep their descriptors.
        setrlimit(Resource::Nofile, Rlimit { current: Some(hard - 1), ..before }).unwrap();

        assert_eq!(raise_descriptor_limit().unwrap(), hard);

        let after = getrlimit(Resource::Nofile);
        assert_eq!(after.current, Some(hard));
        assert_eq!(after.maximum, before.maximum, "the hard limit is not ours to move");
        assert_eq!(raise_descriptor_limit().unwrap(), hard, "a second time changes nothing");
    }
}
