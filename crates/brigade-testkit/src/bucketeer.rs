//! BUCKETEER: cuts, flushes and passes where the data says so.
//!
//! Invariant: nothing but the three control bytes is taken out of the data, and what marks come go on in
//! their place.

use brigade::{Brigade, Bucket, Next, OutputFilter, Result};

/// Cuts the bucket here.
const CUT: u8 = 0x02;
/// Becomes a FLUSH.
const FLUSH: u8 = 0x06;
/// Lets what came before it go down at once, as a call of its own.
const PASS: u8 = 0x10;

/// Makes a filter that obeys control bytes in the data: `\x02` cuts a bucket, `\x06` becomes a FLUSH,
/// `\x10` passes what came before it; the bytes themselves vanish.
///
/// Put above the filter that is looked at, it lets a file or a request say how a response is cut.
/// Models mod_bucketeer, which drops the FLUSHes that come, holds all up to the next `\x10`, and looks
/// at text alone.
///
/// ```
/// use brigade::{Chain, FilterKind, Member, recorder};
/// use brigade_testkit::{bucketeer, tap};
///
/// # fn main() -> brigade::Result<()> {
/// let (terminal, _) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("bucketeer", FilterKind::RESOURCE, bucketeer()));
/// let (tap, tapped) = tap();
/// chain.join(Member::new("tap", FilterKind::RESOURCE, tap));
/// chain.write(b"one\x02two\x10three\x06")?;
/// chain.flush()?;
/// assert_eq!(tapped.calls(), [r#"HEAP "one", HEAP "two""#, r#"HEAP "three", FLUSH, FLUSH"#]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "mod_bucketeer")]
pub fn bucketeer() -> impl OutputFilter {
    Bucketeer
}

struct Bucketeer;

impl OutputFilter for Bucketeer {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(mut bucket) = next.read(input)? {
            let mut is_cut = false;
            while let Some((at, byte)) = control(&bucket) {
                let mut rest = bucket.split_at(at)?;
                rest.advance(1)?;
                if !bucket.is_empty() {
                    next.push(bucket)?;
                }
                match byte {
                    FLUSH => next.push(Bucket::flush())?,
                    // What was pushed goes down before a brigade that is pushed whole.
                    PASS => next.push_all(&mut Brigade::new())?,
                    _ => {}
                }
                bucket = rest;
                is_cut = true;
            }
            // One that came empty goes on, the nothing behind a last control byte does not.
            if !is_cut || !bucket.is_empty() {
                next.push(bucket)?;
            }
        }
        Ok(())
    }
}

/// The first control byte in a bucket, and how many bytes are before it.
fn control(bucket: &Bucket<'_>) -> Option<(u64, u8)> {
    let data = bucket.bytes()?;
    let at = data.iter().position(|byte| matches!(*byte, CUT | FLUSH | PASS))?;
    Some((at as u64, data[at]))
}
