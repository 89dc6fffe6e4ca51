//! A running `brigade serve`, ended with the test; and a client that shows what came, byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Whatever takes longer is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The body of the answer to a GET on a connection of its own.
#[track_caller]
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server closes in order");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    body.to_owned()
}

/// `brigade serve` as a process of its own.
pub(crate) struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    err: Option<BufReader<ChildStderr>>, // Only if it is piped.
    pub(crate) address: SocketAddr,
}

impl Served {
    /// Serves `dir` on a free port with these further arguments.
    #[track_caller]
    pub(crate) fn new(dir: &Path, args: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0"];
        Self::start(Command::new(env!("CARGO_BIN_EXE_brigade")), dir, &[&listen, args].concat(), 1)
            .0
    }

    /// Serves `dir` with at most so many descriptors open.
    #[track_caller]
    pub(crate) fn with_descriptors(limit: u32, dir: &Path, args: &[&str]) -> Self {
        let mut limited = Command::new("sh");
        let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        // It says of every file that it could not open it.
        limited.args(["-c", &script, env!("CARGO_BIN_EXE_brigade")]).stderr(Stdio::null());
        let listen = ["--listen", "127.0.0.1:0"];
        Self::start(limited, dir, &[&listen, args].concat(), 1).0
    }

    /// Serves `dir` at these places; answers where, as it was printed.
    #[track_caller]
    pub(crate) fn at(places: &[&str], dir: &Path, args: &[&str]) -> (Self, Vec<String>) {
        let listen: Vec<&str> = places.iter().flat_map(|place| ["--listen", place]).collect();
        let command = Command::new(env!("CARGO_BIN_EXE_brigade"));
        Self::start(command, dir, &[&listen, args].concat(), places.len())
    }

    /// Serves `dir` on a free port, and tells its status on another.
    #[track_caller]
    pub(crate) fn with_status(dir: &Path, args: &[&str]) -> (Self, SocketAddr) {
        let command = Command::new(env!("CARGO_BIN_EXE_brigade"));
        let places = ["--listen", "127.0.0.1:0", "--status", "127.0.0.1:0"];
        let (served, places) = Self::start(command, dir, &[&places, args].concat(), 2);
        let status = places[1].trim_start_matches("http://").trim_end_matches("/-/");
        (served, status.parse().expect("an address"))
    }

    /// Serves by the file `config`, which says one place or has it said by `args`.
    #[track_caller]
    pub(crate) fn configured(config: &Path, args: &[&str]) -> Self {
        Self::configured_at(config, args, 1).0
    }

    /// Serves by the file `config`, which says so many places; answers where, as it was printed.
    #[track_caller]
    pub(crate) fn configured_at(
        config: &Path,
        args: &[&str],
        places: usize,
    ) -> (Self, Vec<String>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
        command.args(["serve", "--config"]).arg(config).args(args);
        Self::run(command, places)
    }

    /// Serves by the file `config`, which says one place; what it complains of can be read.
    #[track_caller]
    pub(crate) fn complaining(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
        command.args(["serve", "--config"]).arg(config).stderr(Stdio::piped());
        Self::run(command, 1).0
    }

    #[track_caller]
    fn start(
        mut command: Command,
        dir: &Path,
        args: &[&str],
        places: usize,
    ) -> (Self, Vec<String>) {
        command.arg("serve").arg(dir).args(args);
        Self::run(command, places)
    }

    /// Runs it until it has printed so many places.
    #[track_caller]
    fn run(mut command: Command, places: usize) -> (Self, Vec<String>) {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the command can be started");
        let stdout = child.stdout.take().expect("it is piped");
        let err = child.stderr.take().map(BufReader::new);
        let mut out = BufReader::new(stdout);
        let places: Vec<String> = out
            .by_ref()
            .lines()
            .take(places)
            .map(|line| line.expect("it prints its address"))
            .map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
            .collect();
        let tcp = places.iter().find_map(|place| place.split("://").nth(1));
        let address = tcp.and_then(|address| address.trim_end_matches('/').parse().ok());
        let address = address.unwrap_or_else(|| panic!("an address in {places:?}"));
        (Self { child, out, err, address }, places)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Opens a connection whose reads and writes do not last for ever.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Opens a connection, unless nobody listens any more.
    pub(crate) fn connect_while_it_listens(&self) -> Option<TcpStream> {
        TcpStream::connect(self.address).ok()
    }

    /// Sends `request` and reads until the server closes.
    pub(crate) fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // A server that has refused by now does not read the rest.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the server closes in order");
        answer
    }

    /// Sends a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.expect("kill is everywhere").success());
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("it prints a line");
        line
    }

    /// What it complains of, to the line that ends so.
    pub(crate) fn complaint(&mut self, end: &str) -> String {
        let err = self.err.as_mut().expect("it is piped");
        let mut said = String::new();
        while !said.trim_end().ends_with(end) {
            assert!(err.read_line(&mut said).expect("text") > 0, "it ended: {said}");
        }
        said
    }

    /// What it says of its memory when it is asked.
    pub(crate) fn memory(&mut self) -> serde_json::Value {
        self.signal("USR1");
        serde_json::from_str(&self.line()).expect("a line of JSON")
    }

    /// Waits until the process has ended; says how.
    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        self.child.wait().expect("it can be waited for")
    }

    /// A number from the process's status, such as `VmRSS`.
    pub(crate) fn status(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }

    /// How many descriptors the process has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One response, read from a connection that stays open.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads a head, and the body that a Content-Length or chunks announce.
    pub(crate) fn read(from: &mut impl BufRead, has_body: bool) -> Self {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = from.read_line(&mut head).expect("a head");
            assert!(read > 0, "the connection ended in a head: {head:?}");
        }
        let mut answer = Self { head, body: Vec::new() };
        if !has_body {
            return answer;
        }
        if let Some(len) = answer.field("content-length") {
            answer.body = vec![0; len.parse().expect("a length")];
            from.read_exact(&mut answer.body).expect("the whole body");
        } else if answer.field("transfer-encoding").is_some() {
            while let Some(chunk) = read_chunk(from) {
                answer.body.extend(chunk);
            }
        }
        answer
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).expect("a status line").parse().expect("a status")
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Reads one chunk; `None` is the last.
pub(crate) fn read_chunk(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = String::new();
    from.read_line(&mut line).expect("a chunk's length");
    let len = usize::from_str_radix(line.trim_end(), 16).expect("a length in hex");
    let mut chunk = vec![0; len + 2];
    from.read_exact(&mut chunk).expect("a whole chunk");
    assert!(chunk.ends_with(b"\r\n"), "a chunk ends in CRLF");
    chunk.truncate(len);
    (len > 0).then_some(chunk)
}

/// How curl ends, and what it prints; `None` where there is no curl.
pub(crate) fn curl(args: &[&str]) -> Option<(Option<i32>, String)> {
    let mut curl = Command::new("curl");
    match curl.args(["--silent", "--max-time", "20"]).args(args).output() {
        Ok(out) => Some((out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())),
        Err(error) => {
            println!("passed over: curl cannot be run: {error}");
            None
        }
    }
}
