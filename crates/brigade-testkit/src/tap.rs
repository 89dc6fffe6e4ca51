//! A filter that writes down what passes.
//!
//! Invariant: it changes nothing and reads nothing: a FILE goes on unread, a STREAM unstarted.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brigade::{Brigade, Bucket, Effects, Next, OutputFilter, Result};

/// Makes a filter that records what goes by, call by call, and the record.
///
/// [`brigade::recorder`] shows what came to the end of a chain; this shows what came to a place in it,
/// in what buckets, by what calls. The record grows with all that passes: it is for tests.
///
/// ```
/// use brigade::{Chain, FilterKind, Member, recorder};
/// use brigade_testkit::{brigade, tap};
///
/// # fn main() -> brigade::Result<()> {
/// let (terminal, _) = recorder();
/// let mut chain = Chain::new(terminal);
/// let (tap, tapped) = tap();
/// chain.join(Member::new("tap", FilterKind::RESOURCE, tap));
/// chain.pass(&mut brigade!["one", FLUSH])?;
/// chain.pass(&mut brigade!["two", EOS])?;
/// assert_eq!(tapped.calls(), [r#"TRANSIENT "one", FLUSH"#, r#"TRANSIENT "two", EOS"#]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "recorder", alias = "mod_dumpio")]
pub fn tap() -> (impl OutputFilter, Tapped) {
    let tapped = Tapped(Arc::default());
    (Tap(tapped.clone()), tapped)
}

struct Tap(Tapped);

/// What a [`tap`] saw. Clones see the same.
#[derive(Debug, Clone)]
pub struct Tapped(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<String>,
    effects: Vec<Effects>,
}

impl Tapped {
    /// The calls so far, each as its buckets: `TRANSIENT "abc"`, `FILE of 300 bytes`, `FLUSH`.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// The strongest effects of the filters above, at each call.
    pub fn effects_above(&self) -> Vec<Effects> {
        self.lock().effects.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutputFilter for Tap {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        let buckets: Vec<String> = input.iter().map(describe).collect();
        let mut seen = self.0.lock();
        seen.calls.push(buckets.join(", "));
        seen.effects.push(next.effects_above());
        drop(seen);
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}

fn describe(bucket: &Bucket<'_>) -> String {
    let mut words = bucket.kind_name().to_owned();
    // A `String` takes everything.
    let _ = match (bucket.bytes(), bucket.len()) {
        _ if bucket.is_metadata() => Ok(()),
        (Some(bytes), _) => write!(words, " \"{}\"", bytes.escape_ascii()),
        (None, Some(len)) => write!(words, " of {len} bytes"),
        (None, None) => Ok(()),
    };
    words
}
