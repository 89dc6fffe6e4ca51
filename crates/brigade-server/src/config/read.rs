//! A configuration from the text of a file.
//!
//! Invariant: everything that can be wrong is found here, before anything of it is in force: options of
//! filters, directories, pages and certificates. All of it is told at once.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brigade::Registry;
use toml::Spanned;
use toml::de::DeTable;

use super::chains::{Chains, Placed, Rule};
use super::limits::{Said, parse_any_count, parse_count, parse_time};
use super::listeners::listeners;
use super::order;
use super::path::Pattern;
use super::problem::{Gathered, Problems, line_of};
use super::routes::{Route, Routes};
use super::source::Origin;
use super::table::{At, Table};
use super::{File, suggest};
use crate::error_pages::{PageArg, Pages, parse_status};
use crate::files::Root;
use crate::listen::Place;
use crate::memory::parse_limit;
use crate::registry;

/// What is known of the file while it is read.
pub(super) struct Reading<'t> {
    name: Arc<str>,
    text: &'t str,
    dir: PathBuf,
    pub(super) problems: &'t Gathered,
    registry: Registry,
}

impl Reading<'_> {
    pub(super) fn origin(&self, at: &Range<usize>) -> Origin {
        Origin::File { name: self.name.clone(), line: line_of(self.text, at.start) }
    }

    /// A path of the file's, which is relative to the directory that the file is in.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.dir.join(text)
    }

    /// A place with the whole path of its socket.
    pub(super) fn whole(&self, place: Place) -> Place {
        match place {
            Place::Unix(path) => Place::Unix(self.dir.join(path)),
            Place::Tcp(_) => place,
        }
    }
}

/// Reads `text`, which is the file `path`.
pub(super) fn read(path: &Path, text: &str) -> Result<File, Problems> {
    let name = path.display().to_string();
    let problems = Gathered::default();
    let (document, wrong) = DeTable::parse_recoverable(text);
    if !wrong.is_empty() {
        for error in wrong {
            problems.add(error.span().unwrap_or_default(), format!("no TOML: {}", error.message()));
        }
        problems.in_text(&name, text)?;
    }
    let reading = Reading {
        name: name.as_str().into(),
        text,
        dir: path.parent().unwrap_or(Path::new("")).to_owned(),
        problems: &problems,
        registry: registry(),
    };
    let file = top(&reading, &document);
    problems.in_text(&name, text)?;
    Ok(file)
}

fn top(reading: &Reading<'_>, document: &Spanned<DeTable<'_>>) -> File {
    // A new section is read here, and by that it is allowed.
    let mut top = Table::top(document, reading.problems);
    let listeners = listeners(reading, top.tables("listen", "[[listen]]"));
    let limits = top.table("limits", "[limits]").map(limits).unwrap_or_default();
    let has_routes = top.has("route");
    let routes = routes(reading, top.tables("route", "[[route]]"));
    let chains = chains(reading, top.tables("chain", "[[chain]]"));
    let pages = top.table("error_pages", "[error_pages]").map(|table| pages(reading, &table));
    if !has_routes {
        reading.problems.add_with_help(
            0..0,
            "there is no [[route]], so nothing would be served",
            "for example: [[route]], and below it: path = \"/\" and files = \"public\"",
        );
    }
    top.finish();
    File { listeners, limits, routes, chains, pages: pages.unwrap_or_default() }
}

fn limits(mut table: Table<'_, '_>) -> Said {
    let said = Said {
        grace: table.parsed("grace", parse_time),
        max_connections: table.parsed("max_connections", parse_count),
        header_timeout: table.parsed("header_timeout", parse_time),
        keep_alive_timeout: table.parsed("keep_alive_timeout", parse_time),
        write_timeout: table.parsed("write_timeout", parse_time),
        memory_budget: table.parsed("memory_budget", parse_limit),
        open_files: table.parsed("open_files", parse_any_count),
        open_files_age: table.parsed("open_files_age", parse_time),
        threads: table.parsed("threads", parse_count),
    };
    table.finish();
    said
}

fn routes(reading: &Reading<'_>, tables: Vec<Table<'_, '_>>) -> Routes {
    let mut routes: Vec<Route> = Vec::new();
    for table in tables {
        let Some((at, route)) = route(reading, table) else { continue };
        match routes.iter().find(|known| known.path == route.path) {
            Some(known) => reading
                .problems
                .add(at, format!("path: {} has a route already, at {}", route.path, known.origin)),
            None => routes.push(route),
        }
    }
    Routes::new(routes)
}

/// A route, and the place of its path.
fn route(reading: &Reading<'_>, mut table: Table<'_, '_>) -> Option<(Range<usize>, Route)> {
    let place = table.place();
    let path = table.needed("path", "\"/\"");
    let (files, demo) = (table.text("files"), table.text("demo"));
    let at = path.as_ref().map_or(place.clone(), |path| path.at.clone());
    let path = path.and_then(|path| pattern(reading, &path));
    table.finish();
    let origin = reading.origin(&place);
    let route = match (files, demo) {
        (Some(files), None) => files_route(reading, path?, &files, origin)?,
        (None, Some(demo)) if demo.value == "stream" => Route::stream(path?, origin),
        (None, Some(demo)) => {
            let what = format!("demo: there is no {:?}", demo.value);
            reading.problems.add_with_help(demo.at, what, "allowed: stream");
            return None;
        }
        (Some(_), Some(demo)) => {
            reading.problems.add(demo.at, "a route has files or demo, not both");
            return None;
        }
        (None, None) => {
            let what = "[[route]] says not who answers";
            let help = "for example: files = \"public\", or: demo = \"stream\"";
            reading.problems.add_with_help(place, what, help);
            return None;
        }
    };
    Some((at, route))
}

