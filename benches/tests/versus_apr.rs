//! `versus_apr` as a program: what it prints and how it ends, with APR and without.

use std::process::{Command, Output};

const OPS: [&str; 14] = [
    "transient",
    "transient_8",
    "heap_copy_32",
    "heap_copy_8192",
    "gather_32",
    "split",
    "io_slices_64",
    "flatten_64x128",
    "flatten_neighbours",
    "partition_4000",
    "split_line_80",
    "set_aside_16x100",
    "file_mmap",
    "file_read",
];

fn versus_apr(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_versus_apr"));
    command.args(args).output().expect("the program starts")
}

/// What it printed, if APR is installed. If not, it must have said how to install it.
#[track_caller]
fn measured(args: &[&str]) -> Option<String> {
    let output = versus_apr(args);
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(2) {
        assert!(err.contains("apt-get install libaprutil1-dev"), "it says {err:?}");
        return None;
    }
    assert!(output.status.success(), "it ends with {}: {err}", output.status);
    Some(out.expect("it prints text"))
}

#[test]
fn json_is_an_object_a_row_with_the_ratio_of_its_two_figures() {
    let Some(out) = measured(&["--json", "--rounds", "1"]) else { return };
    let rows: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("a line is an object")).collect();
    assert_eq!(rows.iter().filter_map(|row| row["op"].as_str()).collect::<Vec<_>>(), OPS);
    for row in rows {
        let figure = |name: &str| row[name].as_f64().expect(name);
        let (ours, apr, ratio) = (figure("ours_ns"), figure("apr_ns"), figure("ratio"));
        assert!(ours > 0.0 && apr > 0.0, "{row}");
        assert!((ours / apr - ratio).abs() < 0.01 * ratio + 0.001, "{row}");
    }
}

#[test]
fn a_table_of_the_named_rows_ends_with_how_many_goals_are_met() {
    let Some(out) = measured(&["--rounds", "1", "split", "file_read"]) else { return };
    let ops: Vec<&str> = out.lines().filter_map(|line| line.split("  ").next()).collect();
    assert!(ops.contains(&"split") && ops.contains(&"file_read"), "{out}");
    assert!(!ops.contains(&"transient"), "{out}");
    assert!(out.lines().last().is_some_and(|line| line.contains("of 2 goals met")), "{out}");
}

#[test]
fn help_explains_every_row() {
    let output = versus_apr(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    for op in OPS {
        assert!(help.lines().any(|line| line.trim_start().starts_with(op)), "no line on {op}");
    }
}

#[test]
fn an_unknown_row_is_refused_with_the_ones_there_are() {
    let output = versus_apr(&["transients"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("transient_8"));
}
