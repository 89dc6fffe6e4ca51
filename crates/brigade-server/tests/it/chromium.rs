//! A headless Chromium, driven through its pipe: for pages that must be seen to live.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// One browser with one page; it ends with the value, and by itself after three minutes.
pub(crate) struct Chromium {
    process: Child,
    to: File,
    from: BufReader<File>,
    session: Option<String>,
    asked: u64,
    _profile: TempDir,
}

impl Chromium {
    /// Starts it, where it is installed; says so where it is not.
    pub(crate) fn start() -> Option<Self> {
        if Command::new("chromium").arg("--version").output().is_err() {
            eprintln!("passed over: there is no chromium here");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let pipe = |name: &str| {
            let path = profile.path().join(name);
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            path
        };
        let (asks, tells) = (pipe("asks"), pipe("tells"));
        let process = start(profile.path(), &asks, &tells);
        // In the order in which the shell opens them: each waits for the other side.
        let to = File::options().write(true).open(asks).unwrap();
        let from = BufReader::new(File::open(tells).unwrap());
        let mut this = Self { process, to, from, session: None, asked: 0, _profile: profile };
        let target = this.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = this.ask("Target.attachToTarget", &attach);
        this.session = attached["sessionId"].as_str().map(str::to_owned);
        Some(this)
    }

    /// Goes to a page.
    pub(crate) fn open(&mut self, url: &str) {
        self.ask("Page.navigate", &json!({ "url": url }));
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", &ask);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    #[track_caller]
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let mut ask = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(session) = &self.session {
            ask["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{ask}\0").as_bytes()).expect("chromium listens");
        loop {
            let mut told = Vec::new();
            self.from.read_until(0, &mut told).unwrap();
            assert!(told.pop() == Some(0), "{method}: chromium has ended");
            let told: Value = serde_json::from_slice(&told).unwrap();
            if told["id"] == self.asked {
                assert!(told["error"].is_null(), "{method}: {told}");
                return told["result"].clone();
            }
        }
    }
}

fn start(profile: &Path, asks: &Path, tells: &Path) -> Child {
    let script =
        "asks=$1 tells=$2; shift 2; exec timeout 180 chromium \"$@\" 3<\"$asks\" 4>\"$tells\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(asks).arg(tells);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]);
    command.arg(format!("--user-data-dir={}", profile.join("profile").display()));
    command.arg("about:blank").stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a shell can be started")
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // `timeout` hands the signal on, to whoever it started.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let _ = self.process.wait();
    }
}
