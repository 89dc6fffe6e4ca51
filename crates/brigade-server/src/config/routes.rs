//! Which handler answers which path.
//!
//! Invariant: the longest path that fits is taken, so the order of the file says nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brigade::{Error, ErrorKind, Result};
use brigade_http::driver::{Handler, HandlerFuture, Request, Response};
use brigade_http::with_status;
use http::StatusCode;

use super::path::{Pattern, plain};
use super::source::Origin;
use crate::demo;
use crate::files::Root;
use crate::mounted::Mounted;
use crate::open_files::OpenFiles;
use crate::static_files::StaticFiles;

/// A path and who answers there.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) path: Pattern,
    pub(crate) target: Target,
    pub(crate) origin: Origin,
}

/// Who answers.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The files of a directory, and how that was called.
    Files(Arc<Mounted>, String),
    /// `/-/stream`: pieces as many and as large as the query says.
    Stream,
}

impl Route {
    /// The files of `root`, opened as `dir`, for what is below `path`.
    pub(crate) fn files(path: Pattern, root: Root, dir: String, origin: Origin) -> Self {
        let files = Mounted::below(path.as_str(), root);
        Self { path, target: Target::Files(Arc::new(files), dir), origin }
    }

    /// The demonstration of a stream, at `path`.
    pub(crate) fn stream(path: Pattern, origin: Origin) -> Self {
        Self { path, target: Target::Stream, origin }
    }

    /// Whether it answers for `path`, which is plain. A directory answers for its path without the slash
    /// at its end too: by a redirect.
    fn fits(&self, path: &[u8]) -> bool {
        let is_itself = || {
            path.len() + 1 == self.path.as_str().len()
                && self.path.as_str().as_bytes().starts_with(path)
        };
        self.path.fits(path) || self.path.is_below() && is_itself()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(_, dir) => write!(f, "files in {dir}"),
            Self::Stream => f.write_str("the demonstration of a stream"),
        }
    }
}

/// All of them, the longest path first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    pub(crate) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.as_str().len()));
        Self(routes)
    }

    /// Who answers for the path of a request, as it came.
    pub(crate) fn find(&self, path: &str) -> Option<&Route> {
        let path = plain(path);
        self.0.iter().find(|route| route.fits(&path))
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Route> {
        self.0.iter()
    }
}

/// The routes, answering: each directory keeps files open of its own.
pub(crate) struct Answering(Vec<(Route, Box<dyn Handler>)>);

impl Routes {
    /// The handler of all, whose directories together keep at most `open_files` open, each for `age`.
    pub(crate) fn answering(&self, open_files: usize, age: Duration) -> Answering {
        let dirs = self.0.iter().filter(|route| matches!(route.target, Target::Files(..))).count();
        let each = open_files / dirs.max(1);
        let answering = self.0.iter().map(|route| {
            let handler: Box<dyn Handler> = match &route.target {
                Target::Files(files, _) => {
                    Box::new(StaticFiles::new(files.clone(), OpenFiles::new(each, age)))
                }
                Target::Stream => Box::new(demo::stream),
            };
            (route.clone(), handler)
        });
        Answering(answering.collect())
    }
}

impl Handler for Answering {
    fn call(&self, request: Request, response: Response) -> HandlerFuture {
        let path = plain(request.path());
        match self.0.iter().find(|(route, _)| route.fits(&path)) {
            Some((_, handler)) => handler.call(request, response),
            None => {
                let nobody = nobody(&request);
                Box::pin(async move { nobody })
            }
        }
    }
}

fn nobody(request: &Request) -> Result<()> {
    let what = format!("serve {:?}: no route is for its path", request.uri);
    Err(with_status(Error::new(ErrorKind::InvalidInput, what), StatusCode::NOT_FOUND))
}
