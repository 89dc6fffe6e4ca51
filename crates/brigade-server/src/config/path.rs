//! What paths a rule is for.
//!
//! Invariant: a request that names a file is judged by the path of that file: decoded, with slashes
//! merged, as [`files`](crate::files) reads it. So `/%64ocs//a` escapes no rule for `/docs/`.

use std::borrow::Cow;
use std::fmt;

use crate::files;

/// A path, or all paths below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// Every path.
    pub(crate) fn all() -> Self {
        Self("/".to_owned())
    }

    /// Reads one: `/docs/` is for all below it, `/docs` for that path alone.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{text:?} {why}"));
        if !text.starts_with('/') {
            return wrong("does not begin with a slash");
        }
        if text.contains('?') {
            return wrong("has a query; only paths are looked at");
        }
        if text.contains('%') {
            return wrong(
                "has a percent sign; paths are compared decoded, write the character itself",
            );
        }
        if text.contains("//") || text.chars().any(char::is_control) {
            return wrong("has an empty name or a control character, which no path has");
        }
        if text.split('/').any(|name| matches!(name, "." | "..")) {
            return wrong("has a dot for a name, which no path has");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is for all below a path.
    pub(crate) fn is_below(&self) -> bool {
        self.0.ends_with('/')
    }

    /// Whether it is for `path`, which is [plain](plain).
    pub(crate) fn fits(&self, path: &[u8]) -> bool {
        if self.is_below() {
            path.starts_with(self.0.as_bytes())
        } else {
            path == self.0.as_bytes()
        }
    }

    /// Whether some path fits both; the narrower one then says all that do.
    pub(crate) fn narrower<'p>(&'p self, other: &'p Self) -> Option<&'p Self> {
        let (short, long) =
            if self.0.len() < other.0.len() { (self, other) } else { (other, self) };
        short.fits(long.0.as_bytes()).then_some(long)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of a request as rules see it. One that can name no file is judged as `/` is: it will be
/// refused, by whoever answers there.
pub(crate) fn plain(path: &str) -> Cow<'_, [u8]> {
    files::plain_path(path).unwrap_or(Cow::Borrowed(b"/"))
}

/// The extension of the file that a [plain] path names, without its dot; a path that ends in a slash
/// names `index.html`.
pub(crate) fn extension(path: &[u8]) -> Option<&[u8]> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    if name.is_empty() {
        return Some(b"html");
    }
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    // A dot at the front hides a file; it is no extension.
    (dot > 0).then(|| &name[dot + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_with_a_slash_at_its_end_is_for_all_below_and_else_for_one_path() {
        for (pattern, path, fits) in [
            ("/", "/", true),
            ("/", "/a/b", true),
            ("/docs/", "/docs/", true),
            ("/docs/", "/docs/a", true),
            ("/docs/", "/docs", false),
            ("/docs/", "/docsx", false),
            ("/docs", "/docs", true),
            ("/docs", "/docs/", false),
            ("/a b/", "/a%20b/c", true),
            ("/docs/", "/%64ocs//a", true),
            ("/docs/", "//docs/a?x", true),
            ("/", "/../x", true),
            ("/docs/", "/docs/../x", false),
        ] {
            let found = Pattern::parse(pattern).unwrap().fits(&plain(path));
            assert_eq!(found, fits, "{pattern} {path}");
        }
    }

    #[test]
    fn pattern_that_no_path_can_fit_is_refused() {
        for wrong in ["", "docs/", "/a?b", "/a%20b", "//a", "/a/../b", "/./", "/a\n"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn narrower_of_two_patterns_is_for_what_both_are_for() {
        for (one, other, both) in [
            ("/", "/docs/", Some("/docs/")),
            ("/docs/", "/docs/a", Some("/docs/a")),
            ("/docs", "/docs/", None),
            ("/a/", "/b/", None),
            ("/a", "/a", Some("/a")),
        ] {
            let [first, second] = [one, other].map(|text| Pattern::parse(text).unwrap());
            assert_eq!(first.narrower(&second).map(Pattern::as_str), both, "{one} {other}");
            assert_eq!(second.narrower(&first).map(Pattern::as_str), both, "{other} {one}");
        }
    }

    #[test]
    fn extension_is_the_files_that_the_path_names() {
        for (path, said) in [
            ("/a.html", Some("html")),
            ("/a.tar.gz", Some("gz")),
            ("/", Some("html")),
            ("/docs/", Some("html")),
            ("/docs.d/a", None),
            ("/.profile", None),
            ("/a.", Some("")),
        ] {
            assert_eq!(extension(path.as_bytes()), said.map(str::as_bytes), "{path}");
        }
    }
}
