//! hyper's body path: one response without end, whose body's frames are the pieces of a shape.
//!
//! The client speaks HTTP/1.0, so that hyper frames nothing: what goes out is the head, once, and then
//! the same bytes as from all others.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;

use crate::shapes::Shape;
use crate::sides::{Sends, on_tokio};

/// What the client must have said.
pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// A connection of hyper that answers one request, for ever.
pub(crate) struct HyperBody {
    runtime: Runtime,
    connection: Pin<Box<dyn Future<Output = hyper::Result<()>>>>,
    frames: Frames,
    written: Rc<Cell<u64>>,
    cut: Option<Cut>, // Owned frames cost nothing if they are there before.
}

struct Cut {
    shape: &'static str,
    flushes: Vec<Vec<Bytes>>,
}

impl HyperBody {
    /// Answers the request that is on `socket`; says how long the head was.
    pub(crate) fn new(socket: TcpStream) -> (Self, usize) {
        let (runtime, socket) = on_tokio(socket);
        let (frames, written) = (Frames::default(), Rc::new(Cell::new(0)));
        let body = frames.clone();
        let answer =
            move |_: Request<Incoming>| ready(Ok::<_, Infallible>(Response::new(body.clone())));
        let line = Counted { socket: TokioIo::new(socket), written: Rc::clone(&written) };
        let mut builder = http1::Builder::new();
        builder.auto_date_header(false);
        let connection = Box::pin(builder.serve_connection(line, service_fn(answer)));
        let mut this = Self { runtime, connection, frames, written, cut: None };
        this.drive_to(1);
        let head = usize::try_from(this.written.get()).expect("a head is short");
        (this, head)
    }

    /// Lets hyper go on until the kernel has so many bytes.
    fn drive_to(&mut self, bytes: u64) {
        let Self { runtime, connection, written, .. } = self;
        runtime.block_on(poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(end) => panic!("the connection has no end: {end:?}"),
            Poll::Pending if written.get() >= bytes => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }));
    }
}

impl Sends for HyperBody {
    fn send(&mut self, shape: &Shape) {
        let is_cut = self.cut.as_ref().is_some_and(|cut| cut.shape == shape.name);
        let cut = if is_cut { self.cut.take() } else { None };
        let cut = cut.unwrap_or_else(|| Cut { shape: shape.name, flushes: shape.shared_flushes() });
        for pieces in &cut.flushes {
            let bytes: usize = pieces.iter().map(Bytes::len).sum();
            self.frames.0.borrow_mut().extend(pieces.iter().cloned());
            self.drive_to(self.written.get() + bytes as u64);
        }
        self.cut = Some(cut);
    }
}

/// A body without end: what was put in, and nothing for now when that is gone.
#[derive(Clone, Default)]
struct Frames(Rc<RefCell<VecDeque<Bytes>>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Whoever puts more in polls the connection.
        match self.0.borrow_mut().pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Poll::Pending,
        }
    }
}

/// Counts what the kernel took.
struct Counted {
    socket: TokioIo<tokio::net::TcpStream>,
    written: Rc<Cell<u64>>,
}

impl Counted {
    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.written.set(self.written.get() + *bytes as u64);
        }
        written
    }
}

impl Read for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, room)
    }
}

impl Write for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
