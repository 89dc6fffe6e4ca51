//! The ledger of a server: what is kept of a response, and for how long.

use std::time::{Duration, Instant};

use brigade::{Brigade, Error, FilterKind, Member, Next, OutputFilter, from_fn};
use brigade_http::driver::{Entry, Handler, Ledger, Request, Response, Settings};

use super::client::Client;
use super::{PATIENCE, Running, serve_one};

async fn hello(_: Request, mut response: Response) -> brigade::Result<()> {
    response.write(b"hello\n").await
}

/// What becomes of the responses to what `client` sends.
#[track_caller]
fn kept(
    settings: Settings,
    handler: impl Handler,
    client: impl FnOnce(Client) + Send + 'static,
) -> Vec<Entry> {
    let ledger = Ledger::new(100);
    let _ = serve_one(settings.ledger(ledger.clone()), handler, client);
    let recent = ledger.recent();
    assert_eq!(ledger.totals().responses, recent.len() as u64, "each is counted once: {recent:?}");
    assert_eq!(ledger.totals().connections_open, 0);
    recent
}

#[track_caller]
fn kept_of_one(handler: impl Handler, request: &'static str) -> Entry {
    let entries = kept(Settings::default(), handler, move |mut client| {
        client.send(request);
        client.end_sending();
        client.rest();
    });
    let [entry] = &entries[..] else { panic!("one response: {entries:?}") };
    entry.clone()
}

/// The reasons, as `filter: text`.
fn reasons(entry: &Entry) -> Vec<String> {
    entry.reasons.iter().map(|reason| format!("{}: {}", reason.filter, reason.text)).collect()
}

#[test]
fn entry_says_what_was_asked_what_was_answered_and_who_it_went_through() {
    let entry =
        kept_of_one(hello, "GET /page?q=1 HTTP/1.1\r\nHost: x\r\nbrigade-explain: a-1\r\n\r\n");
    assert_eq!((&*entry.method, &*entry.target), ("GET", "/page?q=1"));
    assert_eq!(
        (entry.id.as_deref(), entry.status, entry.end),
        (Some("a-1"), Some(200), Some("complete"))
    );
    assert_eq!((entry.framing, entry.closes, entry.number), (Some("length"), false, 1));
    let names: Vec<&str> = entry.filters.iter().map(|line| &*line.name).collect();
    assert_eq!(names, ["conditional", "content_length", "header", "network"]);
    let network = entry.filters.last().unwrap();
    assert_eq!(network.bytes_in, entry.bytes_out, "{entry:?}");
    assert!(entry.took_seconds.is_some_and(|took| took > 0.0));
    assert!(entry.filters[0].stepped_aside);
}

#[test]
fn ledger_keeps_the_last_responses_and_counts_all() {
    let ledger = Ledger::new(3);
    let _ = serve_one(Settings::default().ledger(ledger.clone()), hello, |mut client| {
        for at in 0..10 {
            client.ask(&format!("/{at}"));
        }
    });
    let targets: Vec<String> = ledger.recent().into_iter().map(|entry| entry.target).collect();
    assert_eq!(targets, ["/7", "/8", "/9"]);
    let totals = ledger.totals();
    assert_eq!((totals.responses, totals.statuses[&200], totals.ends["complete"]), (10, 10, 10));
    assert_eq!(totals.filters["header"].calls, 10);
    assert_eq!(totals.connections_accepted, 1);
}

#[test]
fn what_a_client_says_is_kept_only_as_far_as_it_is_short_and_plain() {
    let long = "x".repeat(1000);
    for (id, is_kept) in [
        ("a-1", true),
        (&*"y".repeat(64), true),
        (&*"y".repeat(65), false),
        ("a b", false),
        ("<", false),
    ] {
        let request = format!("GET /{long} HTTP/1.1\r\nHost: x\r\nbrigade-explain: {id}\r\n\r\n");
        let entry = kept_of_one(hello, request.leak());
        assert_eq!(entry.id.is_some(), is_kept, "{id}");
        assert!(entry.target.len() < 300);
    }
}

#[test]
fn chunks_name_the_filter_that_may_change_the_length() {
    let settings = Settings::default().insert_filters(|_, chain| {
        let pass = from_fn(|input, next| next.push_all(input));
        chain.join_request(Member::new("wide", FilterKind::CONTENT_SET, pass));
    });
    let streams = |_: Request, mut response: Response| async move {
        response.write(b"hello").await?;
        response.flush().await
    };
    let entries = kept(settings, streams, |mut client| drop(client.ask("/")));
    assert_eq!(entries[0].framing, Some("chunked"));
    assert_eq!(
        reasons(&entries[0]),
        [
            "wide: may change the length of the body",
            "header: chunked: the length is not known, a filter above may change it"
        ]
    );
}

