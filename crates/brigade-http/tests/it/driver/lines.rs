//! The same server over TCP and Unix sockets, plain and by TLS, wherever it listens.

use std::future::Future;
use std::io::{self, IoSlice, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};

use brigade::{Bucket, Error};
use brigade_http::driver::{Handler, Listener, Request, Response, Server, Settings};
use brigade_net::rustls::pki_types::ServerName;
use brigade_net::{
    Close, Duplex, More, NonBlockingTransport, Source, StdTransport, TlsTransport, Transport,
};
use tokio::net::{TcpListener, UnixListener};

use super::PATIENCE;
use super::localhost::CONFIGS;

/// A server that listens at four places, until the test ends.
struct Everywhere {
    plain: SocketAddr,
    tls: SocketAddr,
    unix: PathBuf,
    unix_tls: PathBuf,
    errors: Arc<Mutex<Vec<String>>>,
    _dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Everywhere {
    fn new(handler: impl Handler) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (unix, unix_tls) = (dir.path().join("plain"), dir.path().join("tls"));
        let paths = [unix.clone(), unix_tls.clone()];
        let errors = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&errors);
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move {
            let tcp =
                [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
            let [plain, tls] = tcp.map(Result::unwrap);
            let [unix, unix_tls] = paths.map(|path| UnixListener::bind(path).unwrap());
            tell.send([plain.local_addr().unwrap(), tls.local_addr().unwrap()]).unwrap();
            let places = [
                Listener::from(plain),
                Listener::from(tls).tls(CONFIGS.0.clone()),
                Listener::from(unix),
                Listener::from(unix_tls).tls(CONFIGS.0.clone()),
            ];
            let settings = Settings::default().report(move |error: &Error| {
                log.lock().unwrap().push(error.to_string());
            });
            let server = Server::new(handler).settings(settings);
            server.serve(places, std::future::pending()).await.unwrap();
        });
        let [plain, tls] = told.recv_timeout(PATIENCE).unwrap();
        Self { plain, tls, unix, unix_tls, errors, _dir: dir, _runtime: runtime }
    }
}

fn tcp(address: SocketAddr) -> StdTransport {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    StdTransport::new(stream)
}

/// A socket that waits; what its time limit answers, which nothing here reaches, is an error too.
fn unix(path: &Path) -> NonBlockingTransport<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    NonBlockingTransport::new(Arc::new(stream))
}

fn tls<T: Duplex>(line: T) -> TlsTransport<T> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsTransport::client(line, CONFIGS.1.clone(), name).unwrap()
}

/// Sends `request` and reads to the end of the connection, a little at a time.
fn ask(mut line: impl Duplex, request: &str) -> (Vec<u8>, io::Result<()>) {
    let mut source = line.source();
    let mut left = request.as_bytes();
    while !left.is_empty() {
        let count = line.write(&[IoSlice::new(left)], More::None).unwrap();
        line.flush().unwrap();
        left = &left[count..];
    }
    let mut received = Vec::new();
    let mut room = [0; 1000];
    loop {
        match source.read(&mut room) {
            Ok(0) => return (received, Ok(())),
            Ok(count) => received.extend_from_slice(&room[..count]),
            Err(error) => return (received, Err(error)),
        }
    }
}

async fn echo(request: Request, mut response: Response) -> brigade::Result<()> {
    response.print(format!("you asked for {}", request.path())).await
}

#[track_caller]
fn check_two_requests(line: impl Duplex) {
    let first = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (received, end) = ask(line, &[first, last].concat());
    end.expect("the end is said");
    let text = String::from_utf8(received).unwrap();
    let one = text.find("you asked for /one").expect("the first answer");
    assert!(text[one..].ends_with("you asked for /two"), "{text}");
}

#[test]
fn one_server_answers_wherever_it_listens() {
    let server = Everywhere::new(echo);
    for _ in 0..3 {
        check_two_requests(tcp(server.plain));
        check_two_requests(unix(&server.unix));
        check_two_requests(tls(tcp(server.tls)));
        check_two_requests(tls(unix(&server.unix_tls)));
    }
    assert!(server.errors.lock().unwrap().is_empty());
}

/// Gives a body that only the end of the connection ends, whole or not.
async fn until_close(request: Request, mut response: Response) -> brigade::Result<()> {
    response.write(b"half a body").await?;
    response.flush().await?;
    if request.path() == "/fails" { Err(Error::other("on purpose")) } else { Ok(()) }
}

#[test]
fn only_a_whole_body_has_an_end_that_was_said() {
    let server = Everywhere::new(until_close);
    for line in [tls(tcp(server.tls)), tls(tcp(server.tls))] {
        let (received, end) = ask(line, "GET /whole HTTP/1.0\r\n\r\n");
        assert!(received.ends_with(b"half a body") && end.is_ok(), "{end:?}");
    }
    let (_, end) = ask(tls(tcp(server.tls)), "GET /fails HTTP/1.0\r\n\r\n");
    end.expect_err("what failed must not look whole");
    let (_, end) = ask(tls(unix(&server.unix_tls)), "GET /fails HTTP/1.0\r\n\r\n");
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

const LARGE: usize = 3 << 20;

fn large() -> Vec<u8> {
    (0..=250).flat_map(|byte| [byte; 7]).cycle().take(LARGE).collect()
}

/// Gives a large body, half of it by a file.
fn gives_large(file: Arc<std::fs::File>) -> impl Handler {
    let bytes: &'static [u8] = large().leak();
    move |_: Request,
          mut response: Response|
          -> std::pin::Pin<Box<dyn Future<Output = brigade::Result<()>> + Send>> {
        let file = file.clone();
        Box::pin(async move {
            response.send(Bucket::immortal(&bytes[..LARGE / 2])).await?;
            response.send_file(file, (LARGE / 2) as u64, (LARGE - LARGE / 2) as u64).await
        })
    }
}

#[test]
fn a_large_body_arrives_whole_at_a_client_that_takes_little_at_a_time() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&large()).unwrap();
    let server = Everywhere::new(gives_large(Arc::new(file)));
    let request = "GET / HTTP/1.0\r\n\r\n";
    for (received, end) in [
        ask(tls(tcp(server.tls)), request),
        ask(tls(unix(&server.unix_tls)), request),
        ask(unix(&server.unix), request),
    ] {
        end.expect("the end is said");
        assert!(received.ends_with(&large()), "{} bytes", received.len());
    }
}

#[test]
fn clients_that_shake_no_hands_are_told_and_harm_nobody() {
    let server = Everywhere::new(echo);
    let (received, _) = ask(tcp(server.tls), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(received[0], 21, "an alert");
    // One that says nothing, one that leaves in the middle, one that resets.
    let silent = tcp(server.tls);
    drop(tcp(server.tls));
    let mut leaves = tcp(server.tls);
    leaves.write(&[IoSlice::new(&[22, 3, 1, 2, 0, 1])], More::None).unwrap();
    leaves.close(Close::Orderly).unwrap();
    let mut resets = tls(tcp(server.tls));
    let _ = resets.close(Close::Reset);
    check_two_requests(tls(tcp(server.tls)));
    drop(silent);
    let errors = server.errors.lock().unwrap();
    let said = "receive, with 0 bytes held";
    assert!(!errors.is_empty() && errors.iter().all(|error| error == said), "{errors:?}");
}
