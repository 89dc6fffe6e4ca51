//! Every filter is told once how its response ended, after the last byte.

use std::sync::{Arc, Mutex};

use brigade::{Brigade, Effects, End, Entry, FilterKind, Next, Outcome, OutputFilter, Registry};
use brigade_http::driver::{Request, Response, Settings};

use super::{PATIENCE, Running};

/// Hands everything on and notes its outcome.
struct Witness(Arc<Mutex<Vec<Outcome>>>);

impl OutputFilter for Witness {
    fn filter<'b>(
        &mut self,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> brigade::Result<()> {
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }

    fn on_end(&mut self, outcome: &Outcome) {
        self.0.lock().unwrap().push(*outcome);
    }
}

fn settings(outcomes: &Arc<Mutex<Vec<Outcome>>>) -> Settings {
    let mut registry = Registry::new();
    let outcomes = outcomes.clone();
    registry.register(Entry::new("witness", FilterKind::RESOURCE, move |_| {
        let outcomes = outcomes.clone();
        Ok(move || Witness(outcomes.clone()))
    }));
    Settings::default()
        .filter(registry.prepare("witness").unwrap())
        .write_timeout(std::time::Duration::from_millis(300))
}

async fn handler(request: Request, mut response: Response) -> brigade::Result<()> {
    match request.path() {
        "/empty" => Ok(()),
        "/fails-early" => Err(brigade::Error::other("on purpose")),
        "/fails-late" => {
            response.flush().await?;
            Err(brigade::Error::other("on purpose"))
        }
        "/panics" => panic!("on purpose"),
        "/endless" => loop {
            response.write(&[0; 1000]).await?;
        },
        _ => response.write(&[b'x'; 10_000]).await,
    }
}

#[track_caller]
fn check_outcome(path: &str, ask: impl FnOnce(&Running), expected: End) -> Outcome {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let running = Running::with(settings(&outcomes), handler);
    ask(&running);
    let end = std::time::Instant::now() + PATIENCE;
    while outcomes.lock().unwrap().is_empty() {
        assert!(std::time::Instant::now() < end, "{path}: no outcome");
        std::thread::yield_now();
    }
    drop(running);
    let outcomes = outcomes.lock().unwrap();
    assert_eq!(outcomes.len(), 1, "{path}: told once");
    assert_eq!(outcomes[0].end, expected, "{path}");
    outcomes[0]
}

fn asks(path: &'static str) -> impl FnOnce(&Running) {
    move |running| drop(running.client().ask(path))
}

#[test]
fn complete_response_tells_how_many_bytes_went_in_and_out() {
    let outcome = check_outcome("/", asks("/"), End::Complete);
    assert_eq!(outcome.bytes_in, 10_000);
    assert!(outcome.bytes_out > 10_000, "head and framing are counted: {outcome:?}");
}

#[test]
fn response_without_a_body_is_complete() {
    check_outcome("/empty", asks("/empty"), End::Complete);
}

#[test]
fn failure_before_the_commit_is_a_complete_error_response() {
    check_outcome("/fails-early", asks("/fails-early"), End::Complete);
    check_outcome("/panics", asks("/panics"), End::Complete);
}

#[test]
fn failure_after_the_commit_has_failed() {
    check_outcome("/fails-late", asks("/fails-late"), End::Failed);
}

#[test]
fn client_that_leaves_is_gone() {
    let ask = |running: &Running| {
        let mut client = running.client();
        client.get("/endless");
        client.head();
    };
    check_outcome("/endless", ask, End::ClientGone);
}

#[test]
fn client_that_takes_nothing_timed_out() {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let running = Running::with(settings(&outcomes), handler);
    let mut client = running.client();
    client.get("/endless");
    let end = std::time::Instant::now() + PATIENCE;
    while outcomes.lock().unwrap().is_empty() {
        assert!(std::time::Instant::now() < end, "no outcome");
        std::thread::yield_now();
    }
    assert_eq!(outcomes.lock().unwrap()[0].end, End::Timeout);
}
