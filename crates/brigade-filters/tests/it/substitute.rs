//! `substitute` against `str::replace`, in text and beside it.

use brigade::{Bucket, Chain, Effects, FilterKind, Member};
use brigade_filters::substitute::Substitute;
use brigade_testkit::{Case, SlowSink, brigade, unknown_mark};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Came, Lines, Watched, head, run};

/// Checks every cut, with what `str::replace` makes of the whole.
#[track_caller]
fn check(from: &'static str, to: &'static str, text: &str) {
    let make = || {
        let filter = Substitute::new(from, to).unwrap();
        Member::new("substitute", FilterKind::RESOURCE, filter)
    };
    Case::new(make, text, text.replace(from, to)).carry(from.len() - 1).check();
}

#[test]
fn every_cut_gives_what_one_replace_gives() {
    check("abc", "X", "abcababcab");
    check("ab", "", "xababxab");
    check("a", "bb", "aaxa");
}

#[test]
fn every_cut_gives_the_leftmost_of_overlapping_places() {
    check("aa", "b", "aaaaaxaaa");
    check("aba", "<>", "ababababa");
    check("aab", "-", "aaaabaaab");
}

#[test]
fn every_cut_of_a_needle_that_repeats_itself_is_found() {
    check("abab", "x", "ababcabababab");
    check("aaab", "x", "aaaaaabaaab");
    check("abacab", "-", "abacabacabac");
}

#[test]
fn every_cut_gives_the_same_when_nothing_or_everything_is_replaced() {
    check("zz", "x", "abcdefzabz");
    check("abcde", "x", "abcde");
    check("abcde", "abcde", "xabcdex");
    check("abc", "x", "");
    check("abcdefgh", "x", "abc");
}