fn files_route(
    reading: &Reading<'_>,
    path: Pattern,
    files: &At<&str>,
    origin: Origin,
) -> Option<Route> {
    let dir = reading.path(files.value);
    let root = match Root::open(&dir) {
        Ok(root) => root,
        Err(error) => {
            reading.problems.add(files.at.clone(), format!("files: {error}"));
            return None;
        }
    };
    if !path.is_below() {
        let what = format!("files: a directory answers for all below a path; {path} is one path");
        reading.problems.add_with_help(files.at.clone(), what, format!("write path = \"{path}/\""));
        return None;
    }
    Some(Route::files(path, root, dir.display().to_string(), origin))
}

fn pattern(reading: &Reading<'_>, path: &At<&str>) -> Option<Pattern> {
    match Pattern::parse(path.value) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            reading.problems.add(path.at.clone(), format!("path: {why}"));
            None
        }
    }
}

fn chains(reading: &Reading<'_>, tables: Vec<Table<'_, '_>>) -> Chains {
    let mut places = Vec::new();
    let mut rules = Vec::new();
    for table in tables {
        let place = table.place_of("filters");
        if let Some(rule) = rule(reading, table) {
            places.push(place);
            rules.push(rule);
        }
    }
    if let Some((at, what)) = order::wrong(&reading.registry, &rules) {
        reading.problems.add(places[at].clone(), format!("filters: {what}"));
    }
    Chains::new(rules)
}

fn rule(reading: &Reading<'_>, mut table: Table<'_, '_>) -> Option<Rule> {
    let origin = reading.origin(&table.place());
    let path = match table.text("path") {
        Some(path) => pattern(reading, &path),
        None => Some(Pattern::all()),
    };
    let extensions = table.texts("extension").map(|list| extensions(reading, &list));
    let types = table.texts("type").map(|list| types(reading, &list)).unwrap_or_default();
    let last = table.place_of("last");
    let is_last = table.flag("last");
    if is_last && !types.is_empty() {
        let what = "last: a rule with a type cannot be the last";
        let help = "which rules are looked at is decided before the type is known";
        reading.problems.add_with_help(last, what, help);
    }
    let specs = if table.has("filters") {
        table.texts("filters")
    } else {
        // It says what a rule must have.
        table.needed("filters", "[\"deflate\"]");
        None
    };
    table.finish();
    let filters = filters(reading, &specs?.value, &types)?;
    let extensions = extensions.unwrap_or_default();
    Some(Rule { path: path?, extensions, types, is_last, filters, origin })
}

/// The filters that SPECs name, all of which are checked; `None` if one is wrong.
fn filters(reading: &Reading<'_>, specs: &[At<&str>], types: &[String]) -> Option<Vec<Placed>> {
    let placed: Vec<Option<Placed>> =
        specs.iter().map(|spec| placed(reading, spec, types)).collect();
    placed.into_iter().collect()
}

fn placed(reading: &Reading<'_>, spec: &At<&str>, types: &[String]) -> Option<Placed> {
    match reading.registry.prepare(spec.value) {
        Ok(prepared) => Some(Placed::new(spec.value, prepared, types, reading.origin(&spec.at))),
        Err(error) => {
            let help = suggest(&reading.registry, spec.value);
            reading.problems.add_error(spec.at.clone(), "filters", &error, help);
            None
        }
    }
}

fn extensions(reading: &Reading<'_>, list: &At<Vec<At<&str>>>) -> Vec<String> {
    let right = list.value.iter().filter_map(|extension| {
        let text = extension.value.trim_start_matches('.').to_ascii_lowercase();
        if text.is_empty() || text.contains(['/', '.', '*']) {
            let what = format!("extension: {:?} is the end of no file's name", extension.value);
            let help = "an extension is what stands behind the last dot, such as \"html\"";
            reading.problems.add_with_help(extension.at.clone(), what, help);
            return None;
        }
        Some(text)
    });
    right.collect()
}

fn types(reading: &Reading<'_>, list: &At<Vec<At<&str>>>) -> Vec<String> {
    let right = list.value.iter().filter_map(|media| {
        let text = media.value.to_ascii_lowercase();
        let is_right = text.split_once('/').is_some_and(|(class, kind)| {
            !class.is_empty()
                && !class.contains('*')
                && (kind == "*" || !kind.is_empty() && !kind.contains(['*', '/', ';', ' ']))
        });
        if !is_right {
            let what = format!("type: {:?} is no media type", media.value);
            let help = "a media type is such as \"text/html\", or \"text/*\" for all text";
            reading.problems.add_with_help(media.at.clone(), what, help);
            return None;
        }
        Some(text)
    });
    right.collect()
}

fn pages(reading: &Reading<'_>, table: &Table<'_, '_>) -> Pages {
    let mut pages = Pages::default();
    for (key, file) in table.entries() {
        let status = match parse_status(key.value) {
            Ok(status) => status,
            Err(why) => {
                let no_status = || format!("{:?} is no status, such as 404", key.value);
                let what = format!("error_pages: {}", why.unwrap_or_else(no_status));
                reading.problems.add(key.at, what);
                continue;
            }
        };
        if let Err(error) = pages.add(&PageArg::new(status, reading.path(file.value))) {
            reading.problems.add_error(file.at, "error_pages", &error, None);
        }
    }
    pages
}
