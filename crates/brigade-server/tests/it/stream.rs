//! `brigade stream` from outside: what it prints, what the models cost, and how it fails.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const FIELDS: [&str; 11] = [
    "model",
    "writes",
    "bytes",
    "seconds",
    "ns_per_write",
    "rss_before_kib",
    "rss_peak_kib",
    "rss_after_kib",
    "blocks_created",
    "blocks_reused",
    "syscalls",
];

fn brigade(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    brigade(arguments).output().expect("the command starts")
}

/// Runs `brigade stream --json` and answers with what it prints.
#[track_caller]
fn figures(arguments: &[&str]) -> Value {
    let output = output(&[&["stream", "--json"], arguments].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    assert_eq!(stderr, "", "nothing but the figures is printed into a pipe");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[track_caller]
fn number(figures: &Value, field: &str) -> u64 {
    figures[field].as_u64().unwrap_or_else(|| panic!("{field} in {figures}"))
}

fn grown_kib(figures: &Value) -> u64 {
    number(figures, "rss_peak_kib").saturating_sub(number(figures, "rss_before_kib"))
}

#[track_caller]
fn check_refused(arguments: &[&str], because: &str) {
    let output = output(&[&["stream"], arguments].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}: figures of a run that was refused");
    assert!(stderr.contains(because), "{arguments:?}: {stderr}");
}

#[track_caller]
fn check_sizes(model: &str) {
    for (writes, size) in [("1", "1"), ("3", "100_000"), ("5k", "1Ki"), ("70_000", "1")] {
        let run = figures(&["--model", model, "--writes", writes, "--size", size]);
        assert_eq!(run["model"], model);
        assert!(number(&run, "bytes") >= number(&run, "writes"), "{run}");
    }
}

#[test]
fn stream_of_one_model_as_json_is_one_object_with_the_promised_fields() {
    let run = figures(&["--model", "bare", "--writes", "10k", "--size", "100"]);
    let object = run.as_object().expect("one object");
    let mut fields: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut expected = FIELDS;
    fields.sort_unstable();
    expected.sort_unstable();
    assert_eq!(fields, expected);
    assert_eq!((number(&run, "writes"), number(&run, "bytes")), (10_000, 1_000_000));
    assert!(run["seconds"].as_f64() > Some(0.0), "{run}");
    assert!(run["ns_per_write"].as_f64() > Some(0.0), "{run}");
}

#[test]
fn stream_of_all_models_as_json_is_an_array_with_the_same_body_for_each() {
    let runs = figures(&["--writes", "20k"]);
    let runs = runs.as_array().expect("an array");
    let models: Vec<&str> = runs.iter().filter_map(|run| run["model"].as_str()).collect();
    assert_eq!(models, ["bare", "brigade", "pool"]);
    for run in runs {
        assert_eq!((number(run, "writes"), number(run, "bytes")), (20_000, 640_000));
    }
}

#[test]
fn bare_stays_flat_and_makes_one_system_call_a_64_kib() {
    let run = figures(&["--model", "bare"]);
    assert!(grown_kib(&run) <= 1024, "{run}");
    // 32 MB in 64 KiB each, and the head; a blocking socket takes a write whole.
    assert_eq!(number(&run, "syscalls"), 490, "{run}");
}

#[test]
fn pool_grows_by_64_bytes_a_write_until_the_request_ends() {
    let run = figures(&["--model", "pool"]);
    // 64 MB, less what the first 2,048 writes took before the measurement.
    assert!((61_000..=64_000).contains(&grown_kib(&run)), "{run}");
    assert!(number(&run, "rss_after_kib") < number(&run, "rss_peak_kib"), "{run}");
}

#[test]
fn brigade_stays_flat_in_a_few_blocks_that_come_back() {
    for filters in [&[][..], &["--filter", "pass", "--filter", "pass", "--filter", "pass"][..]] {
        let run = figures(&[&["--model", "brigade"], filters].concat());
        assert!(grown_kib(&run) <= 1024, "{run}");
        assert!(number(&run, "blocks_created") <= 32, "{run}");
        assert!(number(&run, "blocks_reused") > 1000, "{run}");
    }
}

#[test]
fn flush_after_every_so_many_writes_is_one_system_call_each() {
    for model in ["bare", "brigade", "pool"] {
        for (every, flushes) in [("1", 2000), ("7", 285), ("2000", 1), ("3000", 0)] {
            let flush = ["--writes", "2k", "--flush-every", every];
            let run = figures(&[&["--model", model][..], &flush[..]].concat());
            let syscalls = number(&run, "syscalls");
            assert!((flushes..=flushes + 2).contains(&syscalls), "every {every}: {run}");
        }
    }
}

#[test]
fn body_of_any_number_and_size_of_writes_arrives_right() {
    for model in ["bare", "brigade", "pool"] {
        check_sizes(model);
    }
}

#[test]
fn stream_without_json_prints_a_plain_table_and_a_sentence_into_a_pipe() {
    let output = output(&["stream", "--model", "pool", "--writes", "100k"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && output.stderr.is_empty(), "{text}");
    assert!(text.starts_with("32 bytes a write, no flush before the end\n\nmodel "), "{text}");
    let mut rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert!(rows.any(|row| row == ["writes", "100,000"]), "{text}");
    assert!(text.contains("\n\nOver 100,000 writes: pool grew by "), "{text}");
    assert!(text.ends_with(" bytes for each write.\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours in a pipe: {text}");
}

#[test]
fn plot_is_drawn_into_the_file_and_the_figures_are_printed_all_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("memory.svg");
    let path = file.to_str().expect("a name in UTF-8");
    let run = figures(&["--model", "pool", "--writes", "100k", "--plot", path]);
    assert_eq!(number(&run, "writes"), 100_000);
    let svg = std::fs::read_to_string(&file).expect("the plot");
    assert!(svg.starts_with("<svg") && svg.contains("pool: grew by "), "{svg}");
    check_refused_plot(&folder.path().join("none").join("memory.svg"));
}

/// The run is done and paid for: its figures are printed before the plot is found impossible.
#[track_caller]
fn check_refused_plot(file: &std::path::Path) {
    let path = file.to_str().expect("a name in UTF-8");
    let output = output(&["stream", "--model", "bare", "--writes", "1k", "--plot", path]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains(&format!("draw the plot into {path}")), "{stderr}");
    assert!(!output.stdout.is_empty(), "{stderr}");
}

#[test]
fn arguments_that_make_no_stream_are_refused_with_the_reason() {
    check_refused(&["--writes", "0"], "must be at least 1");
    check_refused(&["--size", "0"], "must be at least 1");
    check_refused(&["--size", "1Gi"], "at most 16.0 MiB");
    check_refused(&["--writes", "10m"], "`m` is no unit");
    check_refused(&["--writes", "18446744073709551615"], "more bytes than 64 bits count");
    check_refused(&["--model", "bare", "--filter", "pass"], "needs the `brigade` model");
    check_refused(&["--model", "brigade", "--filter", "no-such-filter"], "no-such-filter");
}

/// A serving process as `stream` starts it, and the port it tells.
fn server(arguments: &[&str]) -> (Child, BufReader<impl Read>, u16) {
    let arguments = [&["stream-server", "--model=bare"], arguments].concat();
    let mut server =
        brigade(&arguments).stdout(Stdio::piped()).spawn().expect("the command starts");
    let mut lines = BufReader::new(server.stdout.take().expect("a piped output"));
    let line = next_line(&mut lines);
    let port = line["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
    (server, lines, port)
}

#[track_caller]
fn next_line(lines: &mut impl BufRead) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

#[test]
fn server_whose_client_leaves_says_so_and_ends() {
    let (mut server, mut lines, port) = server(&["--writes=1G"]);
    drop(TcpStream::connect(("127.0.0.1", port)).expect("the server listens"));
    let line = next_line(&mut lines);
    let why = line["failed"].as_str().unwrap_or_else(|| panic!("{line}"));
    assert!(why.starts_with("serve the `bare` model: "), "{why}");
    assert!(!server.wait().expect("it ends").success());
}

#[test]
fn server_does_not_outlive_the_command_that_started_it() {
    let arguments = ["stream", "--model", "bare", "--writes", "100G"];
    let mut command = brigade(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let children = format!("/proc/{0}/task/{0}/children", command.id());
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::read_to_string(&children).expect("procfs lists children").is_empty() {
        assert!(Instant::now() < deadline, "no server was started");
        std::thread::yield_now();
    }
    command.kill().expect("it runs");
    command.wait().expect("it was killed");
    // The server has inherited this pipe: it ends when the last process that holds it does.
    let mut text = String::new();
    let mut stderr = command.stderr.take().expect("a piped output");
    stderr.read_to_string(&mut text).expect("text");
    assert_eq!(text, "");
}

#[test]
fn stream_that_is_watched_tells_on_standard_error_what_goes_on_and_gives_the_same_figures() {
    let output = output(&["stream", "--model=brigade", "--writes=100k", "--live", "--json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let figures: Value = serde_json::from_slice(&output.stdout).expect("JSON, and nothing else");
    assert_eq!(number(&figures, "writes"), 100_000);
    let last = told.lines().last().expect("at least the end is told");
    assert!(last.starts_with("brigade: 100,000 of 100,000 writes, "), "{told}");
    assert!(last.contains(" resident; blocks: ") && last.contains("; held: "), "{told}");
    assert!(!told.contains('\x1b'), "plain where there is no terminal: {told}");
}
