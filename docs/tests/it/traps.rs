//! `design/traps.md`: all traps are there, and what proves each exists.

use crate::{code, root, rows, sources};

#[test]
fn every_trap_is_listed_with_tests_that_exist() {
    let traps: Vec<Vec<String>> =
        rows("design/traps.md").into_iter().filter(|row| row[0].parse::<u32>().is_ok()).collect();
    let numbers: Vec<u32> = traps.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
    let tests = sources("tests");
    let misuse = root().join("crates/brigade-compile-fail/tests/misuse");
    for trap in traps {
        assert_eq!(trap.len(), 4, "{trap:?}");
        let proofs = code(&trap[3]);
        assert!(!proofs.is_empty(), "nothing proves {trap:?}");
        for proof in proofs {
            let is_test = tests.find(&format!(" {proof}(")).is_some_and(|at| {
                tests[..at].lines().rev().take(3).any(|line| line.trim() == "#[test]")
            });
            let is_misuse = misuse.join(proof).with_extension("stderr").is_file();
            assert!(is_test || is_misuse, "there is no {proof}, which trap {} names", trap[0]);
        }
    }
}
