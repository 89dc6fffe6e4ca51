//! TLS over any line that can be read and written, by rustls.
//!
//! Invariants: what is coded and has not left is at most one write's worth, 80 KiB; nothing more is taken
//! until it has gone, and it is told ([`Transport::held_bytes`]). An end that was not said (`close_notify`) is never read as one, and it is said
//! only by an orderly close.

use std::fmt;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brigade::{Error, ErrorKind, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::{Close, Duplex, Interest, More, Source, Transport};

/// The most bytes that are coded before the line has to take them, so that one system call carries what
/// the writer gives at a time: its limit, and the piece that passed it.
const CODED_LIMIT: usize = 80 * 1024;

/// The first bytes of a connection, and the first after it was [at rest](REST), go in records that fit a
/// segment each. A peer can decode nothing before it has a whole record, and a system that does not know
/// the way sends ten segments before it waits to hear from it: less than a record of 16 KiB.
const EARLY_BYTES: usize = 16 * 1024;
const EARLY_RECORD: usize = 1300;

/// A connection on which nothing was written for so long has forgotten how much its way can carry.
const REST: Duration = Duration::from_secs(1);

/// What coding adds to a record, at most: its head, a nonce, a tag.
const RECORD_OVERHEAD: usize = 32;
const RECORD_BYTES: usize = 16 * 1024;

/// TLS over a line: a transport that codes its bytes.
///
/// Server or client. The application hands in the configuration: certificates, protocols, and the
/// provider of cryptography. Hands are shaken by the first read or write, so a chain's writer may wait
/// until the line can be *read* ([`waits_for`](Transport::waits_for)). Files cannot go unread. Data goes
/// in records of 16 KiB, one vectored write for up to five of them; the first 16 KiB of a connection, and
/// those after a second without a write, in records that fit a segment, so that the peer can decode what
/// comes first while the rest is on its way.
///
/// [`Close::Orderly`] says that this is all (`close_notify`), and may have to be called again, when the
/// line has no room for it. [`Close::Reset`], and dropping it, say nothing: the peer can tell that what it
/// read is not whole.
///
/// Over a line that waits, it is for one thread: whoever reads keeps others from writing meanwhile.
/// Set the time limits of both directions, since a write may have to read.
///
/// Models `mod_ssl`'s connection filters, as a transport: what lies between the writer and the line can
/// neither be left out nor put in the wrong place.
///
/// ```no_run
/// # fn config() -> Arc<rustls::ServerConfig> { unimplemented!("certificates are the application's") }
/// use std::net::TcpListener;
/// use std::sync::Arc;
///
/// use brigade::Chain;
/// use brigade_net::{NetworkWriter, StdTransport, TlsTransport, rustls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Arc<rustls::ServerConfig> = config();
/// let (socket, _) = TcpListener::bind("127.0.0.1:8443")?.accept()?;
/// let transport = TlsTransport::server(StdTransport::new(socket), config)?;
/// let mut chain = Chain::new(NetworkWriter::new(transport));
/// chain.write(b"nobody in between reads this")?;
/// chain.flush()?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "mod_ssl")]
pub struct TlsTransport<T: Duplex> {
    session: Arc<Mutex<Session<T>>>,
}

/// TLS over a line, read from.
///
/// It answers 0 only when the peer said that this is all; a peer that went away without saying so is
/// [`io::ErrorKind::UnexpectedEof`], or the line's own error: what was read may not be whole.
pub struct TlsSource<T: Duplex> {
    session: Arc<Mutex<Session<T>>>,
}

struct Session<T: Duplex> {
    tls: Connection,
    line: T,
    source: T::Source,
    more: More,          // What the last write said.
    waits_for: Interest, // What the last `WouldBlock` was about.
    is_ending: bool,     // The last word is said, and perhaps on its way.
    early_bytes: usize,  // So many more go in short records.
    written: Option<Instant>,
    coded_bytes: usize, // Coded and not sent: never less than there are.
}

impl<T: Duplex> TlsTransport<T> {
    /// Answers a client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when rustls cannot work with this configuration.
    pub fn server(line: T, config: Arc<ServerConfig>) -> Result<Self> {
        let server = ServerConnection::new(config).map_err(unusable)?;
        Ok(Self::over(line, server.into()))
    }

    /// Calls a server, which must prove that it is `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when rustls cannot work with this configuration.
    pub fn client(line: T, config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self> {
        let client = ClientConnection::new(config, name).map_err(unusable)?;
        Ok(Self::over(line, client.into()))
    }

    fn over(line: T, mut tls: Connection) -> Self {
        tls.set_buffer_limit(Some(CODED_LIMIT));
        let source = line.source();
        let session = Session {
            tls,
            line,
            source,
            more: More::None,
            waits_for: Interest::Writable,
            is_ending: false,
            early_bytes: EARLY_BYTES,
            written: None,
            coded_bytes: 0,
        };
        Self { session: Arc::new(Mutex::new(session)) }
    }

    /// Asks the session: which protocol was agreed on, who the peer is.
    pub fn with_session<R>(&self, ask: impl FnOnce(&Connection) -> R) -> R {
        ask(&lock(&self.session).tls)
    }

    /// The line below. What is written to it past the session breaks the session.
    pub fn with_line<R>(&self, ask: impl FnOnce(&mut T) -> R) -> R {
        ask(&mut lock(&self.session).line)
    }
}

fn lock<T: Duplex>(session: &Mutex<Session<T>>) -> MutexGuard<'_, Session<T>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unusable(cause: rustls::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, "begin a TLS session").because(cause)
}

impl<T: Duplex> Transport for TlsTransport<T> {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        lock(&self.session).write(slices, more)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut session = lock(&self.session);
        let more = session.more;
        session.send(more)
    }

    fn held_bytes(&self) -> usize {
        lock(&self.session).coded_bytes
    }

    fn waits_for(&self) -> Interest {
        lock(&self.session).waits_for
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        lock(&self.session).close(how)
    }
}

