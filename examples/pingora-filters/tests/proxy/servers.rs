//! `brigade serve` with the proxy in front of it, ended with the test; and curl.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

/// Whatever takes longer is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The command `brigade`, built by the same cargo.
static BRIGADE: LazyLock<PathBuf> = LazyLock::new(|| {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "brigade-server", "--message-format=json"])
        .args(["--manifest-path", workspace])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    let is_built = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(message["executable"].as_str()?.into())
    };
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    messages.lines().find_map(is_built).expect("cargo says where the command is")
});

/// A directory, served by `brigade serve`, behind the proxy.
pub(crate) struct Proxied {
    processes: [Child; 2],
    pub(crate) address: SocketAddr,
}

impl Proxied {
    /// Serves `dir` through the filters of these SPECs; through those of the README without any.
    #[track_caller]
    pub(crate) fn new(dir: &Path, specs: &[&str]) -> Self {
        let mut serve = Command::new(&*BRIGADE);
        serve.arg("serve").arg(dir).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut upstream = serve.spawn().expect("the command can be started");
        let mut line = String::new();
        let out = upstream.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it prints its address");
        let at = line.trim_end().trim_end_matches('/').rsplit("://").next().unwrap_or_default();

        let address = free_address();
        let mut proxy = Command::new(env!("CARGO_BIN_EXE_pingora-filters"));
        proxy.args([&address.to_string(), at]).args(specs);
        let proxy = proxy.stdout(Stdio::null()).spawn().expect("the proxy can be started");
        let proxied = Self { processes: [upstream, proxy], address };
        // Pingora does not say when it listens.
        let asked = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(asked.elapsed() < PATIENCE, "the proxy does not listen on {address}");
            thread::sleep(Duration::from_millis(10));
        }
        proxied
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free")
}

/// How curl ends, the head that it was given last, and the decoded body. `None`, visibly, where there
/// is no curl.
pub(crate) fn curl(url: &str, args: &[&str]) -> Option<(Option<i32>, String, Vec<u8>)> {
    let dump = tempfile::NamedTempFile::new().expect("a place for the head");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--compressed", "--max-time", "20", "--dump-header"]).arg(dump.path());
    let out = match curl.args(args).arg(url).output() {
        Ok(out) => out,
        Err(error) => {
            println!("passed over: curl cannot be run: {error}");
            return None;
        }
    };
    let heads = std::fs::read_to_string(dump.path()).expect("a head of text").replace('\r', "");
    let head = heads.trim_end().rsplit("\n\n").next().unwrap_or_default().to_ascii_lowercase();
    Some((out.status.code(), head, out.stdout))
}
