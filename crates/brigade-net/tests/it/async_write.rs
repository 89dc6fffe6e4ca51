//! Whatever tokio can write to: flushed through, shut down, and no wake-up lost.

use std::io::IoSlice;

use brigade::{Bucket, Chain, Progress, ReadMode};
use brigade_net::{AsyncWriteTransport, Close, More, NetworkWriter, Readiness, Transport};
use tokio::io::{AsyncReadExt, BufWriter, DuplexStream, duplex};
use tokio::time::timeout;

use crate::kit::PATTERN;
use crate::suite::PATIENCE;

async fn drain(chain: &mut Chain, readiness: &Readiness) {
    while chain.progress() == Progress::Pending {
        timeout(PATIENCE, readiness.ready()).await.expect("the peer takes more");
        let _ = chain.resume().unwrap();
    }
}

#[tokio::test]
async fn a_flush_goes_through_what_buffers() {
    let (near, mut far) = duplex(1000);
    let transport = AsyncWriteTransport::new(BufWriter::new(near));
    let readiness = transport.readiness();
    let mut chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
    chain.write(b"small").unwrap();
    chain.flush().unwrap();
    drain(&mut chain, &readiness).await;
    let mut received = [0; 5];
    timeout(PATIENCE, far.read_exact(&mut received)).await.expect("it has left").unwrap();
    assert_eq!(&received, b"small");
}

#[tokio::test]
async fn an_orderly_close_shuts_it_down_after_the_last_byte() {
    let (near, mut far) = duplex(10);
    let mut near = AsyncWriteTransport::new(BufWriter::new(near));
    let readiness = near.readiness();
    let slices = [IoSlice::new(b"more than "), IoSlice::new(b"ten bytes")];
    assert_eq!(near.write(&slices, More::None).unwrap(), 19);
    let reader = tokio::spawn(async move {
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.map(|_| received)
    });
    while let Err(error) = near.close(Close::Orderly) {
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        timeout(PATIENCE, readiness.ready()).await.expect("the peer takes more");
    }
    assert_eq!(timeout(PATIENCE, reader).await.unwrap().unwrap().unwrap(), b"more than ten bytes");
}

#[tokio::test]
async fn a_wake_up_that_comes_before_somebody_waits_is_remembered() {
    let (near, mut far) = duplex(10);
    let transport = AsyncWriteTransport::new(near);
    let readiness = transport.readiness();
    let mut chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
    chain.pass_bucket(Bucket::transient(&PATTERN[..15])).unwrap();
    chain.flush().unwrap();
    // The peer makes room, and the waker is called, while nobody waits.
    let mut received = [0; 15];
    far.read_exact(&mut received[..10]).await.unwrap();
    timeout(PATIENCE, readiness.ready()).await.expect("it was woken");
    assert_eq!(chain.resume().unwrap(), Progress::Done);
    far.read_exact(&mut received[10..]).await.unwrap();
    assert_eq!(received, PATTERN[..15]);
}

#[tokio::test]
async fn a_reset_drops_it_and_refuses_what_comes_after() {
    let (near, mut far) = duplex(10);
    let mut near: AsyncWriteTransport<DuplexStream> = AsyncWriteTransport::new(near);
    near.close(Close::Reset).unwrap();
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    let error = near.write(&[IoSlice::new(b"x")], More::None).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
}
