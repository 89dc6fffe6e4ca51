//! Leading what was seen through filters once more.
//!
//! Invariant: the filters get the buckets that were seen, cut and handed over as they were; and a mark
//! that cannot be made again is an error, never left out.

use std::io::Write;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use brigade::{Brigade, Bucket, Chain, Error, ErrorKind, Member, Progress, Result, recorder};

use super::{Journey, Recorder, SeenBucket, What};

/// A filter that waits for longer waits for something that is not there.
const PATIENCE: Duration = Duration::from_secs(20);

/// How marks are made again, and written down.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    /// Makes one of the name of its kind and its text. FLUSH, EOS and ERROR are known.
    pub make: fn(&str, &str) -> Option<Bucket<'static>>,
    /// Writes its text down: what the journey's [recorder](Recorder::describe) was told to.
    pub describe: fn(&Bucket<'_>) -> Option<String>,
}

/// Knows no marks but those of the model.
impl Default for Marks {
    fn default() -> Self {
        Self { make: |_, _| None, describe: |_| None }
    }
}

impl Journey {
    /// Leads what went into the place named `into` through `members` once more, call by call and bucket
    /// by bucket; answers that journey. Both are equal where [`out_of`](Self::out_of) is.
    ///
    /// A FILE is a FILE again, with the bytes it had; what was read of a STREAM comes as it was read, and
    /// there may be one. Waits where a filter waits, at most 20 seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is no such place or something was not kept;
    /// [`ErrorKind::Unsupported`] for a mark that `marks` does not know and for a second STREAM; [`ErrorKind::TimedOut`].
    /// What a filter answers is in the journey.
    pub fn replay(
        &self,
        into: &str,
        members: impl IntoIterator<Item = Member>,
        marks: Marks,
    ) -> Result<Self> {
        let place = self.place(into).filter(|_| !self.is_cut).ok_or_else(|| {
            let what = if self.is_cut { "that is cut" } else { "without it" };
            Error::new(ErrorKind::InvalidInput, format!("replay {into:?} in a journey {what}"))
        })?;
        let mut chain = Chain::new(recorder().0);
        members.into_iter().for_each(|member| chain.join_request(member));
        chain.observe(Recorder::bodies(usize::MAX, &chain).describe(marks.describe));
        chain.set_waker(&Waker::from(Arc::new(Unpark(thread::current()))));
        let mut has_stream = false;
        for event in &self.events {
            let What::Pass { to, buckets, .. } = &event.what else { continue };
            if *to != place {
                continue;
            }
            let mut brigade = Brigade::new();
            for bucket in buckets {
                if bucket.len.is_none() && !bucket.is_mark {
                    if std::mem::replace(&mut has_stream, true) {
                        let context = format!("replay more than one {} into {into:?}", bucket.kind);
                        return Err(Error::new(ErrorKind::Unsupported, context));
                    }
                    brigade.extend(self.read_of(place, &bucket.kind));
                } else {
                    brigade.push_back(make_bucket(bucket, marks)?);
                }
            }
            // What fails is in the journey.
            let _ = chain.pass(&mut brigade);
            settle(&mut chain)?;
        }
        Ok(chain.observer::<Recorder>().map(Recorder::take).unwrap_or_default())
    }

    /// What was read for a filter of data of a kind.
    fn read_of(&self, place: usize, kind: &str) -> impl Iterator<Item = Bucket<'_>> {
        self.events.iter().filter_map(move |event| match &event.what {
            What::Read { place: by, kind: of, piece } if *by == place && of == kind => {
                Some(Bucket::transient(&piece.bytes))
            }
            _ => None,
        })
    }
}

fn make_bucket(seen: &SeenBucket, marks: Marks) -> Result<Bucket<'_>> {
    if !seen.is_whole() {
        let context = format!("replay a {} of which not all was kept", seen.kind);
        return Err(Error::new(ErrorKind::InvalidInput, context));
    }
    let known = (marks.make)(&seen.kind, &seen.text);
    Ok(match seen.kind.as_str() {
        _ if known.is_some() => known.expect("it was looked at"),
        "FLUSH" => Bucket::flush(),
        "EOS" => Bucket::eos(),
        "ERROR" => Bucket::error(Error::other(seen.text.clone())),
        _ if seen.is_mark => {
            let context = format!("replay a {}: nobody knows how to make one", seen.kind);
            return Err(Error::new(ErrorKind::Unsupported, context));
        }
        "FILE" => make_file(&seen.bytes)?,
        "TRANSIENT" => Bucket::transient(&seen.bytes),
        _ => Bucket::heap(seen.bytes.clone()),
    })
}

fn make_file(bytes: &[u8]) -> Result<Bucket<'static>> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    Ok(Bucket::file(file, 0, bytes.len() as u64))
}

/// Goes on with what waits until nothing does.
fn settle(chain: &mut Chain) -> Result<()> {
    let begun = Instant::now();
    while chain.aborted().is_none() && chain.progress() == Progress::Pending {
        if !matches!(chain.resume(), Ok(Progress::Pending)) {
            continue;
        }
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(Error::new(ErrorKind::TimedOut, "replay a journey: a filter waits"));
        }
        thread::park_timeout(left);
    }
    Ok(())
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
