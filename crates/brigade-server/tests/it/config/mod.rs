//! Chains, directories and limits from a file: `serve --config` and `check`.

mod check;
mod errors;
mod guide;
mod reload;
mod serve;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory with a configuration and what it names.
pub(crate) struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    /// A site with these files; `site.toml` is the configuration.
    pub(crate) fn new(config: &str, files: &[(&str, &str)]) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        site.write("site.toml", config);
        for (name, content) in files {
            site.write(name, content);
        }
        site
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir().join("site.toml")
    }
}

/// Runs the command in the site's directory: how it ended, what it printed, what it complained of.
pub(crate) fn brigade(site: &Site, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
    let out = command.args(args).current_dir(site.dir()).output().unwrap();
    let [said, complained] = [out.stdout, out.stderr].map(|text| String::from_utf8(text).unwrap());
    (out.status.code(), said, complained)
}
