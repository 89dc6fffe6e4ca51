//! Chains, directories and limits from a file: `serve --config` and `check`.

mod check;
mod errors;
mod serve;

use std::fs;
use std::path::{Path, PathBuf};

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
