//! A table of the file, read key by key.
//!
//! Invariant: the keys that a table may have are those that it was asked for; so what an error says is
//! allowed is what the code reads, and nothing else.

use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Gathered, nearest};

/// A value with its place in the text.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) at: Range<usize>,
    pub(super) value: T,
}

impl<T> At<T> {
    pub(super) fn new(at: Range<usize>, value: T) -> Self {
        Self { at, value }
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

/// One table, and what it has been asked for.
pub(super) struct Table<'t, 'i> {
    /// How people call it: `[limits]`.
    name: &'static str,
    at: Range<usize>,
    keys: &'t DeTable<'i>,
    asked: Vec<&'static str>,
    problems: &'t Gathered,
}

impl<'t, 'i> Table<'t, 'i> {
    /// The table at the top of the file.
    pub(super) fn top(document: &'t Spanned<DeTable<'i>>, problems: &'t Gathered) -> Self {
        let keys = document.get_ref();
        // Only it is nowhere: it has no name in the text.
        Self { name: "at the top of the file", at: 0..0, keys, asked: Vec::new(), problems }
    }

    /// `value`, if it is a table; else the problem is told.
    fn of(name: &'static str, value: &'t Value<'i>, problems: &'t Gathered) -> Option<Self> {
        let at = value.span();
        match value.get_ref() {
            DeValue::Table(keys) => Some(Self { name, at, keys, asked: Vec::new(), problems }),
            other => {
                problems.add(at, format!("{name} is a table, not {}", said(other)));
                None
            }
        }
    }

    /// What is at `key`, and the place of the key.
    fn take(&mut self, key: &'static str) -> Option<&'t Value<'i>> {
        self.asked.push(key);
        self.keys.get(key)
    }

    /// Whether `key` is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Where it begins.
    pub(super) fn place(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The place of `key`, or of the table.
    pub(super) fn place_of(&self, key: &str) -> Range<usize> {
        self.keys.get_key_value(key).map_or(self.at.clone(), |(key, _)| key.span())
    }

    /// The table at `key`, called `name`.
    pub(super) fn table(&mut self, key: &'static str, name: &'static str) -> Option<Table<'t, 'i>> {
        let value = self.take(key)?;
        Table::of(name, value, self.problems)
    }

    /// The tables at `key`, each called `name`: `[[listen]]`, as often as it is there.
    pub(super) fn tables(&mut self, key: &'static str, name: &'static str) -> Vec<Table<'t, 'i>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => {
                let tables = items.iter();
                tables.filter_map(|item| Table::of(name, item, self.problems)).collect()
            }
            DeValue::Table(_) => {
                let what = format!("{key} may be there several times");
                self.problems.add_with_help(
                    self.place_of(key),
                    what,
                    format!("write {name} above it"),
                );
                Vec::new()
            }
            other => {
                let what = format!("{key} is a list of tables, not {}", said(other));
                self.problems.add_with_help(
                    value.span(),
                    what,
                    format!("write {name} above its keys"),
                );
                Vec::new()
            }
        }
    }

    /// The text at `key`.
    pub(super) fn text(&mut self, key: &'static str) -> Option<At<&'t str>> {
        let value = self.take(key)?;
        text_of(key, value, self.problems)
    }

    /// The text at `key`, which has to be there.
    pub(super) fn needed(&mut self, key: &'static str, example: &str) -> Option<At<&'t str>> {
        if !self.has(key) {
            self.asked.push(key);
            let what = format!("{} has no {key}", self.name);
            self.problems.add_with_help(
                self.at.clone(),
                what,
                format!("for example: {key} = {example}"),
            );
            return None;
        }
        self.text(key)
    }

    /// The texts at `key`: a list of them, or one.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<At<Vec<At<&'t str>>>> {
        let value = self.take(key)?;
        let texts = match value.get_ref() {
            DeValue::Array(items) => {
                items.iter().filter_map(|item| text_of(key, item, self.problems)).collect()
            }
            _ => vec![text_of(key, value, self.problems)?],
        };
        Some(At::new(value.span(), texts))
    }

    /// Whether `key` is there and says true.
    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        let Some(value) = self.take(key) else { return false };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        let what = format!("{key} is true or false, not {}", said(value.get_ref()));
        self.problems.add(value.span(), what);
        false
    }

    /// What `parse` makes of `key`, a text or a whole number.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let parsed = match value.get_ref() {
            DeValue::String(text) => parse(text),
            DeValue::Integer(number) if number.radix() == 10 => parse(number.as_str()),
            other => {
                let what = format!("{key} is a number or a text, not {}", said(other));
                self.problems.add(value.span(), what);
                return None;
            }
        };
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.problems.add(value.span(), format!("{key}: {error}"));
                None
            }
        }
    }

    /// All keys, for a table whose keys are data: each with its place and its text.
    pub(super) fn entries(&self) -> Vec<(At<&'t str>, At<&'t str>)> {
        let entries = self.keys.iter().filter_map(|(key, value)| {
            let text = text_of(key.get_ref(), value, self.problems)?;
            Some((At::new(key.span(), key.get_ref().as_ref()), text))
        });
        entries.collect()
    }

    /// Takes note that there may be a `key`, whatever is there.
    #[cfg(not(feature = "tls"))]
    pub(super) fn pass_over(&mut self, key: &'static str) {
        self.take(key);
    }

    /// The text at `key`, or the table there, called `name`.
    #[cfg(feature = "tls")]
    pub(super) fn text_or_table(
        &mut self,
        key: &'static str,
        name: &'static str,
    ) -> Option<TextOrTable<'t, 'i>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Table(_) => Table::of(name, value, self.problems).map(TextOrTable::Table),
            _ => text_of(key, value, self.problems).map(TextOrTable::Text),
        }
    }

    /// Refuses every key that was not asked for.
    pub(super) fn finish(self) {
        let is_top = self.at.is_empty();
        let place = if is_top { self.name.to_owned() } else { format!("in {}", self.name) };
        for key in self.keys.keys() {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let mut what = format!("there is no key {name:?} {place}");
            if let Some(meant) = nearest(name, self.asked.iter().copied()) {
                what = format!("{what}; did you mean {meant:?}?");
            }
            let allowed = format!("allowed: {}", self.asked.join(", "));
            self.problems.add_with_help(key.span(), what, allowed);
        }
    }
}

/// What stands where a text or a table may.
#[cfg(feature = "tls")]
pub(super) enum TextOrTable<'t, 'i> {
    Text(At<&'t str>),
    Table(Table<'t, 'i>),
}

fn text_of<'t>(key: &str, value: &'t Value<'_>, problems: &Gathered) -> Option<At<&'t str>> {
    if let DeValue::String(text) = value.get_ref() {
        return Some(At::new(value.span(), text));
    }
    problems.add(value.span(), format!("{key} is a text, not {}", said(value.get_ref())));
    None
}

/// A kind of value, for people.
fn said(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