impl<T: Duplex> Duplex for TlsTransport<T> {
    type Source = TlsSource<T>;

    fn source(&self) -> TlsSource<T> {
        TlsSource { session: Arc::clone(&self.session) }
    }
}

impl<T: Duplex> Source for &TlsSource<T> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        lock(&self.session).read(room)
    }

    fn wait(&mut self) -> io::Result<()> {
        lock(&self.session).wait()
    }

    fn waits_for(&self) -> Interest {
        lock(&self.session).waits_for
    }
}

impl<T: Duplex> Source for TlsSource<T> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self).read(room)
    }

    fn wait(&mut self) -> io::Result<()> {
        (&*self).wait()
    }

    fn waits_for(&self) -> Interest {
        (&self).waits_for()
    }
}

impl<T: Duplex> Session<T> {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        if self.is_ending {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        while self.tls.is_handshaking() {
            self.exchange()?;
        }
        // What was coded before goes first, so that never more than one write's worth waits.
        self.send(More::Follows)?;
        self.more = more;
        let now = Instant::now();
        if self.written.replace(now).is_some_and(|before| now - before >= REST) {
            self.early_bytes = EARLY_BYTES;
        }
        if self.early_bytes > 0 {
            return self.code_early(slices);
        }
        let count = self.tls.writer().write_vectored(slices)?;
        self.coded_bytes += count + count.div_ceil(RECORD_BYTES) * RECORD_OVERHEAD;
        Ok(count)
    }

