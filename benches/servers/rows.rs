//! The rows: what is asked for, and what the answer to it should be worth.
//!
//! Invariant: every server of a row sends the same content, coded the same way.

use std::fmt::Write;

use crate::servers::Server;

/// A question that all servers are asked.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) path: &'static str, // In the site, with its slash.
    pub(crate) coding: Coding,
    pub(crate) goals: &'static [Goal],
}

/// How a body is coded on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// By gzip, level 6, for each response anew.
    Gzip,
}

/// The least that ours / theirs should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) of: Whom,
    pub(crate) ratio: f64,
}

/// Beside whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The best of the others.
    Best,
    /// This one.
    Only(Server),
}

const BEST: &[Goal] = &[Goal { of: Whom::Best, ratio: 1.0 }];

/// All rows, in the order in which they are measured.
pub(crate) static ROWS: [Row; 4] = [
    Row {
        name: "static_1k",
        about: "a file of 1 KiB",
        path: "/1k.txt",
        coding: Coding::Identity,
        goals: BEST,
    },
    Row {
        name: "static_64k",
        about: "a file of 64 KiB",
        path: "/64k.txt",
        coding: Coding::Identity,
        goals: BEST,
    },
    Row {
        name: "static_1m",
        about: "a file of 1 MiB",
        path: "/1m.txt",
        coding: Coding::Identity,
        goals: BEST,
    },
    Row {
        name: "gzip_64k",
        about: "64 KiB of program source by gzip, level 6, compressed for each response; a server \
                counts if its output is as long as ours, within 2 %",
        path: "/source.txt",
        coding: Coding::Gzip,
        goals: &[
            Goal { of: Whom::Only(Server::Axum), ratio: 1.0 },
            Goal { of: Whom::Only(Server::Nginx), ratio: 1.5 },
        ],
    },
];

/// The rows, for `--help`.
pub(crate) fn help() -> String {
    let mut out = String::from("Rows (row, what is asked for, goals):\n");
    for row in &ROWS {
        let _ = write!(out, "  {:<10}  {};", row.name, row.about);
        for goal in row.goals {
            let _ = write!(out, " >= {:.1} of {}", goal.ratio, goal.of);
        }
        out.push('\n');
    }
    out.push_str(
        "\nExamples:\n  \
         versus_servers                                  the table\n  \
         versus_servers static_1k --peer lighttpd        one row beside one server\n  \
         versus_servers --brigade old/brigade --json     an older build\n\n\
         Exits with 0 when all was measured, whether or not the goals are met, and with 2 when wrk is not\n\
         installed.",
    );
    out
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Best => f.write_str("the best"),
            Self::Only(server) => server.fmt(f),
        }
    }
}
