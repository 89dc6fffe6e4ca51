//! The response handles: a blocking handler and an async one write the same body.
//!
//! A handler here answers one request, whose client speaks HTTP/1.0 so that the body ends with the
//! connection: it writes the body again and again, whenever it is told to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use brigade_http::driver::blocking;
use brigade_http::driver::{Drain, Request, Response, Settings, serve_connection};
use criterion::measurement::Measurement;
use tokio::sync::mpsc as queue;

use crate::hyper_body::REQUEST;
use crate::peer::Receiver;
use crate::rows::Side;
use crate::shapes::Shape;
use crate::sides::on_tokio;
use crate::support::CpuTime;

/// What a handler is told.
enum Task {
    /// Write the body.
    Write,
    /// Answer how long that took this thread, and what it did since.
    Tell,
}

/// A server in a thread of its own, in the midst of a response.
pub(crate) struct Serving {
    tasks: Option<queue::UnboundedSender<Task>>,
    told: mpsc::Receiver<Duration>,
    thread: Option<JoinHandle<()>>,
}

type Tasks = queue::UnboundedReceiver<Task>;

impl Serving {
    /// A handler that waits for the client.
    pub(crate) fn blocking(
        shape: &Shape,
        sender: TcpStream,
        receiver: TcpStream,
    ) -> (Self, Receiver) {
        let shape = shape.clone();
        Self::new(receiver, move |tasks, tell| {
            let tasks = Mutex::new(tasks);
            let handler = |_: &Request, response: &mut blocking::Response<'_>| {
                response.flush()?;
                let mut tasks = tasks.lock().expect("nothing panics");
                let mut start = CpuTime.start();
                while let Some(task) = tasks.blocking_recv() {
                    match task {
                        Task::Write => {
                            start = CpuTime.start();
                            for pieces in shape.flushes() {
                                for piece in pieces {
                                    response.write(piece)?;
                                }
                                response.flush()?;
                            }
                        }
                        Task::Tell => tell.send(CpuTime.end(start)).expect("somebody asked"),
                    }
                }
                Ok(())
            };
            blocking::serve_connection(sender, &Settings::default(), &handler)
        })
    }

    /// A handler on tokio.
    pub(crate) fn on_tokio(
        shape: &Shape,
        sender: TcpStream,
        receiver: TcpStream,
    ) -> (Self, Receiver) {
        let shape = shape.clone();
        Self::new(receiver, move |tasks, tell| {
            let once = Mutex::new(Some((tasks, shape)));
            let handler = move |_: Request, mut response: Response| {
                let once = once.lock().expect("nothing panics").take();
                let tell = tell.clone();
                async move {
                    let (mut tasks, shape) = once.expect("there is one request");
                    response.flush().await?;
                    let mut start = CpuTime.start();
                    while let Some(task) = tasks.recv().await {
                        match task {
                            Task::Write => {
                                start = CpuTime.start();
                                for pieces in shape.flushes() {
                                    for piece in pieces {
                                        response.write(piece).await?;
                                    }
                                    response.flush().await?;
                                }
                            }
                            Task::Tell => tell.send(CpuTime.end(start)).expect("somebody asked"),
                        }
                    }
                    Ok(())
                }
            };
            let (runtime, socket) = on_tokio(sender);
            let settings = Arc::new(Settings::default());
            let served = serve_connection(socket, settings, Arc::new(handler), Drain::never());
            runtime.block_on(served)
        })
    }

    fn new<F>(mut receiver: TcpStream, serve: F) -> (Self, Receiver)
    where
        F: FnOnce(Tasks, mpsc::Sender<Duration>) -> brigade::Result<()> + Send + 'static,
    {
        receiver.write_all(REQUEST).expect("loopback");
        let (tasks, todo) = queue::unbounded_channel();
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || serve(todo, tell).expect("the client reads"));
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            receiver.read_exact(&mut byte).expect("the head comes");
            head.extend(byte);
        }
        (Self { tasks: Some(tasks), told, thread: Some(thread) }, receiver.into())
    }

    fn say(&self, task: Task) {
        let tasks = self.tasks.as_ref().expect("it is there until the end");
        assert!(tasks.send(task).is_ok(), "the handler is there");
    }
}

impl Side for Serving {
    fn send(&mut self) -> Duration {
        self.say(Task::Write);
        Duration::ZERO
    }

    fn rest(&mut self) -> Duration {
        self.say(Task::Tell);
        self.told.recv().expect("the handler is there")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it served all");
        }
    }
}
