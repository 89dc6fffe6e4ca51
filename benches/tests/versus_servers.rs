//! `versus_servers` as a program: what it prints and how it ends, with wrk and without.

use std::path::Path;
use std::process::{Command, Output};

fn versus_servers(args: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_versus_servers"));
    let mut command = Command::new(program);
    command.args(args);
    // The tests of a whole workspace have built it already.
    let brigade = program.with_file_name("brigade");
    if brigade.exists() {
        command.arg("--brigade").arg(brigade);
    }
    command
}

fn output(command: &mut Command) -> (Output, String) {
    let output = command.output().expect("the program starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, words)
}

/// What it printed, if wrk is installed. If not, it must have said how to install it.
#[track_caller]
fn measured(args: &[&str]) -> Option<String> {
    let (output, words) = output(&mut versus_servers(args));
    if output.status.code() == Some(2) {
        assert!(words.contains("apt-get install wrk"), "it says {words:?}");
        return None;
    }
    assert!(output.status.success(), "it ends with {}: {words}", output.status);
    Some(String::from_utf8(output.stdout).expect("it prints text"))
}

const BRIEF: [&str; 4] = ["--seconds=1", "--rounds=1", "--connections=4", "--json"];

#[test]
fn static_row_has_a_figure_of_each_installed_server_and_the_ratio_to_the_best() {
    let Some(out) = measured(&[&BRIEF[..], &["static_1k"]].concat()) else { return };
    let row: serde_json::Value = serde_json::from_str(&out).expect("one object, on one line");
    assert_eq!(row["row"], "static_1k");
    let figures = row["requests_per_second"].as_object().expect("an object");
    assert!(figures.contains_key("brigade") && figures.contains_key("axum"), "{row}");
    assert!(figures.values().all(|figure| figure.as_f64().is_some_and(|figure| figure > 0.0)));
    assert!(row["body_bytes"].as_object().expect("an object").values().all(|bytes| bytes == 1024));
    let of = |name: &str| figures[name].as_f64().expect("a figure");
    let best = row["best"].as_str().expect("somebody is the best");
    assert!(figures.keys().all(|name| name == "brigade" || of(name) <= of(best)), "{row}");
    let ratio = row["ratio"].as_f64().expect("a ratio");
    assert!((of("brigade") / of(best) - ratio).abs() < 0.001, "{row}");
    assert_eq!(row["met"].as_bool(), Some(ratio >= 1.0), "{row}");
}

#[test]
fn compressed_row_beside_axum_is_of_bodies_of_one_length() {
    let Some(out) = measured(&[&BRIEF[..], &["gzip_64k", "--peer=axum"]].concat()) else { return };
    let row: serde_json::Value = serde_json::from_str(&out).expect("one object, on one line");
    let bytes = |name: &str| row["body_bytes"][name].as_f64().expect("a length");
    assert!((bytes("axum") / bytes("brigade") - 1.0).abs() <= 0.02, "one codec: {row}");
    assert_eq!((&row["best"], row["left_out"].as_array().map(Vec::len)), (&"axum".into(), Some(0)));
    assert!(row["met"].is_null() || row["met"] == false, "nginx was not asked: {row}");
}

#[test]
fn table_ends_with_how_many_goals_are_met_and_the_plot_shows_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let plot = format!("--plot={}", dir.path().join("plot.svg").display());
    let args = ["--seconds=1", "--rounds=1", "static_64k", "--peer=axum", &plot];
    let Some(out) = measured(&args) else { return };
    assert!(out.lines().any(|line| line.starts_with("static_64k")), "{out}");
    assert!(!out.contains("static_1k") && !out.contains("nginx"), "{out}");
    assert!(out.lines().last().is_some_and(|line| line.contains("of 1 rows are met")), "{out}");
    let plot = std::fs::read_to_string(dir.path().join("plot.svg")).expect("a plot");
    assert!(plot.contains("static_64k") && plot.contains("brigade"), "{plot}");
}

#[test]
fn without_wrk_it_says_what_to_install_and_ends_with_2() {
    let (output, words) = output(versus_servers(&[]).env("PATH", "/nowhere"));
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(words.contains("apt-get install wrk nginx-light lighttpd apache2"), "{words}");
    assert!(output.stdout.is_empty());
}

#[test]
fn help_explains_every_row_and_an_unknown_one_is_refused_with_those_there_are() {
    let (help, _) = output(&mut versus_servers(&["--help"]));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for row in ["static_1k", "static_64k", "static_1m", "gzip_64k"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(row)), "no line on {row}");
    }
    let (refused, words) = output(&mut versus_servers(&["static_2k"]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(words.contains("static_1k"), "{words}");
}
