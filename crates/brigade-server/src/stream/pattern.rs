//! The body every model sends: cheap to make, cheap to check, and different at every place.
//!
//! Invariant: byte `n` of the body is `byte_at(n)`, a function of `n` alone. Its period is a
//! prime, so no buffer, block or chunk size divides it: bytes lost, doubled or swapped in any of
//! those sizes do not line up with the pattern again.

/// How often the pattern repeats: the largest prime below 64 Ki.
pub(crate) const PERIOD: usize = 65_521;

/// A letter, digit, `-` or line end each: lines of 64 characters on average, so that a filter for
/// text meets text, and an error shows what it found.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-\n";

/// The byte at place `at` of the body: the definition that the table only remembers.
fn byte_at(at: u64) -> u8 {
    // The finaliser of MurmurHash3: neighbouring places have nothing in common.
    let mut hash = (at % PERIOD as u64).wrapping_add(1).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    ALPHABET[usize::from((hash >> 58) as u8)]
}

/// The body from its beginning, to be taken piece by piece.
#[derive(Debug)]
pub(crate) struct Pattern {
    // Invariant: one period and the beginning of the next, long enough that `longest` bytes from
    // any place within the period are one slice.
    table: Box<[u8]>,
    longest: usize,
    // Invariant: below PERIOD; the body's offset modulo PERIOD.
    at: usize,
}

impl Pattern {
    /// A body of which pieces of up to `longest` bytes can be taken.
    ///
    /// Allocates and fills `PERIOD + longest` bytes, and nothing later.
    pub(crate) fn new(longest: usize) -> Self {
        Self { table: (0..).map(byte_at).take(PERIOD + longest).collect(), longest, at: 0 }
    }

    /// The longest piece that can be taken at once, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The next `len` bytes of the body.
    ///
    /// # Panics
    ///
    /// When `len` is more than [`longest`](Self::longest).
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> &[u8] {
        assert!(len <= self.longest, "{len} bytes taken, at most {} can be", self.longest);
        let from = self.at;
        self.at += len;
        if self.at >= PERIOD {
            self.at %= PERIOD;
        }
        &self.table[from..from + len]
    }
}

/// Checks that what arrives is the body, byte for byte.
#[derive(Debug)]
pub(crate) struct Checker {
    pattern: Pattern,
    offset: u64,
}

/// The first byte that is not the body's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Its place in the body, in bytes from 0.
    pub(crate) offset: u64,
    /// What the body has there.
    pub(crate) expected: u8,
    /// What arrived.
    pub(crate) got: u8,
}

impl Checker {
    /// A checker at the body's first byte.
    pub(crate) fn new() -> Self {
        Self { pattern: Pattern::new(PERIOD), offset: 0 }
    }

    /// How many bytes were found right.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Compares the next bytes of the body with what arrived. Cost: one comparison of memory.
    ///
    /// # Errors
    ///
    /// The first byte that differs; `offset` then stays before the piece it was in.
    pub(crate) fn check(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        for piece in bytes.chunks(self.pattern.longest()) {
            let expected = self.pattern.take(piece.len());
            if piece != expected {
                return Err(first_difference(self.offset, expected, piece));
            }
            self.offset += piece.len() as u64;
        }
        Ok(())
    }
}

#[cold]
fn first_difference(offset: u64, expected: &[u8], got: &[u8]) -> Mismatch {
    let pairs = (offset..).zip(expected.iter().zip(got));
    let mut differing = pairs.filter(|(_, (expected, got))| expected != got);
    let (offset, (&expected, &got)) = differing.next().expect("the pieces were found unequal");
    Mismatch { offset, expected, got }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(from: u64, len: usize) -> Vec<u8> {
        (from..).map(byte_at).take(len).collect()
    }

    /// Takes pieces of `size` bytes for more than two periods and compares with the definition.
    #[track_caller]
    fn check_pieces_of(size: usize) {
        let mut pattern = Pattern::new(size);
        let mut offset = 0;
        while offset < 2 * PERIOD as u64 + 10 {
            assert_eq!(pattern.take(size), definition(offset, size), "{size} bytes at {offset}");
            offset += size as u64;
        }
    }

    #[test]
    fn pieces_of_any_size_are_the_definition_at_every_offset() {
        for size in [1, 2, 31, 32, 4096, PERIOD - 1, PERIOD, PERIOD + 1, 3 * PERIOD + 7] {
            check_pieces_of(size);
        }
    }

    #[test]
    fn checker_accepts_the_body_in_pieces_of_any_length() {
        let body = definition(0, 3 * PERIOD);
        for size in [1, 33, 65_536, 2 * PERIOD + 5, body.len()] {
            let mut checker = Checker::new();
            for piece in body.chunks(size) {
                assert_eq!(checker.check(piece), Ok(()), "pieces of {size}");
            }
            assert_eq!(checker.offset(), body.len() as u64);
        }
    }

    #[test]
    fn checker_names_the_first_wrong_byte() {
        let mut body = definition(0, 2 * PERIOD);
        let at = PERIOD + 17;
        let expected = std::mem::replace(&mut body[at], b'!');
        let mut checker = Checker::new();
        let (first, second) = body.split_at(PERIOD - 5);
        assert_eq!(checker.check(first), Ok(()));
        let mismatch = Mismatch { offset: at as u64, expected, got: b'!' };
        assert_eq!(checker.check(second), Err(mismatch));
    }

    #[test]
    fn checker_sees_a_run_lost_or_doubled_in_any_usual_size() {
        let body = definition(0, 3 * PERIOD);
        for shift in [1, 2, 16, 32, 1024, 4096, 8192, 8200, 16_384, 65_536] {
            let lost = [&body[..100], &body[100 + shift..]].concat();
            let doubled = [&body[..100 + shift], &body[100..]].concat();
            for wrong in [lost, doubled] {
                let found = Checker::new().check(&wrong).expect_err("a run is out of place");
                assert!(found.offset < 100 + shift as u64 + 20, "{shift}: {found:?}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "33 bytes taken, at most 32 can be")]
    fn piece_longer_than_promised_panics_with_both_numbers() {
        Pattern::new(32).take(33);
    }
}
