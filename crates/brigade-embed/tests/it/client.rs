//! A client over hyper that decodes what it is given as it comes.

use std::io::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use flate2::write::GzDecoder;
use http::header::{CONTENT_ENCODING, HOST};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::servers::Kind;

type Sent = http::request::Builder;

/// Sends a request on a connection of its own.
pub(crate) async fn ask(kind: Kind, address: SocketAddr, request: Sent) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    ask_over(kind, address, stream, request).await
}

pub(crate) async fn ask_over(
    kind: Kind,
    address: SocketAddr,
    stream: TcpStream,
    request: Sent,
) -> Response<Incoming> {
    let stream = TokioIo::new(stream);
    if kind.is_http2() {
        let (mut send, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let mut request: Request<Empty<Bytes>> = request.body(Empty::new()).unwrap();
        let target = format!("http://{address}{}", request.uri());
        *request.uri_mut() = target.parse().unwrap();
        return send.send_request(request).await.unwrap();
    }
    let (mut send, connection) = http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = request.header(HOST, address.to_string()).body(Empty::<Bytes>::new()).unwrap();
    send.send_request(request).await.unwrap()
}

/// A body, decoded.
pub(crate) struct Decoded {
    body: Incoming,
    gzip: Option<GzDecoder<Vec<u8>>>,
    plain: Vec<u8>,
    pub(crate) trailers: Option<http::HeaderMap>,
    pub(crate) has_failed: bool,
    has_begun: bool,
}

impl Decoded {
    pub(crate) fn new(response: Response<Incoming>) -> Self {
        let coding = response.headers().get(CONTENT_ENCODING);
        let gzip =
            coding.is_some_and(|coding| coding == "gzip").then(|| GzDecoder::new(Vec::new()));
        let body = response.into_body();
        Self { body, gzip, plain: Vec::new(), trailers: None, has_failed: false, has_begun: false }
    }

    /// What was decoded so far.
    pub(crate) fn bytes(&mut self) -> &[u8] {
        match &mut self.gzip {
            Some(gzip) => gzip.get_ref(),
            None => &self.plain,
        }
    }

    /// Forgets what was decoded so far.
    pub(crate) fn forget(&mut self) {
        match &mut self.gzip {
            Some(gzip) => gzip.get_mut().clear(),
            None => self.plain.clear(),
        }
    }

    /// Takes the next frame; `false`: there is none.
    pub(crate) async fn more(&mut self) -> bool {
        let Some(frame) = self.body.frame().await else { return false };
        let Ok(frame) = frame else {
            self.has_failed = true;
            return false;
        };
        match frame.into_data() {
            Ok(data) => {
                self.has_begun = true;
                match &mut self.gzip {
                    Some(gzip) => {
                        gzip.write_all(&data).unwrap();
                        gzip.flush().unwrap();
                    }
                    None => self.plain.extend_from_slice(&data),
                }
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
        true
    }

    /// Reads until so many bytes are decoded.
    pub(crate) async fn until(&mut self, bytes: usize) {
        while self.bytes().len() < bytes {
            assert!(self.more().await, "the body ended after {} bytes", self.bytes().len());
        }
    }

    /// Reads to the end; a coded body must have one, too, unless it failed.
    pub(crate) async fn finish(mut self) -> Self {
        while self.more().await {}
        // The answer to HEAD names a coding, and has no body.
        if let Some(gzip) = self.gzip.as_mut().filter(|_| self.has_begun) {
            let ends = gzip.try_finish().is_ok();
            assert!(ends || self.has_failed, "a coded body without an end");
        }
        self
    }
}
