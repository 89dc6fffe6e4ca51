//! Numbers as people write and read them.
//!
//! Invariant: what is printed is rounded for reading; nothing is computed from it.

const KIB: u64 = 1024;

/// Reads `1000000`, `1_000_000`, `10M` or `64Ki`: k, M, G are powers of 1000, Ki, Mi, Gi of 1024.
///
/// # Errors
///
/// What was read, and what would be accepted: no digits, an unknown unit, or more than 64 bits.
pub(crate) fn parse_number(text: &str) -> Result<u64, String> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let factor = match unit {
        "" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" | "KiB" => KIB,
        "Mi" | "MiB" => KIB * KIB,
        "Gi" | "GiB" => KIB * KIB * KIB,
        _ => return Err(format!("`{unit}` is no unit: use k, M, G (1000) or Ki, Mi, Gi (1024)")),
    };
    let digits = digits.replace('_', "");
    if digits.is_empty() {
        return Err("expected a number such as 1000000, 10M or 64Ki".into());
    }
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.ok_or_else(|| format!("{text} does not fit in 64 bits"))
}

/// As [`parse_number`], and at least 1.
///
/// # Errors
///
/// As [`parse_number`], and for 0.
pub(crate) fn parse_positive(text: &str) -> Result<u64, String> {
    match parse_number(text)? {
        0 => Err("must be at least 1".into()),
        number => Ok(number),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes in the largest unit that leaves at least one of it: `32 B`, `1.5 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(KIB * KIB * KIB, "GiB"), (KIB * KIB, "MiB"), (KIB, "KiB")];
    match UNITS.iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", as_float(count) / as_float(*unit)),
        None => format!("{count} B"),
    }
}

/// `1 write`, `2 writes`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// The nearest `f64`.
#[allow(clippy::cast_precision_loss)] // Exact to 2^53; beyond it a figure for reading is rounded.
pub(crate) fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_number(text: &str, expected: u64) {
        assert_eq!(parse_number(text), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, because: &str) {
        let error = parse_number(text).expect_err(text);
        assert!(error.contains(because), "{text}: {error}");
    }

    #[test]
    fn number_with_a_unit_is_that_many_thousands_or_1024s() {
        check_number("0", 0);
        check_number("1000000", 1_000_000);
        check_number("1_000_000", 1_000_000);
        check_number("1k", 1_000);
        check_number("1K", 1_000);
        check_number("10M", 10_000_000);
        check_number("2G", 2_000_000_000);
        check_number("64Ki", 65_536);
        check_number("64KiB", 65_536);
        check_number("3Mi", 3 << 20);
        check_number("1Gi", 1 << 30);
        check_number("18446744073709551615", u64::MAX);
    }

    #[test]
    fn number_that_is_none_is_refused_with_the_reason() {
        check_refused("", "expected a number");
        check_refused("M", "expected a number");
        check_refused("_", "expected a number");
        check_refused("10m", "`m` is no unit");
        check_refused("-1", "`-1` is no unit");
        check_refused("1.5M", "`.5M` is no unit");
        check_refused("10 M", "` M` is no unit");
        check_refused("18446744073709551616", "64 bits");
        check_refused("18446744073709552k", "64 bits");
    }

    #[test]
    fn positive_number_is_at_least_one() {
        assert_eq!(parse_positive("1"), Ok(1));
        assert_eq!(parse_positive("0M"), Err("must be at least 1".into()));
    }

    #[test]
    fn grouped_number_has_a_comma_each_three_digits() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345")];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn bytes_are_printed_in_the_largest_unit_that_fits() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB")];
        for (count, expected) in cases {
            assert_eq!(bytes(count), expected);
        }
        assert_eq!(bytes(640_000_000), "610.4 MiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
    }
}
