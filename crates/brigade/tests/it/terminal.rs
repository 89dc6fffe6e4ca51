//! Terminals that say as little as they may.

use brigade::{Brigade, Bucket, Chain, Progress, ReadCx, Result, Terminal};

use crate::kit::{Upper, file_of, member};

/// Takes at once what it is given, in one method.
#[derive(Default)]
struct Count(u64);

impl Terminal for Count {
    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        while let Some(bucket) = brigade.pop_read(cx)? {
            self.0 += bucket.len().unwrap_or(0);
        }
        Ok(())
    }
}

#[test]
fn terminal_that_keeps_nothing_is_one_method() {
    let mut chain = Chain::new(Count::default());
    chain.pass_bucket(Bucket::file(file_of(&vec![7; 100_000]), 0, 100_000)).unwrap();
    assert_eq!((chain.should_yield(), chain.resume().unwrap()), (false, Progress::Done));
    assert_eq!((chain.held_bytes(), chain.terminal::<Count>().unwrap().0), (0, 100_000));
}

/// Keeps all it is given, and says that it has something.
#[derive(Default)]
struct Keeps(Brigade<'static>);

impl Terminal for Keeps {
    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        brigade.set_aside(&mut self.0, cx.alloc());
        Ok(())
    }

    fn is_pending(&self) -> bool {
        !self.0.is_empty()
    }
}

#[test]
fn terminal_that_keeps_something_and_says_no_more_counts_as_full() {
    let mut chain = Chain::new(Keeps::default());
    chain.join(member("upper", Upper));
    assert!(!chain.should_yield());
    chain.pass_bucket(Bucket::file(file_of(&vec![7; 1 << 20]), 0, 1 << 20)).unwrap();
    assert!(chain.should_yield());
    let kept = chain.terminal::<Keeps>().unwrap().0.resident_bytes();
    assert!(kept <= 128 * 1024, "{kept} bytes of a FILE were read above a full terminal");
}
