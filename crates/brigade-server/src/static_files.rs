//! Serves the files of a directory through the chain: each is one FILE bucket, unread.

use std::sync::Arc;
use std::time::SystemTime;

use brigade::{Error, ErrorKind, Result};
use brigade_http::StatusError;
use brigade_http::driver::{Handler, HandlerFuture, Request, Response};
use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use crate::files::{Found, FoundFile, NotServed, Root};

/// The handler of a directory.
#[derive(Debug)]
pub(crate) struct StaticFiles(Arc<Root>);

impl StaticFiles {
    pub(crate) fn new(root: Root) -> Self {
        Self(Arc::new(root))
    }
}

impl Handler for StaticFiles {
    fn call(&self, request: Request, response: Response) -> HandlerFuture {
        Box::pin(answer(self.0.clone(), request, response))
    }
}

async fn answer(root: Arc<Root>, request: Request, mut response: Response) -> Result<()> {
    match find(root, &request).await {
        Ok(Found::File(file)) => send(file, &mut response).await,
        Ok(Found::Redirect { location }) => {
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

/// Looks the file up where that never waits, or else on a thread that may.
async fn find(root: Arc<Root>, request: &Request) -> Result<Found, NotServed> {
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    if let Some(found) = root.find_cached(&target) {
        return found;
    }
    let looked_up = tokio::task::spawn_blocking(move || root.find(&target)).await;
    looked_up.unwrap_or_else(|error| Err(NotServed::Io(std::io::Error::other(error))))
}

async fn send(found: FoundFile, response: &mut Response) -> Result<()> {
    if let Some(modified) = found.last_modified(SystemTime::now()) {
        response.header(LAST_MODIFIED, modified.to_string())?;
    }
    response.header(CONTENT_TYPE, &*found.content_type)?.header(ETAG, found.etag)?;
    response.send_file(found.file, 0, found.len).await
}
