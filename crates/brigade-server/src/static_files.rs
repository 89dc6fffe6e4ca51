//! Serves the files of a directory through the chain: each is one FILE bucket, unread.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use brigade::{Error, ErrorKind, Result};
use brigade_http::StatusError;
use brigade_http::driver::{Handler, HandlerFuture, Request, Response};
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use crate::files::{Found, NotServed};
use crate::mounted::Mounted;
use crate::open_files::{Offer, OpenFile, OpenFiles};

/// The handler of a directory.
#[derive(Debug)]
pub(crate) struct StaticFiles(Arc<Dir>);

#[derive(Debug)]
struct Dir {
    files: Arc<Mounted>,
    open: OpenFiles,
}

/// What a request is answered with.
enum Answer {
    File(Arc<OpenFile>),
    Redirect { location: String },
}

impl StaticFiles {
    /// The files of a directory, of which `open` keeps those that are asked for again and again.
    pub(crate) fn new(files: Arc<Mounted>, open: OpenFiles) -> Self {
        Self(Arc::new(Dir { files, open }))
    }
}

impl Handler for StaticFiles {
    fn call(&self, request: Request, response: Response) -> HandlerFuture {
        Box::pin(answer(self.0.clone(), request, response))
    }
}

async fn answer(dir: Arc<Dir>, request: Request, mut response: Response) -> Result<()> {
    match find(&dir, &request).await {
        Ok(Answer::File(file)) => send(&file, &mut response).await,
        Ok(Answer::Redirect { location }) => {
            response.status(StatusCode::PERMANENT_REDIRECT)?.header(LOCATION, location)?;
            Ok(())
        }
        Err(error) => Err(not_served(&request, error)),
    }
}

fn not_served(request: &Request, error: NotServed) -> Error {
    let mut answer = StatusError::new(error.status());
    if matches!(error, NotServed::Unavailable(_)) {
        answer = answer.field(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Error::new(ErrorKind::Other, format!("serve {:?}", request.uri)).because(answer.because(error))
}

async fn find(dir: &Arc<Dir>, request: &Request) -> Result<Answer, NotServed> {
    let now = Instant::now();
    if let Some(file) = dir.open.get(request.path(), now) {
        return Ok(Answer::File(file));
    }
    let found = match look_up(dir, request).await {
        // Those that are kept may be the ones that are missing.
        Err(NotServed::Unavailable(_)) if dir.open.clear() => look_up(dir, request).await,
        found => found,
    };
    match found? {
        Found::Redirect { location } => Ok(Answer::Redirect { location }),
        Found::File(found) => {
            let file = OpenFile::new(found, SystemTime::now());
            let file = file.map_err(|error| NotServed::Io(std::io::Error::other(error)))?;
            let file = Arc::new(file);
            if dir.open.offer(request.path(), &file, now) == Offer::KeptUnswept {
                tokio::spawn(sweep(dir.clone()));
            }
            Ok(Answer::File(file))
        }
    }
}

/// Looks the file up where that never waits, or else on a thread that may.
async fn look_up(dir: &Arc<Dir>, request: &Request) -> Result<Found, NotServed> {
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    if let Some(found) = dir.files.find_cached(target) {
        return found;
    }
    let (dir, target) = (dir.clone(), target.to_owned());
    let looked_up = tokio::task::spawn_blocking(move || dir.files.find(&target)).await;
    looked_up.unwrap_or_else(|error| Err(NotServed::Io(std::io::Error::other(error))))
}

/// Closes files that nobody asks for any more, until none is left.
async fn sweep(dir: Arc<Dir>) {
    loop {
        tokio::time::sleep(dir.open.max_age()).await;
        if !dir.open.sweep(Instant::now()) {
            return;
        }
    }
}

async fn send(found: &OpenFile, response: &mut Response) -> Result<()> {
    response.headers(|headers| headers.clone_from(&found.headers))?;
    response.send_file(found.file.clone(), 0, found.len).await
}
