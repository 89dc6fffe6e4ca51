//! A bucket kind, a mark and a filter of one's own, with what brigade publishes and nothing else.
//!
//! ```
//! use brigade::{Chain, FilterKind, Member, recorder};
//! use custom_kind::{Checkpoint, Offsets, Repeat};
//!
//! # fn main() -> brigade::Result<()> {
//! let (terminal, record) = recorder();
//! let mut chain = Chain::new(terminal);
//! let (offsets, seen) = Offsets::new();
//! chain.join(Member::new("offsets", FilterKind::RESOURCE, offsets));
//!
//! chain.pass_bucket(Repeat::bucket(b"-=", 20))?;
//! chain.pass_bucket(Checkpoint::bucket("after the rule"))?;
//! chain.write(b"text")?;
//! chain.flush()?;
//!
//! assert_eq!(record.bytes(), [&b"-=".repeat(20)[..], b"text"].concat());
//! assert_eq!(seen.all(), [(40, "after the rule".to_owned())]);
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod offsets;
mod repeat;

pub use checkpoint::Checkpoint;
pub use offsets::{Offsets, Seen};
pub use repeat::Repeat;
