//! The text that names a filter with its options: `deflate level=6`, `substitute s/a/b/`.
//!
//! `NAME (WS key=value | WS word)*`. A name is letters, digits, `_`, `-` and `.`; a key is `[a-z_]+`;
//! `"…"` quotes, with `\"` and `\\` inside; an item that begins with a quote is a word.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// A filter named with its options.
///
/// ```
/// use brigade::Spec;
///
/// # fn main() -> brigade::Result<()> {
/// let spec: Spec = "substitute s/a=b/c/ limit=64".parse()?;
/// assert_eq!(spec.name(), "substitute");
/// assert_eq!(spec.words(), ["s/a=b/c/"]);
/// assert_eq!(spec.option::<u32>("limit")?, Some(64));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    name: String,
    words: Vec<String>,
    options: Vec<(String, String)>,
}

impl Spec {
    /// The filter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The items that are no `key=value`, in order.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The `key=value` items, in order.
    pub fn options(&self) -> &[(String, String)] {
        &self.options
    }

    /// The value of option `key`, if it is given.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the value does not parse.
    pub fn option<T: FromStr>(&self, key: &str) -> Result<Option<T>>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let Some((_, value)) = self.options.iter().find(|(name, _)| name == key) else {
            return Ok(None);
        };
        let parsed = value.parse().map_err(|cause: T::Err| {
            self.wrong(format!("option {key} cannot be {value:?}")).because(cause)
        });
        parsed.map(Some)
    }

    /// An error about this filter's options, naming the filter.
    pub fn wrong(&self, what: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::InvalidInput, format!("{}: {}", self.name, what.into()))
    }
}

/// Writes the words, then the options, quoted where they have to be: parsed again it gives an equal
/// SPEC. What stands for a filter in a validator is made of this text, so it must never change.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for word in &self.words {
            let is_plain = !word.is_empty() && !word.starts_with('"') && !is_option(word);
            f.write_str(" ")?;
            write_quoted(f, word, is_plain)?;
        }
        for (key, value) in &self.options {
            write!(f, " {key}=")?;
            write_quoted(f, value, true)?;
        }
        Ok(())
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str, is_plain: bool) -> fmt::Result {
    if is_plain && !text.contains(|c: char| c.is_whitespace() || c == '"') {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for next in text.chars() {
        if matches!(next, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(next)?;
    }
    f.write_char('"')
}

fn is_option(item: &str) -> bool {
    item.split_once('=').is_some_and(|(key, _)| is_key(key))
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut items = split(text)?.into_iter();
        let name = match items.next() {
            Some(item) if !item.quoted && is_name(&item.text) => item.text,
            _ => {
                let context = format!("the filter {text:?} begins with no name");
                return Err(Error::new(ErrorKind::InvalidInput, context));
            }
        };
        let mut spec = Self { name, words: Vec::new(), options: Vec::new() };
        for item in items {
            match item.text.split_once('=') {
                Some((key, value)) if !item.quoted && is_key(key) => {
                    if spec.options.iter().any(|(known, _)| known == key) {
                        return Err(spec.wrong(format!("option {key} is given twice")));
                    }
                    spec.options.push((key.to_owned(), value.to_owned()));
                }
                _ => spec.words.push(item.text),
            }
        }
        Ok(spec)
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !text.is_empty() && text.bytes().all(is_part)
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

struct Item {
    text: String,
    quoted: bool,
}

fn split(text: &str) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|next| next.is_whitespace()).is_some() {}
        let Some(&first) = chars.peek() else { return Ok(items) };
        let mut item = Item { text: String::new(), quoted: first == '"' };
        let mut inside = false;
        while let Some(next) = chars.next_if(|next| inside || !next.is_whitespace()) {
            match next {
                '"' => inside = !inside,
                '\\' if inside => match chars.next() {
                    Some(escaped @ ('"' | '\\')) => item.text.push(escaped),
                    Some(other) => item.text.extend(['\\', other]),
                    None => item.text.push('\\'),
                },
                other => item.text.push(other),
            }
        }
        if inside {
            let context = format!("the filter {text:?} has a quote that is not closed");
            return Err(Error::new(ErrorKind::InvalidInput, context));
        }
        items.push(item);
    }
}
