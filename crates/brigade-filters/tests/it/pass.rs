//! `pass`: nothing is changed, read or kept.

use brigade::{Bucket, Effects};
use brigade_testkit::{Case, brigade};

use crate::support::{Lines, Watched, head, member, run};

#[test]
fn every_cut_goes_on_as_it_is() {
    Case::new(|| member("pass"), "abc\r\ndef", "abc\r\ndef").carry(0).check();
}

#[test]
fn body_is_promised_to_stay_the_same() {
    let came = run("pass", brigade![head(200, &[]).into_bucket(), "abc", EOS]);
    assert_eq!(came.head.unwrap().0, Effects::Same);
}

#[test]
fn data_that_is_not_in_memory_goes_on_unread() {
    let mut chain = Watched::new("pass", 1);
    chain.pass(brigade!["a", Bucket::of(Lines { left: 1 << 40, seed: 1 })]);
    assert!(chain.came().held_bytes <= 8192, "{:?}", chain.chain);
}
