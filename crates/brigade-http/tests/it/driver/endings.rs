//! The ways a response can end: each gives every filter its outcome, once, on tokio and on a thread.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use brigade::{
    Brigade, Effects, End, Entry, Error, FilterKind, Next, Outcome, OutputFilter, Registry, Result,
};
use brigade_http::driver::{Request, Response, Settings, blocking};

use super::{Client, PATIENCE, Running};

/// The outcomes that the filter at the top was told, and the one at the bottom.
type Outcomes = [Arc<Mutex<Vec<Outcome>>>; 2];

/// Hands everything on and notes its outcome.
struct Witness(Arc<Mutex<Vec<Outcome>>>);

impl OutputFilter for Witness {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }

    fn on_end(&mut self, outcome: &Outcome) {
        self.0.lock().unwrap().push(*outcome);
    }
}

fn settings(outcomes: &Outcomes) -> Settings {
    let mut registry = Registry::new();
    let places = [("top", FilterKind::RESOURCE), ("bottom", FilterKind::NETWORK.offset(-1))];
    let mut settings = Settings::default().write_timeout(Duration::from_millis(300));
    for ((name, kind), outcomes) in places.into_iter().zip(outcomes) {
        let outcomes = outcomes.clone();
        registry.register(Entry::new(name, kind, move |_| {
            let outcomes = outcomes.clone();
            Ok(move || Witness(outcomes.clone()))
        }));
        settings = settings.filter(registry.prepare(name).unwrap());
    }
    settings
}

async fn on_tokio(request: Request, mut response: Response) -> Result<()> {
    match request.path() {
        "/whole" => return response.write(&[b'x'; 10_000]).await,
        "/empty" => return Ok(()),
        "/fails-early" => return Err(Error::other("on purpose")),
        "/endless" => loop {
            response.write(&[0; 1000]).await?;
        },
        _ => response.flush().await?,
    }
    match request.path() {
        "/fails-late" => Err(Error::other("on purpose")),
        "/panics" => panic!("on purpose"),
        _ => {
            // A task that ends without `finish`.
            tokio::spawn(async move { drop(response) });
            Ok(())
        }
    }
}

fn on_a_thread(request: &Request, response: &mut blocking::Response<'_>) -> Result<()> {
    match request.path() {
        "/whole" => return response.write(&[b'x'; 10_000]),
        "/empty" => return Ok(()),
        "/fails-early" => return Err(Error::other("on purpose")),
        "/endless" => loop {
            response.write(&[0; 1000])?;
        },
        _ => response.flush()?,
    }
    match request.path() {
        "/fails-late" => Err(Error::other("on purpose")),
        _ => panic!("on purpose"),
    }
}

/// What a client does with the response that it asked for.
#[derive(Clone, Copy)]
enum Does {
    Read,
    /// Reads the head and leaves.
    Leave,
    /// Takes nothing until the outcome is known.
    Stall,
}

impl Does {
    fn to(self, mut client: Client, path: &str, outcomes: &Outcomes) {
        client.get(path);
        match self {
            Self::Read => drop(client.answer()),
            Self::Leave => drop(client.head()),
            Self::Stall => wait_for(path, outcomes),
        }
    }
}

#[track_caller]
fn wait_for(path: &str, outcomes: &Outcomes) {
    let end = Instant::now() + PATIENCE;
    while outcomes.iter().any(|told| told.lock().unwrap().is_empty()) {
        assert!(Instant::now() < end, "{path}: no outcome");
        thread::yield_now();
    }
}

/// The one outcome that every filter was told, once the server has ended.
#[track_caller]
fn outcome(path: &str, outcomes: &Outcomes) -> Outcome {
    let [top, bottom] = outcomes.each_ref().map(|told| told.lock().unwrap().clone());
    assert_eq!((top.len(), bottom.len()), (1, 1), "{path}: each is told once");
    assert_eq!(top, bottom, "{path}: all are told the same");
    top[0]
}

#[track_caller]
fn run_on_tokio(path: &str, does: Does) -> Outcome {
    let outcomes = Outcomes::default();
    let running = Running::with(settings(&outcomes), on_tokio);
    does.to(running.client(), path, &outcomes);
    wait_for(path, &outcomes);
    drop(running);
    outcome(path, &outcomes)
}

#[track_caller]
fn run_on_a_thread(path: &str, does: Does) -> Outcome {
    let outcomes = Outcomes::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(listener.local_addr().unwrap());
    let settings = settings(&outcomes);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, _) = listener.accept().unwrap();
            // How serving ended is told by the filters here.
            drop(blocking::serve_connection(stream, &settings, &on_a_thread));
        });
        does.to(client, path, &outcomes);
    });
    outcome(path, &outcomes)
}

#[test]
fn every_way_a_response_can_end_tells_every_filter_its_outcome_once() {
    // A borrowed response cannot be dropped unfinished on a thread: `Ok` finishes it.
    let rows = [
        ("complete", "/whole", Does::Read, End::Complete, Some(End::Complete)),
        ("no body", "/empty", Does::Read, End::Complete, Some(End::Complete)),
        ("error before the commit", "/fails-early", Does::Read, End::Complete, Some(End::Complete)),
        ("error after it", "/fails-late", Does::Read, End::Failed, Some(End::Failed)),
        ("client gone", "/endless", Does::Leave, End::ClientGone, Some(End::ClientGone)),
        ("write timeout", "/endless", Does::Stall, End::Timeout, Some(End::Timeout)),
        ("panic", "/panics", Does::Read, End::Failed, Some(End::Failed)),
        ("dropped without finish", "/drops", Does::Read, End::Failed, None),
    ];
    for (name, path, does, tokio, thread) in rows {
        assert_eq!(run_on_tokio(path, does).end, tokio, "{name}, on tokio");
        if let Some(thread) = thread {
            assert_eq!(run_on_a_thread(path, does).end, thread, "{name}, on a thread");
        }
    }
}

#[test]
fn outcome_tells_how_many_bytes_went_in_and_out() {
    for outcome in [run_on_tokio("/whole", Does::Read), run_on_a_thread("/whole", Does::Read)] {
        assert_eq!(outcome.bytes_in, 10_000);
        assert!(outcome.bytes_out > 10_000, "head and framing are counted: {outcome:?}");
    }
}
