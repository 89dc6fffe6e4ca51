//! What the blocks of all connections may hold together, and a line that says what they hold.
//!
//! Invariant: every connection counts in the one budget and shares the one cache, with a limit or
//! without.

use std::io::Write;

use brigade::{AllocOptions, BlockCache, Budget};

use crate::stream::units::parse_number;

const BLOCK_BYTES: usize = 8 * 1024;
/// Blocks kept for the next connection that wakes: enough for many thousand short requests a second.
const CACHED_BLOCKS: usize = 512;
/// Below it one slow client could keep all others out.
const LEAST_BYTES: u64 = 256 * 1024;

/// The budget and the cache of a server's connections.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    budget: Budget,
    cache: BlockCache,
    limit_bytes: Option<usize>,
}

/// What is held now.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Line {
    pub(crate) limit_bytes: Option<usize>,
    pub(crate) held_bytes: usize,
    pub(crate) high_water_bytes: usize,
    pub(crate) cached_blocks: usize,
    pub(crate) blocks_from_cache: u64,
    pub(crate) blocks_from_system: u64,
}

impl Memory {
    /// Without a limit all is counted, and nothing refused.
    pub(crate) fn new(limit_bytes: Option<usize>) -> Self {
        Self {
            budget: Budget::new(limit_bytes.unwrap_or(usize::MAX)),
            cache: BlockCache::new(BLOCK_BYTES, CACHED_BLOCKS),
            limit_bytes,
        }
    }

    /// For the settings of the connections.
    pub(crate) fn storage(&self) -> AllocOptions {
        AllocOptions::default()
            .block_size(BLOCK_BYTES)
            .budget(self.budget.clone())
            .cache(self.cache.clone())
    }

    /// What is held now.
    pub(crate) fn line(&self) -> Line {
        let cache = self.cache.stats();
        Line {
            limit_bytes: self.limit_bytes,
            held_bytes: self.budget.held_bytes(),
            high_water_bytes: self.budget.high_water_bytes(),
            cached_blocks: cache.blocks,
            blocks_from_cache: cache.taken,
            blocks_from_system: cache.missed,
        }
    }

    /// Prints what is held now, as one line of JSON.
    pub(crate) fn print(&self) {
        let line = serde_json::to_string(&self.line()).expect("numbers are JSON");
        // Whoever read the output may have gone: that is no reason to stop serving.
        let _ = writeln!(anstream::stdout(), "{line}");
    }
}

/// Reads `64Mi`, and so on.
///
/// # Errors
///
/// No number, a unit that there is not, or less than would do.
pub(crate) fn parse_limit(text: &str) -> Result<usize, String> {
    let bytes = parse_number(text)?;
    if bytes < LEAST_BYTES {
        return Err("must be at least 256Ki, or one slow client could keep all others out".into());
    }
    usize::try_from(bytes).map_err(|_| format!("{text} does not fit in memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_read_with_its_unit_and_has_a_least_value() {
        assert_eq!(parse_limit("64Mi"), Ok(64 << 20));
        assert_eq!(parse_limit("256Ki"), Ok(256 << 10));
        for wrong in ["0", "255Ki", "64 MB", ""] {
            assert!(parse_limit(wrong).is_err(), "{wrong}");
        }
    }
}