proptest! {
    /// Over two letters everything overlaps.
    #[test]
    fn any_needle_in_any_text_however_cut_gives_what_one_replace_gives(
        from in "[ab]{1,6}",
        to in "[abc]{0,4}",
        pieces in vec("[ab]{0,9}", 0..12),
        flush in any::<u16>(),
    ) {
        let filter = Substitute::new(&from, &to).unwrap();
        let (sink, record) = SlowSink::new(usize::MAX);
        let mut chain = Chain::new(sink);
        chain.join(Member::new("substitute", FilterKind::RESOURCE, filter));
        for (number, piece) in pieces.iter().enumerate() {
            chain.pass_bucket(Bucket::transient(piece.as_bytes())).unwrap();
            if flush >> number & 1 == 1 {
                chain.flush().unwrap();
            }
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        prop_assert_eq!(
            String::from_utf8(record.bytes()).unwrap(),
            pieces.concat().replace(&from, &to)
        );
    }

    /// Texts and TOs around the length to which pieces are copied together.
    #[test]
    fn long_texts_give_what_one_replace_gives(
        to in prop_oneof![Just(0_usize), 1..5_usize, 1020..1030_usize],
        gaps in vec(prop_oneof![0..40_usize, 1020..1030_usize, 8000..9000_usize], 0..8),
        cut in 1..5000_usize,
    ) {
        let to = "t".repeat(to);
        let text = gaps.iter().map(|gap| "x".repeat(*gap)).collect::<Vec<_>>().join("needle");
        let filter = Substitute::new("needle", &to).unwrap();
        let (sink, record) = SlowSink::new(usize::MAX);
        let mut chain = Chain::new(sink);
        chain.join(Member::new("substitute", FilterKind::RESOURCE, filter));
        for piece in text.as_bytes().chunks(cut) {
            chain.pass_bucket(Bucket::transient(piece)).unwrap();
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        prop_assert!(record.bytes() == text.replace("needle", &to).as_bytes());
    }
}

#[test]
fn empty_from_is_refused() {
    let error = Substitute::new("", "x").unwrap_err();
    assert_eq!(error.to_string(), "look for no bytes: they would be found everywhere");
}

#[track_caller]
fn check_rule(rule: &str, text: &str, expected: &str) {
    let came = run(&format!("substitute {rule}"), brigade![text, EOS]);
    assert_eq!(String::from_utf8(came.bytes).unwrap(), expected);
}

#[test]
fn rule_may_have_any_delimiter_and_escape_it() {
    check_rule("s/Apache/httpd/", "Apache 2", "httpd 2");
    check_rule("s|/old/|/new/|", "/old/page", "/new/page");
    check_rule(r"s/a\/b/c\\d/", "xa/bx", r"xc\dx");
    check_rule("sxaxbx", "cab", "cbb");
    check_rule("s→old→new→", "old", "new");
    check_rule(r#""s/old name/new \"name\"/""#, "old name", r#"new "name""#);
    check_rule("s/a//", "banana", "bnn");
}

#[test]
fn flush_lets_go_of_all_but_half_a_needle() {
    let mut chain = Watched::new("substitute s/Apache/httpd/", usize::MAX);
    chain.pass(brigade!["by Apa", FLUSH]);
    let came = chain.came();
    assert_eq!((&came.bytes[..], came.held_bytes), (&b"by "[..], 3));
    assert_eq!(came.marks, [(3, "FLUSH".to_owned())]);
    chain.pass(brigade!["thy", FLUSH]);
    assert_eq!((chain.came().bytes, chain.came().held_bytes), (b"by Apathy".to_vec(), 0));
}

#[test]
fn mark_in_the_midst_of_half_a_needle_keeps_its_place() {
    let came = run(
        "substitute s/abcd/X/",
        brigade!["-a", unknown_mark(1), "b", unknown_mark(2), "c", "e", EOS],
    );
    assert_eq!(came.bytes, b"-abce");
    let marks = [(2, "MARK-1".into()), (3, "MARK-2".into()), (5, "EOS".into())];
    assert_eq!(came.marks, marks);
}

#[test]
fn mark_in_the_midst_of_a_whole_needle_goes_before_what_replaces_it() {
    let came = run("substitute s/abcd/XY/", brigade!["-ab", unknown_mark(1), "cde", EOS]);
    assert_eq!(came.bytes, b"-XYe");
    assert_eq!(came.marks, [(1, "MARK-1".to_owned()), (4, "EOS".to_owned())]);
}

#[test]
fn marks_without_end_in_the_midst_of_half_a_needle_are_not_hoarded() {
    let mut chain = Watched::new("substitute s/abcd/X/", usize::MAX);
    chain.pass(brigade!["-ab"]);
    for number in 0..1000 {
        chain.pass(brigade![unknown_mark(number)]);
    }
    let names: Vec<String> = chain.came().marks.into_iter().map(|(_, name)| name).collect();
    assert!(names.len() >= 1000 - 16, "{} of 1000 marks came", names.len());
    let given: Vec<String> = (0..names.len()).map(|number| format!("MARK-{number}")).collect();
    assert_eq!(names, given);
    chain.pass(brigade!["cd", EOS]);
    assert_eq!((chain.came().bytes, chain.came().marks.len()), (b"-X".to_vec(), 1001));
}

#[test]
fn failed_body_lets_go_of_half_a_needle_and_hands_the_error_on() {
    let error = Bucket::error(brigade::Error::other("read the page"));
    let came = run("substitute s/abcd/X/", brigade!["-ab", error]);
    assert_eq!((came.bytes, came.marks), (b"-ab".to_vec(), vec![(3, "ERROR".to_owned())]));
}

#[test]
fn connection_that_ends_in_the_midst_of_a_body_lets_go_of_half_a_needle() {
    let came = run("substitute s/abcd/X/", brigade!["-ab", Bucket::eoc()]);
    assert_eq!((came.bytes, came.marks), (b"-ab".to_vec(), vec![(3, "EOC".to_owned())]));
}

#[track_caller]
fn check_head(fields: &[(&str, &str)], is_replaced: bool) {
    let came = run("substitute s/a/b/", brigade![head(200, fields).into_bucket(), "a", EOS]);
    let expected = if is_replaced { b"b" } else { b"a" };
    assert_eq!(came.bytes, expected, "{fields:?}");
    let effects = if is_replaced { Effects::SameLength } else { Effects::Same };
    assert_eq!(came.head.unwrap().0, effects, "{fields:?}");
}

#[test]
fn text_is_replaced_and_what_is_no_text_left_alone() {
    check_head(&[], true);
    for text in [
        "text/html",
        "Text/HTML; charset=utf-8",
        "application/json",
        "application/problem+json",
        "application/javascript",
        "image/svg+xml",
    ] {
        check_head(&[("content-type", text)], true);
    }
    for other in ["image/png", "application/zip", "application/octet-stream", "", "te\u{e9}xt/"] {
        check_head(&[("content-type", other)], false);
    }
}

#[test]
fn coded_or_partial_body_is_left_alone() {
    let html = ("content-type", "text/html");
    check_head(&[html, ("content-encoding", "br")], false);
    check_head(&[html, ("content-encoding", "identity, br")], false);
    check_head(&[html, ("content-encoding", "Identity")], true);
    check_head(&[html, ("content-range", "bytes 0-0/10")], false);
}

#[test]
fn interim_head_decides_nothing() {
    let interim = head(103, &[("content-type", "image/png")]).into_bucket();
    let last = head(200, &[("content-type", "text/html")]).into_bucket();
    assert_eq!(run("substitute s/a/b/", brigade![interim, last, "a", EOS]).bytes, b"b");
    // After 101 there is another protocol, whose bytes are nobody's text.
    let upgrade = head(101, &[]).into_bucket();
    assert_eq!(run("substitute s/a/b/", brigade![upgrade, "a", EOS]).bytes, b"a");
}

#[test]
fn replacement_of_another_length_changes_what_is_promised() {
    let came = run("substitute s/a/bb/", brigade![head(200, &[]).into_bucket(), "a", EOS]);
    assert_eq!(came.head.unwrap().0, Effects::Changes);
}

#[test]
fn bytes_between_two_needles_are_not_copied() {
    let text = format!("{0}needle{0}needle{0}", "x".repeat(4000));
    let mut chain = Watched::new("substitute s/needle/thread/", usize::MAX);
    let before = chain.chain.alloc().stats().copied_bytes;
    chain.pass(brigade![Bucket::heap(text.clone().into_bytes()), EOS]);
    assert_eq!(chain.chain.alloc().stats().copied_bytes - before, 12);
    assert_eq!(chain.came().bytes, text.replace("needle", "thread").as_bytes());
}

#[test]
fn memory_for_64_mib_is_a_few_blocks() {
    let mut chain = Watched::new("substitute s/brigade/company/", usize::MAX);
    let mut replaced = 0;
    for seed in 0..64 {
        chain.pass(brigade![Bucket::of(Lines { left: 1 << 20, seed })]);
        let bytes = chain.record.take_bytes();
        replaced += bytes.windows(7).filter(|word| word == b"company").count();
        assert!(chain.came().held_bytes < 7);
    }
    assert!(replaced > 100_000, "{replaced} replaced");
    let stats = chain.chain.alloc().stats();
    assert!(stats.blocks_high_water <= 24, "{stats:?}");
}

#[test]
fn piece_that_becomes_a_thousand_times_as_much_waits_for_a_slow_peer() {
    let text = "a".repeat(20_000);
    let spec = format!("substitute s/a/{}/", "b".repeat(1000));
    let mut chain = Watched::new(&spec, 20_000);
    chain.pass(brigade![&text[..], EOS]);
    let (mut most, mut came) = (0, 0);
    while chain.chain.progress() == brigade::Progress::Pending {
        most = most.max(chain.chain.held_bytes());
        let _ = chain.chain.resume().unwrap();
        let bytes = chain.record.take_bytes();
        assert!(bytes.iter().all(|byte| *byte == b'b'));
        came += bytes.len();
    }
    assert_eq!(came, 20_000_000);
    assert!(most <= 256 * 1024, "{most} bytes held");
    let Came { marks, .. } = chain.came();
    assert_eq!(marks, [(20_000_000, "EOS".to_owned())]);
}
