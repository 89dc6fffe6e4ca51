//! The files that are served, and the directory that everything of a run is in.
//!
//! Invariant: all is removed with the [`Site`]; servers that change their user can read it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

const KIB: usize = 1024;

/// A temporary directory: `files` to be served, and room for configurations and logs beside it.
#[derive(Debug)]
pub(crate) struct Site(TempDir);

impl Site {
    /// Makes the files.
    pub(crate) fn make() -> io::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("versus_servers")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()?;
        let site = Self(dir);
        std::fs::create_dir(site.files())?;
        let source = source(64 * KIB)?;
        site.file("1k.txt", &source[..KIB])?;
        site.file("64k.txt", &source)?;
        site.file("1m.txt", &source.repeat(16))?;
        site.file("source.txt", &source)?;
        Ok(site)
    }

    /// What is served.
    pub(crate) fn files(&self) -> PathBuf {
        self.0.path().join("files")
    }

    /// Where configurations and logs go.
    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    /// The content that `path`, with its slash, stands for.
    pub(crate) fn content(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.files().join(path.trim_start_matches('/')))
    }

    fn file(&self, name: &str, content: &[u8]) -> io::Result<()> {
        std::fs::write(self.files().join(name), content)
    }
}

/// `len` bytes of program source: our own.
fn source(len: usize) -> io::Result<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/brigade/src");
    let mut source = Vec::new();
    append(&dir, &mut source)?;
    if source.len() < len {
        let context = format!("{} holds {} bytes, not {len}", dir.display(), source.len());
        return Err(io::Error::other(context));
    }
    source.truncate(len);
    Ok(source)
}

/// All files below `dir`, in the order of their names.
fn append(dir: &Path, source: &mut Vec<u8>) -> io::Result<()> {
    let paths = std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<io::Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            append(&path, source)?;
        } else {
            source.extend(std::fs::read(path)?);
        }
    }
    Ok(())
}
