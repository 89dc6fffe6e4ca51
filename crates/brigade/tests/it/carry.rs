//! Carriers: the same is given however a body is cut, and never is more kept than the limit.

use brigade::{
    ErrorKind, Line, LineCarry, Needle, NeedleCarry, Over, Result, Sought, Text, Utf8Carry,
};

/// All texts of up to `len` of `letters`.
fn texts(letters: &[u8], len: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..len {
        let to = all.len();
        for at in from..to {
            for letter in letters {
                all.push([&all[at][..], &[*letter]].concat());
            }
        }
        from = to;
    }
    all
}

/// Every way to cut `text`, the empty pieces at its ends among them.
fn cuts(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    (0..1u32 << (text.len() + 1)).map(|mask| {
        let mut pieces = Vec::new();
        let mut from = 0;
        for at in 0..=text.len() {
            if mask & 1 << at != 0 {
                pieces.push(&text[from..at]);
                from = at;
            }
        }
        pieces.push(&text[from..]);
        pieces
    })
}

/// What a carrier gave, with neighbouring parts of one thing joined: how many they are depends on the
/// cuts, and may.
#[derive(Debug, Default, PartialEq)]
struct Given(Vec<(&'static str, Vec<u8>)>);

impl Given {
    fn add(&mut self, what: &'static str, bytes: &[u8]) {
        self.0.push((what, bytes.to_vec()));
    }

    fn join(&mut self, what: &'static str, bytes: &[u8]) {
        match self.0.last_mut() {
            Some((last, held)) if *last == what => held.extend_from_slice(bytes),
            _ => self.add(what, bytes),
        }
    }
}

fn lines(pieces: &[&[u8]], limit: usize, over: Over) -> Result<Given> {
    let (mut carry, mut given) = (LineCarry::new(limit, over), Given::default());
    let mut each = |line: Line<'_>| {
        match line {
            Line::Whole(bytes) => given.add("whole", bytes),
            Line::Part(bytes) if bytes.ends_with(b"\n") => {
                given.join("part", bytes);
                given.add("end of part", b"");
            }
            Line::Part(bytes) => given.join("part", bytes),
        }
        Ok(())
    };
    for piece in pieces {
        carry.feed(piece, &mut each)?;
        assert!(carry.held_bytes() <= limit);
    }
    carry.finish(&mut each)?;
    assert_eq!(carry.held_bytes(), 0);
    Ok(given)
}

#[test]
fn lines_are_whole_up_to_their_limit_and_parts_over_it_however_they_are_cut() {
    for text in texts(b"a\n", 7) {
        for limit in 0..5 {
            let mut expected = Given::default();
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                expected.add(if line.len() > limit { "part" } else { "whole" }, line);
                if line.len() > limit && line.ends_with(b"\n") {
                    expected.add("end of part", b"");
                }
            }
            let is_over = expected.0.iter().any(|(what, _)| *what == "part");
            for pieces in cuts(&text) {
                let given = lines(&pieces, limit, Over::PassThrough).unwrap();
                assert_eq!(given, expected, "{pieces:?}, limit {limit}");
                match lines(&pieces, limit, Over::Fail) {
                    Ok(given) => assert!(!is_over && given == expected, "{pieces:?}"),
                    Err(error) => {
                        let text = format!("hold a line of more than {limit} bytes");
                        assert!(is_over, "{pieces:?}, limit {limit}");
                        assert_eq!((error.kind(), error.to_string()), (ErrorKind::TooLarge, text));
                    }
                }
            }
        }
    }
}

#[test]
fn line_that_is_whole_in_its_piece_is_not_copied() {
    let mut carry = LineCarry::new(100, Over::Fail);
    let text = b"one\ntwo\n";
    let mut at = 0;
    let each = |line: Line<'_>| {
        let Line::Whole(bytes) = line else { panic!("{line:?}") };
        assert!(std::ptr::eq(bytes, &raw const text[at..at + 4]));
        at += 4;
        Ok(())
    };
    carry.feed(text, each).unwrap();
    assert_eq!((at, carry.held_bytes()), (8, 0));
}

#[test]
fn needle_is_found_as_replace_finds_it_however_the_text_is_cut() {
    for needle in ["a", "ab", "aa", "aab", "aba", "abab"] {
        let prepared = Needle::new(needle).unwrap();
        for text in texts(b"ab", 7) {
            let expected = String::from_utf8(text.clone()).unwrap().replace(needle, "-");
            for pieces in cuts(&text) {
                let (mut carry, mut given) = (NeedleCarry::new(prepared.clone()), Vec::new());
                let mut each = |sought: Sought<'_>| {
                    match sought {
                        Sought::Other(bytes) => {
                            assert!(!bytes.is_empty());
                            given.extend_from_slice(bytes);
                        }
                        Sought::Found => given.push(b'-'),
                    }
                    Ok(())
                };
                for piece in &pieces {
                    carry.feed(piece, &mut each).unwrap();
                    assert!(carry.held_bytes() < needle.len());
                }
                carry.finish(&mut each).unwrap();
                assert_eq!(given, expected.as_bytes(), "{needle} in {pieces:?}");
            }
        }
    }
}

#[test]
fn needle_of_no_bytes_is_refused() {
    let error = Needle::new("").unwrap_err();
    let text = "look for no bytes: they would be found everywhere";
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InvalidInput, text));
}

#[test]
fn text_is_what_lossy_decoding_makes_of_it_however_it_is_cut() {
    // Beginnings, middles and ends of characters of each length, surrogates, overlong ones, no text.
    let letters = [b'a', 0xC0, 0xC3, 0xBC, 0xE2, 0x82, 0xED, 0xA0, 0xF0, 0x9F, 0xF4, 0xFF];
    for text in texts(&letters, 4) {
        let expected = String::from_utf8_lossy(&text);
        for pieces in cuts(&text) {
            let (mut carry, mut given) = (Utf8Carry::new(), String::new());
            let mut each = |text: Text<'_>| {
                match text {
                    Text::Valid(text) => given.push_str(text),
                    Text::Invalid(bytes) => {
                        assert!((1..=3).contains(&bytes.len()), "{bytes:?}");
                        given.push(char::REPLACEMENT_CHARACTER);
                    }
                }
                Ok(())
            };
            for piece in &pieces {
                carry.feed(piece, &mut each).unwrap();
                assert!(carry.held_bytes() <= 3);
            }
            carry.finish(&mut each).unwrap();
            assert_eq!(given, expected, "{pieces:x?}");
        }
    }
}

#[test]
fn endless_incomplete_character_takes_no_room() {
    let (mut carry, mut invalid) = (Utf8Carry::new(), 0);
    for _ in 0..100_000 {
        let each = |text: Text<'_>| {
            invalid += usize::from(matches!(text, Text::Invalid(_)));
            Ok(())
        };
        carry.feed(b"\xF0", each).unwrap();
        assert!(carry.held_bytes() <= 3);
    }
    assert_eq!(invalid, 99_999);
}
