//! What one URL would get.

use std::fmt;

use brigade::FilterKind;
use http::{StatusCode, Uri};
use serde::Serialize;

use super::table::{Filter, aligned, limits_line};
use crate::config::{Config, Limits, Placed, Route, Target};
use crate::files::Found;
use crate::mounted::Mounted;

/// Who answers, with what, through which filters.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'c> {
    url: &'c str,
    route: Option<String>,
    handler: Option<String>,
    from: Option<String>,
    status: u16,
    /// Why it is an error, or where it leads.
    note: Option<String>,
    file: Option<String>,
    len_bytes: Option<u64>,
    content_type: Option<String>,
    chain: Vec<Filter<'c>>,
    limits: Limits,
}

/// What a handler would answer.
#[derive(Default)]
struct Made {
    status: StatusCode,
    note: Option<String>,
    file: Option<String>,
    len_bytes: Option<u64>,
    content_type: Option<String>,
}

impl<'c> Answer<'c> {
    /// What a GET of `url` gets by `config`; it looks for the file.
    ///
    /// # Errors
    ///
    /// When it is no URL.
    pub(super) fn to(config: &'c Config, url: &'c str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
        if !uri.path().starts_with('/') {
            return Err(format!("{url:?} is no URL, nor a path such as /docs/"));
        }
        let route = config.routes.find(uri.path());
        let made = route.map_or_else(nobody, |route| made(route, &uri));
        let is_error = made.status.is_client_error() || made.status.is_server_error();
        let mut note = made.note;
        if let Some(page) = config.pages.file(made.status).filter(|_| is_error) {
            let page = format!("the page {}", page.display());
            note = Some(note.map_or(page.clone(), |note| format!("{note}; {page}")));
        }
        Ok(Self {
            url,
            route: route.map(|route| route.path.to_string()),
            handler: route.map(|route| route.target.to_string()),
            from: route.map(|route| route.origin.to_string()),
            status: made.status.as_u16(),
            note,
            chain: chain(config, &uri, made.content_type.as_deref(), is_error),
            file: made.file,
            len_bytes: made.len_bytes,
            content_type: made.content_type,
            limits: config.limits,
        })
    }
}

fn nobody() -> Made {
    let note = Some("no route is for this path".to_owned());
    Made { status: StatusCode::NOT_FOUND, note, ..Made::default() }
}

fn made(route: &Route, uri: &Uri) -> Made {
    match &route.target {
        Target::Stream => {
            let content_type = Some("text/plain; charset=utf-8".to_owned());
            Made { content_type, ..Made::default() }
        }
        Target::Files(files, dir) => found(files, dir, uri),
    }
}

fn found(files: &Mounted, dir: &str, uri: &Uri) -> Made {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    match files.find(target) {
        Ok(Found::File(file)) => Made {
            file: files.name_of(target).map(|name| format!("{dir}{name}")),
            len_bytes: Some(file.len),
            content_type: Some(file.content_type.into_owned()),
            ..Made::default()
        },
        Ok(Found::Redirect { location }) => Made {
            status: StatusCode::PERMANENT_REDIRECT,
            note: Some(format!("to {location}")),
            ..Made::default()
        },
        Err(error) => {
            Made { status: error.status(), note: Some(error.to_string()), ..Made::default() }
        }
    }
}

/// The filters, in the order in which they run. An error becomes a page in the protocol's filters: those
/// above them do not see it.
fn chain<'c>(
    config: &'c Config,
    uri: &Uri,
    content_type: Option<&str>,
    is_error: bool,
) -> Vec<Filter<'c>> {
    let media = content_type.and_then(|said| said.split(';').next()).unwrap_or_default();
    let rules = config.chains.of(uri.path());
    let rules = rules.into_iter().filter(|rule| rule.fits_type(media));
    let mut placed: Vec<&Placed> = rules
        .flat_map(|rule| &rule.filters)
        .filter(|filter| !is_error || filter.prepared.kind() > FilterKind::PROTOCOL)
        .collect();
    placed.sort_by_key(|filter| filter.prepared.kind());
    placed.into_iter().map(Filter::of).collect()
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)?;
        match (&self.route, &self.handler, &self.from) {
            (Some(path), Some(handler), Some(from)) => {
                writeln!(f, "  route   {path}: {handler}, {from}")?;
            }
            _ => writeln!(f, "  route   none")?,
        }
        write!(f, "  answer  {}", self.status)?;
        if let Some(file) = &self.file {
            write!(f, ", {file}")?;
        }
        if let Some(len) = self.len_bytes {
            write!(f, ", {len} bytes")?;
        }
        if let Some(content_type) = &self.content_type {
            write!(f, ", {content_type}")?;
        }
        if let Some(note) = &self.note {
            write!(f, ", {note}")?;
        }
        writeln!(f)?;
        let rows: Vec<Vec<String>> = self.chain.iter().map(Filter::row).collect();
        let lines = if rows.is_empty() { vec!["none".to_owned()] } else { aligned(&rows) };
        for (at, line) in lines.iter().enumerate() {
            let title = if at == 0 { "chain" } else { "" };
            writeln!(f, "  {title:<7} {line}")?;
        }
        writeln!(f, "  limits  {}", limits_line(&self.limits))
    }
}