#[test]
fn closing_is_explained() {
    let close = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(
        reasons(&kept_of_one(hello, close)),
        ["connection: closed: the client asked for it"]
    );
    let old = "GET / HTTP/1.0\r\n\r\n";
    let why = "connection: closed: HTTP/1.0 closes unless it is asked not to";
    assert_eq!(reasons(&kept_of_one(hello, old)), [why]);
    let garbage = kept_of_one(hello, "nonsense\r\n\r\n");
    let reasons = reasons(&garbage);
    assert_eq!(garbage.status, Some(400));
    assert!(
        reasons
            .last()
            .unwrap()
            .starts_with("connection: closed: the request could not be answered: "),
        "{reasons:?}"
    );
}

#[test]
fn response_that_fails_after_its_head_says_what_failed() {
    let fails = |_: Request, mut response: Response| async move {
        response.write(b"half").await?;
        response.flush().await?;
        Err(Error::other("the source ran dry"))
    };
    let entry = kept_of_one(fails, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let why = "connection: closed: the response failed after its head had left: the source ran dry";
    assert!(reasons(&entry).contains(&why.to_owned()), "{:?}", reasons(&entry));
    assert_eq!(entry.end, Some("failed"));
}

#[test]
fn client_that_goes_away_is_told_with_the_bytes_that_left() {
    let ledger = Ledger::new(10);
    let endless = |_: Request, mut response: Response| async move {
        loop {
            response.write(&[b'x'; 8000]).await?;
        }
    };
    let settings = Settings::default().ledger(ledger.clone());
    let _ = serve_one(settings, endless, |mut client| {
        client.get("/");
        client.head();
        client.read_up_to(100_000);
        client.reset();
    });
    let entry = ledger.recent().pop().unwrap();
    assert_eq!(entry.end, Some("client gone"));
    assert!(entry.bytes_out >= 100_000, "{}", entry.bytes_out);
    assert!(reasons(&entry).contains(&"connection: cut off: the client went away".to_owned()));
    assert_eq!(ledger.totals().ends["client gone"], 1);
}

/// Keeps all it is given until the end of the body.
struct Keeps(Brigade<'static>);

impl OutputFilter for Keeps {
    fn filter<'b>(
        &mut self,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> brigade::Result<()> {
        let is_last = input.ends_body();
        input.set_aside(&mut self.0, next.alloc());
        if is_last { next.push_all(&mut std::mem::take(&mut self.0)) } else { Ok(()) }
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.0.resident_bytes()).unwrap()
    }
}

#[test]
fn filter_that_holds_is_told_with_its_bytes_and_its_time_and_seen_while_it_does() {
    let ledger = Ledger::new(10);
    let (go_on, gate) = tokio::sync::watch::channel(false);
    let paused = move |_: Request, mut response: Response| {
        let mut gate = gate.clone();
        async move {
            response.write(&[b'x'; 5000]).await?;
            response.flush().await?;
            let _ = gate.wait_for(|is_open| *is_open).await;
            Ok(())
        }
    };
    let settings = Settings::default().ledger(ledger.clone()).insert_filters(|_, chain| {
        chain.join_request(Member::new("keeps", FilterKind::RESOURCE, Keeps(Brigade::new())));
    });
    let running = Running::with(settings, paused);
    let mut client = running.client();
    client.get("/");
    let began = Instant::now();
    let view = loop {
        assert!(began.elapsed() < PATIENCE, "{:?}", ledger.connections(10));
        match ledger.connections(10).pop() {
            Some(view) if view.held_bytes >= 5000 => break view,
            _ => std::thread::yield_now(),
        }
    };
    assert_eq!(view.filters[0], ("keeps".to_owned(), 5000));
    assert!(!view.blocks.is_empty());
    go_on.send(true).unwrap();
    client.answer();
    drop(client);
    let entry = loop {
        assert!(began.elapsed() < PATIENCE);
        match ledger.recent().pop() {
            Some(entry) if entry.end.is_some() => break entry,
            _ => std::thread::yield_now(),
        }
    };
    let keeps = &entry.filters[0];
    assert_eq!((&*keeps.name, keeps.held_peak_bytes), ("keeps", 5000));
    let took = Duration::from_secs_f64(keeps.held_seconds);
    assert!(took > Duration::ZERO && took <= began.elapsed(), "{took:?}");
}

#[test]
fn id_finds_the_latest_response_of_that_name() {
    let ledger = Ledger::new(10);
    let _ = serve_one(Settings::default().ledger(ledger.clone()), hello, |mut client| {
        for target in ["/old", "/new"] {
            client
                .send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\nbrigade-explain: me\r\n\r\n"));
            client.answer();
        }
        client.ask("/other");
    });
    assert_eq!(ledger.find("me").map(|entry| entry.target), Some("/new".to_owned()));
    assert!(ledger.find("you").is_none());
}
