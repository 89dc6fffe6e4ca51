//! Handler, settings and places exchanged while the server serves.

use std::net::SocketAddr;
use std::sync::Arc;

use brigade::{Bucket, FilterKind, Member, from_fn};
use brigade_http::driver::{Handler, Listener, Live, Request, Response, Server, Settings};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::client::Client;
use super::{Running, within_patience};

/// Settings whose responses end in `text`.
fn signed(text: &'static str) -> Settings {
    Settings::default().insert_filters(move |_request, chain| {
        let filter = from_fn(move |input, next| {
            if input.ends_body() {
                let eos = input.pop_back();
                next.push_all(input)?;
                next.push(Bucket::immortal(text.as_bytes()))?;
                return eos.map_or(Ok(()), |eos| next.push(eos));
            }
            next.push_all(input)
        });
        chain.join_request(Member::new("sign", FilterKind::RESOURCE, filter));
    })
}

/// Says `word` before and after the gate lets it.
fn says(word: &'static str, gate: &Arc<Semaphore>) -> impl Handler + use<> {
    let gate = Arc::clone(gate);
    move |_: Request, mut response: Response| {
        let gate = Arc::clone(&gate);
        async move {
            response.print(format!("{word},")).await?;
            response.flush().await?;
            gate.acquire().await.unwrap().forget();
            response.print(format!("{word},")).await
        }
    }
}

fn running(word: &'static str, text: &'static str, gate: &Arc<Semaphore>) -> (Running, Live) {
    let (server, live) = Server::new(says(word, gate)).settings(signed(text)).live();
    (Running::of(server), live)
}

#[test]
fn exchange_leaves_the_running_response_alone_and_answers_the_next_on_its_connection_anew() {
    let gate = Arc::new(Semaphore::new(0));
    let (running, live) = running("old", "old filter", &gate);
    let mut client = running.client();
    client.get("/");
    client.head();
    assert_eq!(client.chunk(), Some(b"old,".to_vec()));
    live.exchange(says("new", &gate), signed("new filter"));
    gate.add_permits(1);
    let mut rest = Vec::new();
    while let Some(chunk) = client.chunk().filter(|chunk| !chunk.is_empty()) {
        rest.extend(chunk);
    }
    assert_eq!(String::from_utf8(rest).unwrap(), "old,old filter");
    gate.add_permits(1);
    let answer = client.ask("/");
    assert_eq!(String::from_utf8(answer.body).unwrap(), "new,new,new filter");
}

#[test]
fn exchange_before_the_first_connection_is_what_it_gets() {
    let gate = Arc::new(Semaphore::new(1));
    let (running, live) = running("old", "old filter", &gate);
    live.exchange(says("new", &gate), Settings::default());
    assert_eq!(running.client().ask("/").body, b"new,new,");
}

#[test]
fn handler_stays_when_nobody_is_left_who_could_exchange_it() {
    let gate = Arc::new(Semaphore::new(2));
    let (running, live) = running("old", "", &gate);
    drop(live);
    let mut client = running.client();
    assert_eq!(client.ask("/").body, b"old,old,");
    assert_eq!(client.ask("/").body, b"old,old,");
}

fn bound() -> (Listener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (TcpListener::from_std(listener).unwrap().into(), address)
}

/// Asks once, on a thread that may wait.
async fn ask(address: SocketAddr) -> Vec<u8> {
    tokio::task::spawn_blocking(move || Client::new(address).ask("/").body).await.unwrap()
}

#[test]
fn place_that_stays_keeps_its_socket_and_one_that_is_left_out_is_closed() {
    within_patience(async {
        let handler =
            |_: Request, mut response: Response| async move { response.write(b"here").await };
        let (server, live) = Server::new(handler).live();
        let ((stays, kept), (goes, left), (comes, new)) = (bound(), bound(), bound());
        let serving = tokio::spawn(server.serve([stays.clone(), goes], std::future::pending()));
        assert_eq!((ask(kept).await, ask(left).await), (b"here".to_vec(), b"here".to_vec()));
        // It waits in the queue of the socket that stays, or is accepted before: it is answered.
        let mut waits = tokio::task::spawn_blocking(move || Client::new(kept)).await.unwrap();
        live.listen(vec![comes, stays]);
        assert_eq!((ask(kept).await, ask(new).await), (b"here".to_vec(), b"here".to_vec()));
        assert!(std::net::TcpStream::connect(left).is_err(), "nobody listens there");
        let waited = tokio::task::spawn_blocking(move || waits.ask("/").body).await.unwrap();
        assert_eq!(waited, b"here");
        serving.abort();
    });
}
