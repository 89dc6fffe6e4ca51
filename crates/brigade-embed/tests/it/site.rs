//! What the four servers serve: one handler, whose pauses the client ends.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use brigade::{Error, Result};
use brigade_http::driver::{Handler, HandlerFuture, Request, Response};
use http::StatusCode;
use tokio::sync::Semaphore;

/// Lets a handler go on, by the query of its request.
#[derive(Clone, Default)]
pub(crate) struct Site(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

impl Site {
    pub(crate) fn gate(&self, query: &str) -> Arc<Semaphore> {
        let mut gates = self.0.lock().unwrap();
        gates.entry(query.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(0))).clone()
    }
}

/// Text that compresses, of so many lines.
pub(crate) fn lines(count: usize) -> String {
    let lines: Vec<String> =
        (0..count).map(|n| format!("line {n} of Apache's own streams\n")).collect();
    lines.concat()
}

impl Handler for Site {
    fn call(&self, request: Request, response: Response) -> HandlerFuture {
        let gate = self.gate(request.query().unwrap_or_default());
        Box::pin(async move { answer(&request, response, &gate).await })
    }
}

async fn answer(request: &Request, mut response: Response, gate: &Semaphore) -> Result<()> {
    let is_picture = request.path() == "/picture";
    response.header("content-type", if is_picture { "image/png" } else { "text/plain" })?;
    response.header("x-own", "kept")?;
    match request.path() {
        "/short" => {
            response.write(b"a page about Apache, served from memory, with a length\n").await
        }
        "/long" => {
            response.header("etag", "\"v1\"")?;
            response.write(lines(20_000).as_bytes()).await
        }
        "/small-writes" => {
            for line in lines(2_000).split_inclusive('\n') {
                response.write(line.as_bytes()).await?;
            }
            Ok(())
        }
        "/paced" => {
            for n in 0..5 {
                response.print(format!("piece {n} for Apache\n")).await?;
                gate.acquire().await.map_err(|_| Error::other("wait"))?.forget();
            }
            Ok(())
        }
        "/flushed" => {
            for n in 0..5 {
                response.print(format!("piece {n} for Apache\n")).await?;
                response.flush().await?;
            }
            Ok(())
        }
        "/file" => send_file(&mut response, lines(5_000).as_bytes()).await,
        "/picture" => send_file(&mut response, &vec![7; 200_000]).await,
        "/nothing" => response.status(StatusCode::NO_CONTENT).map(drop),
        "/trailers" => {
            response.header("trailer", "x-sum")?.trailer("x-sum", "42")?;
            response.write(b"a body with something behind it, for who can take it\n").await
        }
        "/long-trailers" => {
            response.header("trailer", "x-sum")?.trailer("x-sum", "42")?;
            response.write(lines(2_000).as_bytes()).await
        }
        "/fails-early" => {
            response.write(b"taken back").await?;
            Err(Error::other("fail early"))
        }
        "/fails-late" => {
            response.write(b"piece 0 for Apache\n").await?;
            response.flush().await?;
            gate.acquire().await.map_err(|_| Error::other("wait"))?.forget();
            Err(Error::other("fail late"))
        }
        _ => {
            response.status(StatusCode::NOT_FOUND)?;
            response.write(b"there is no such thing\n").await
        }
    }
}

async fn send_file(response: &mut Response, bytes: &[u8]) -> Result<()> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    response.send_file(file, 0, bytes.len() as u64).await
}
