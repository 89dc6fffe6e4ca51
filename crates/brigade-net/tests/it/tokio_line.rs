//! Sockets of tokio: never waits, never loses a wake-up, and files go by `sendfile` there too.

use std::sync::Arc;
use std::time::Duration;

use brigade::{Brigade, Bucket, BucketAlloc, Chain, ErrorKind, Progress, ReadMode};
use brigade_net::{Close, NetworkReader, NetworkWriter, TokioTransport, Transport};
use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::kit::{FILE, PATTERN, fill};

type Writer = NetworkWriter<TokioTransport>;

/// Longer than any of these tests takes: so that a broken one ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two ends of a connection whose buffers are as small as the system lets them be.
async fn connection() -> (Arc<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sockopt::set_socket_recv_buffer_size(&listener, 512).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    sockopt::set_socket_send_buffer_size(&near, 512).unwrap();
    (Arc::new(near), far)
}

fn chain(socket: &Arc<TcpStream>) -> Chain {
    let writer = NetworkWriter::new(TokioTransport::new(Arc::clone(socket)));
    Chain::new(writer).mode(ReadMode::NonBlocking)
}

/// Gives away all that was asked to go.
async fn drain(chain: &mut Chain, socket: &TcpStream) {
    while chain.progress() == Progress::Pending {
        timeout(PATIENCE, socket.writable()).await.expect("the peer takes more").unwrap();
        let _ = chain.resume().unwrap();
    }
}

#[tokio::test]
async fn a_slow_reader_gets_every_byte_and_files_go_unread() {
    let (near, mut far) = connection().await;
    let reader = tokio::spawn(async move {
        let mut received = Vec::new();
        let mut room = [0; 1000];
        loop {
            match far.read(&mut room).await.unwrap() {
                0 => return received,
                count => received.extend_from_slice(&room[..count]),
            }
            yield_now().await;
        }
    });
    let mut chain = chain(&near);
    let mut expected = Vec::new();
    for round in 0..5 {
        let pieces = [3000, 20, 30_000, 1, 2048, 8192].map(|len| &PATTERN[round..round + len]);
        let mut brigade: Brigade<'_> = pieces.into_iter().map(Bucket::transient).collect();
        brigade.insert_file(Arc::clone(&FILE), round as u64, 300_000);
        brigade.push_back(Bucket::flush());
        brigade.push_back(Bucket::transient(b"and a tail"));
        chain.pass(&mut brigade).unwrap();
        assert!(chain.should_yield(), "the file is not gone yet");
        assert!(chain.held_bytes() < 50_000, "{} bytes", chain.held_bytes());
        drain(&mut chain, &near).await;
        expected.extend_from_slice(&pieces.concat());
        expected.extend_from_slice(&PATTERN[round..round + 300_000]);
        expected.extend_from_slice(b"and a tail");
    }
    chain.flush().unwrap();
    drain(&mut chain, &near).await;
    let stats = chain.terminal::<Writer>().unwrap().stats();
    assert_eq!((stats.bytes_written, stats.file_bytes), (expected.len() as u64, 1_500_000));
    drop((chain, near));
    let received = timeout(PATIENCE, reader).await.expect("it ends").unwrap();
    assert!(received == expected);
}

#[tokio::test]
async fn a_reader_that_stops_and_goes_on_never_leaves_the_writer_asleep() {
    let (near, mut far) = connection().await;
    let (go, mut may_read) = tokio::sync::mpsc::unbounded_channel::<usize>();
    let reader = tokio::spawn(async move {
        let mut room = vec![0; 100_000];
        let mut at = 0;
        while let Some(mut count) = may_read.recv().await {
            while count > 0 {
                let here = count.min(100_000 - at);
                far.read_exact(&mut room[..here]).await.unwrap();
                assert!(room[..here] == PATTERN[at..at + here], "from byte {at} on");
                at = (at + here) % 100_000;
                count -= here;
            }
        }
    });
    let mut chain = chain(&near);
    let mut left = 0;
    for round in 0..300 {
        chain.pass_bucket(Bucket::transient(&PATTERN[..100_000])).unwrap();
        chain.flush().unwrap();
        left += 100_000;
        // Now and then the peer reads less than it is sent, and all the rest later.
        let reads = if round % 3 == 2 { left } else { 20_000 };
        go.send(reads).unwrap();
        left -= reads;
        if left == 0 {
            drain(&mut chain, &near).await;
            assert_eq!(chain.held_bytes(), 0);
        }
    }
    drop(go);
    timeout(PATIENCE, reader).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_reset_reaches_the_peer_though_others_share_the_socket() {
    let (near, mut far) = connection().await;
    let mut transport = TokioTransport::new(Arc::clone(&near));
    let _reader = transport.source();
    transport.close(Close::Reset).unwrap();
    let error = far.read(&mut [0]).await.expect_err("a reset is no end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_orderly_close_lets_the_peer_read_to_the_end_and_answer() {
    let (near, mut far) = connection().await;
    let mut chain = chain(&near);
    chain.write(b"last words").unwrap();
    chain.flush().unwrap();
    drain(&mut chain, &near).await;
    let writer = chain.terminal::<Writer>().unwrap();
    let source = writer.transport().source();
    writer.transport_mut().close(Close::Orderly).unwrap();
    let mut received = Vec::new();
    far.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"last words");
    far.write_all(b"good-bye").await.unwrap();
    drop(far);

    let mut reader = NetworkReader::new(1000);
    loop {
        near.readable().await.unwrap();
        match fill(&mut reader, chain.alloc(), &source) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert_eq!(reader.bytes(), b"good-bye");
}

#[tokio::test]
async fn a_source_that_has_nothing_does_not_wait() {
    let (near, far) = connection().await;
    let source = TokioTransport::new(near).source();
    let mut reader = NetworkReader::new(1000);
    let error = fill(&mut reader, &mut BucketAlloc::new(), &source).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    drop(far);
}
