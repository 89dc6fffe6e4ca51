//! The blocking driver gives the same answers, and its handlers the same guarantees.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use brigade::{Error, ErrorKind};
use brigade_http::driver::blocking::{Response, Writer, serve_connection};
use brigade_http::driver::{Request, Settings};

use super::Client;
use super::client::End;

/// Serves one connection by `handler` while `client` runs; answers how serving ended.
#[track_caller]
fn serve(
    settings: Settings,
    handler: impl Fn(&Request, &mut Response<'_>) -> brigade::Result<()> + Send,
    client: impl FnOnce(Client),
) -> brigade::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve_connection(stream, &settings, &handler)
        });
        client(Client::new(address));
        server.join().unwrap()
    })
}

fn fails(request: &Request, response: &mut Response<'_>) -> brigade::Result<()> {
    response.write(&[b'x'; 4096])?;
    match request.path() {
        "/ok" => return Ok(()),
        "/panic" => panic!("on purpose"),
        "/flush" => response.flush()?,
        _ => {}
    }
    Err(Error::other("on purpose"))
}

#[test]
fn pipelined_requests_are_answered_in_order_on_a_thread() {
    let handler = |request: &Request, response: &mut Response<'_>| {
        response.print(format_args!("you asked for {}", request.path()))
    };
    let served = serve(Settings::default(), handler, |mut client| {
        for n in 0..10 {
            client.get(&format!("/{n}"));
        }
        for n in 0..10 {
            assert_eq!(client.answer().body, format!("you asked for /{n}").as_bytes());
        }
    });
    assert!(served.is_ok(), "{served:?}");
}

#[test]
fn failure_before_the_commit_is_replaced_on_a_thread_too() {
    serve(Settings::default(), fails, |mut client| {
        assert_eq!(client.ask("/").status, 500);
        assert_eq!(client.ask("/panic").status, 500);
        let answer = client.ask("/ok");
        assert_eq!((answer.status, answer.body.len()), (200, 4096));
    })
    .unwrap();
}

#[test]
fn failure_after_the_commit_never_looks_complete_on_a_thread() {
    let served = serve(Settings::default(), fails, |mut client| {
        let answer = client.ask("/flush");
        assert_eq!((answer.status, answer.is_complete), (200, false));
    });
    drop(served);
    let served = serve(Settings::default(), fails, |mut client| {
        client.send("GET /flush HTTP/1.0\r\n\r\n");
        assert!(!client.answer().is_complete, "a close-delimited body is reset");
    });
    drop(served);
}

#[test]
fn request_that_cannot_be_read_is_answered_and_the_connection_closed_on_a_thread() {
    serve(Settings::default(), fails, |mut client| {
        client.send("GET / HTTP/1.1\nHost: x\n\n");
        assert_eq!(client.answer().status, 400);
        assert_eq!(client.end(), End::Closed);
    })
    .unwrap();
}

#[test]
fn stream_of_a_blocking_reader_and_a_file_arrive_whole_on_a_thread() {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, b"from the file\n").unwrap();
    let file = std::sync::Arc::new(file);
    let handler = |_: &Request, response: &mut Response<'_>| {
        response.write(b"written\n")?;
        response.send_stream(&b"from the stream\n"[..])?;
        response.send_file(file.clone(), 0, 14)
    };
    serve(Settings::default(), handler, |mut client| {
        assert_eq!(client.ask("/").body, b"written\nfrom the stream\nfrom the file\n");
    })
    .unwrap();
}

#[test]
fn file_after_a_written_line_goes_by_sendfile_inside_chunks() {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &vec![b'f'; 100_000]).unwrap();
    let file = std::sync::Arc::new(file);
    let (tell, told) = std::sync::mpsc::channel();
    let handler = move |_: &Request, response: &mut Response<'_>| {
        response.write(b"a line\n")?;
        response.flush()?;
        response.send_file(file.clone(), 0, 100_000)?;
        response.finish()?;
        let stats = response.chain().terminal::<Writer>().unwrap().stats();
        tell.send((stats.file_bytes, stats.send_file_calls > 0)).unwrap();
        Ok(())
    };
    serve(Settings::default(), handler, |mut client| {
        let answer = client.ask("/");
        assert!(answer.head.contains("transfer-encoding: chunked"), "{}", answer.head);
        let expected = [&b"a line\n"[..], &vec![b'f'; 100_000]].concat();
        assert!(answer.is_complete && answer.body == expected);
    })
    .unwrap();
    assert_eq!(told.recv().unwrap(), (100_000, true));
}

#[test]
fn client_that_takes_nothing_times_out_on_a_thread() {
    let settings = Settings::default().write_timeout(Duration::from_millis(200));
    let endless = |_: &Request, response: &mut Response<'_>| loop {
        response.write(&[b'x'; 1000])?;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::new(listener.local_addr().unwrap());
    client.get("/");
    let (stream, _) = listener.accept().unwrap();
    let error = serve_connection(stream, &settings, &endless).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Aborted), "{error:?}");
}

fn hello(_: &Request, response: &mut Response<'_>) -> brigade::Result<()> {
    response.write(b"hello")
}

#[test]
fn client_that_ends_its_side_at_once_gets_its_answer_from_a_thread() {
    serve(Settings::default(), hello, |mut client| {
        client.get("/");
        client.end_sending();
        assert_eq!(client.answer().body, b"hello");
        assert_eq!(client.end(), End::Closed);
    })
    .unwrap();
}

#[test]
fn client_that_leaves_between_two_requests_is_no_error_on_a_thread() {
    let served = serve(Settings::default(), hello, |mut client| {
        assert_eq!(client.ask("/").body, b"hello");
        client.reset();
    });
    assert!(served.is_ok(), "{served:?}");
}

#[test]
fn finished_response_does_not_wait_for_the_next_handler_on_a_thread() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let handler = move |request: &Request, response: &mut Response<'_>| {
        if request.path() == "/slow" {
            gone.recv().unwrap();
        }
        response.write(b"done")
    };
    serve(Settings::default(), handler, |mut client| {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.answer().body, b"done");
        go.send(()).unwrap();
        assert_eq!(client.answer().body, b"done");
    })
    .unwrap();
}

#[test]
fn endless_handler_learns_that_head_wants_no_body_on_a_thread() {
    let endless = |_: &Request, response: &mut Response<'_>| loop {
        response.write(&[b'x'; 1000])?;
    };
    serve(Settings::default(), endless, |mut client| {
        for _ in 0..2 {
            client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
            assert!(client.head().starts_with("HTTP/1.1 200 "));
        }
    })
    .unwrap();
}

#[test]
fn time_limits_of_nothing_and_of_more_than_all_clocks_work_on_a_thread() {
    let settings = Settings::default()
        .header_timeout(Duration::MAX)
        .keep_alive_timeout(Duration::MAX)
        .write_timeout(Duration::ZERO);
    let served = serve(settings, hello, |mut client| {
        assert_eq!(client.ask("/").body, b"hello");
        client.send("GET / HT");
        client.send("TP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.answer().body, b"hello");
    });
    assert!(served.is_ok(), "{served:?}");
}
