//! The tools that are filters, under their names.

use std::sync::atomic::{AtomicU64, Ordering};

use brigade::{Effects, Entry, FilterKind, OptionDoc, Registry};

use crate::{RandomCut, bucketeer, waits_everywhere};

const SEED: OptionDoc =
    OptionDoc { form: "seed=N", help: "where the random numbers begin; default 1" };
const MOST: OptionDoc =
    OptionDoc { form: "most=BYTES", help: "the length of the longest piece; default 32" };

/// Adds `bucketeer`, `randomcut` and `waits` to `registry`, so that they can be put into the chain of a
/// real server: see [`bucketeer`], [`RandomCut`] and [`waits_everywhere`].
///
/// ```
/// use brigade::Registry;
///
/// # fn main() -> brigade::Result<()> {
/// let mut registry = Registry::new();
/// brigade_testkit::register_tools(&mut registry);
/// let cuts = registry.prepare("randomcut seed=7 most=100")?;
/// assert_eq!(cuts.name(), "randomcut");
/// # Ok(())
/// # }
/// ```
pub fn register_tools(registry: &mut Registry) {
    registry.register(
        Entry::new("bucketeer", FilterKind::RESOURCE.offset(-1), |_spec| Ok(bucketeer))
            .summary("for tests: obeys \\x02 (cut), \\x06 (flush) and \\x10 (pass) in the data"),
    );
    registry.register(
        Entry::new("randomcut", FilterKind::RESOURCE, |spec| {
            let seed: u64 = spec.option("seed")?.unwrap_or(1);
            let most: usize = spec.option("most")?.unwrap_or(32);
            if most == 0 {
                return Err(spec.wrong("option most cannot be 0: a piece has a byte at least"));
            }
            // Each response is cut in other places, and all of them the same in the next run.
            let responses = AtomicU64::new(0);
            Ok(move || {
                let number = responses.fetch_add(1, Ordering::Relaxed);
                RandomCut::new(seed.wrapping_add(number)).most_bytes(most)
            })
        })
        .effects(Effects::Same)
        .summary("for tests: cuts what goes by at random places")
        .options(&[SEED, MOST]),
    );
    registry.register(
        Entry::new("waits", FilterKind::RESOURCE, |_spec| Ok(waits_everywhere))
            .effects(Effects::Same)
            .summary("for tests: waits before every bucket"),
    );
}