    /// Codes short records, and no more than may be short.
    fn code_early(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut total = 0;
        for record in slices.iter().flat_map(|slice| slice.chunks(EARLY_RECORD)) {
            if self.early_bytes == 0 {
                break;
            }
            let record = &record[..record.len().min(self.early_bytes)];
            let count = self.tls.writer().write(record)?;
            self.early_bytes -= count;
            self.coded_bytes += count + RECORD_OVERHEAD;
            total += count;
            if count < record.len() {
                break;
            }
        }
        Ok(total)
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.exchange()?,
                answer => return answer,
            }
        }
    }

    /// Waits until there are bytes, or the end.
    fn wait(&mut self) -> io::Result<()> {
        loop {
            self.tls.process_new_packets().map_err(|cause| self.broken(cause))?;
            // Reading no bytes would not tell an end that nobody said.
            match self.tls.reader().fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // An end of either kind is for `read` to tell.
                _ => return Ok(()),
            }
            self.exchange()?;
        }
    }

    /// Sends what the session has to say, and takes in what the peer says next.
    fn exchange(&mut self) -> io::Result<()> {
        match self.send(More::None) {
            // The peer may have to be heard before it takes more.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.tls.wants_read() => {}
            sent => sent?,
        }
        // A peer that said that this is all while hands are shaken says nothing more.
        if self.tls.wants_read() { self.receive() } else { Err(left()) }
    }

    /// Sends what is coded.
    fn send(&mut self, more: More) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Outgoing(&mut self.line, more)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.coded_bytes = self.coded_bytes.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.line_failed(error)),
            }
        }
        self.coded_bytes = 0;
        self.line.flush().map_err(|error| self.line_failed(error))
    }

    /// Takes in what the peer sent.
    fn receive(&mut self) -> io::Result<()> {
        // The session makes room for what it reads: not before there is something.
        let received = self.source.wait().and_then(|()| {
            let source = &mut self.source;
            self.tls.read_tls(&mut Incoming(source))
        });
        match received {
            Ok(0) if self.tls.is_handshaking() => return Err(left()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => {
                if error.kind() == io::ErrorKind::WouldBlock {
                    self.waits_for = self.source.waits_for();
                }
                return Err(error);
            }
        }
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(cause) => {
                // The peer is told why, if the line takes it.
                let _ = self.send(More::None);
                Err(self.broken(cause))
            }
        }
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        if how == Close::Orderly {
            if !std::mem::replace(&mut self.is_ending, true) {
                self.tls.send_close_notify();
            }
            self.send(More::None)?;
        }
        self.line.close(how)
    }

    fn line_failed(&mut self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::WouldBlock {
            self.waits_for = self.line.waits_for();
        }
        error
    }

    fn broken(&self, cause: rustls::Error) -> io::Error {
        let is_handshaking = self.tls.is_handshaking();
        io::Error::new(io::ErrorKind::InvalidData, Broken { is_handshaking, cause })
    }
}

fn left() -> io::Error {
    let context = "the peer left before hands were shaken over TLS";
    io::Error::new(io::ErrorKind::ConnectionAborted, context)
}

/// What the session writes goes to the line.
struct Outgoing<'s, T>(&'s mut T, More);

impl<T: Transport> Write for Outgoing<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&[IoSlice::new(bytes)], self.1)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(slices, self.1)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the session reads comes from the line.
struct Incoming<'s, S>(&'s mut S);

impl<S: Source> Read for Incoming<'_, S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

/// The session failed: what came is not what the protocol allows, or a side does not trust the other.
#[derive(Debug)]
struct Broken {
    is_handshaking: bool,
    cause: rustls::Error,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_handshaking { "shake hands over TLS" } else { "go on with TLS" })
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl<T: Duplex> fmt::Debug for TlsTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = lock(&self.session);
        f.debug_struct("TlsTransport")
            .field("version", &session.tls.protocol_version())
            .field("is_handshaking", &session.tls.is_handshaking())
            .field("is_ending", &session.is_ending)
            .finish_non_exhaustive()
    }
}

impl<T: Duplex> fmt::Debug for TlsSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSource").finish_non_exhaustive()
    }
}
