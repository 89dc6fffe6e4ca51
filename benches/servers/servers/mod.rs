//! The servers: which there are, where their programs are, and how each is started for a row.
//!
//! Invariant: every server has one process at work, and nothing of the system's own configuration.

mod config;

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;

use crate::Result;
use crate::child::Child;
use crate::measure::Plan;
use crate::rows::{Coding, Row};
use crate::site::Site;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Server {
    /// Ours
    #[value(skip)]
    Brigade,
    /// nginx, with open_file_cache
    Nginx,
    /// lighttpd
    Lighttpd,
    /// Apache httpd, its event MPM with one child
    Httpd,
    /// axum on one thread, with tower-http's ServeDir and CompressionLayer
    Axum,
}

impl Server {
    /// Its name, for people and for JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brigade => "brigade",
            Self::Nginx => "nginx",
            Self::Lighttpd => "lighttpd",
            Self::Httpd => "httpd",
            Self::Axum => "axum",
        }
    }

    /// The names that its program has on one system or another.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["nginx"],
            Self::Lighttpd => &["lighttpd"],
            Self::Httpd => &["apache2", "httpd"],
            Self::Brigade | Self::Axum => &[],
        }
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A server that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    pub(crate) server: Server,
    program: PathBuf,
}

/// Ours, `brigade`, and those of the others that are here and are asked for; all when none is named.
pub(crate) fn present(brigade: PathBuf, asked: &[Server]) -> Vec<Installed> {
    let mut present = vec![Installed { server: Server::Brigade, program: brigade }];
    for &server in Server::value_variants() {
        if !asked.is_empty() && !asked.contains(&server) {
            continue;
        }
        let program = match server {
            Server::Axum => std::env::current_exe().ok(),
            _ => server.programs().iter().find_map(|name| find_program(name)),
        };
        match program {
            Some(program) => present.push(Installed { server, program }),
            None => eprintln!("versus_servers: {server} is not installed, and left out"),
        }
    }
    present
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) port: u16,
    _child: Child,
}

impl Installed {
    /// Starts it for `row`; it listens when this returns.
    ///
    /// # Errors
    ///
    /// What it said when it did not.
    pub(crate) fn start(&self, row: &Row, plan: &Plan, site: &Site) -> Result<Running> {
        let port = free_port().map_err(|error| format!("find a free port: {error}"))?;
        let command = self.command(row.coding, port, site)?;
        let log = site.dir().join(format!("{}.log", self.server));
        let mut child = Child::start(plan.cores.server, &command, &log)?;
        child.ready(PATIENCE, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        Ok(Running { server: self.server, port, _child: child })
    }

    fn command(&self, coding: Coding, port: u16, site: &Site) -> Result<Vec<OsString>> {
        let config = |text: String| -> Result<OsString> {
            let path = site.dir().join(format!("{}.conf", self.server));
            let written = std::fs::write(&path, text);
            written.map_err(|error| format!("write {}: {error}", path.display()))?;
            Ok(path.into())
        };
        let gzip = coding == Coding::Gzip;
        let args: Vec<OsString> = match self.server {
            Server::Brigade => config::brigade_args(site, port, gzip),
            Server::Axum => config::axum_args(site, port, gzip),
            Server::Nginx => {
                let log = site.dir().join("nginx.log");
                vec!["-e".into(), log.into(), "-c".into(), config(config::nginx(site, port, gzip))?]
            }
            Server::Lighttpd => {
                vec!["-D".into(), "-f".into(), config(config::lighttpd(site, port, gzip))?]
            }
            Server::Httpd => {
                let modules = apache_modules()?;
                let text = config::httpd(site, port, gzip, &modules);
                vec!["-DFOREGROUND".into(), "-f".into(), config(text)?]
            }
        };
        Ok(std::iter::once(self.program.clone().into()).chain(args).collect())
    }
}

/// Builds `brigade` as this program was built, and answers where it is.
///
/// # Errors
///
/// It was not built, and why.
pub(crate) fn build_brigade() -> Result<PathBuf> {
    let this = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
    // …/TARGET/PROFILE/versus_servers
    let dir = this.parent().ok_or("this program is in no directory")?;
    let target = dir.parent().ok_or("this program is in no target directory")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "brigade-server", "--bin", "brigade"]);
    build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    build.arg("--target-dir").arg(target);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build.status().map_err(|error| format!("build brigade: {error}"))?;
    if status.success() { Ok(dir.join("brigade")) } else { Err(format!("build brigade: {status}")) }
}

/// Looks for a program where the system looks, and where it keeps those for administrators.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let admin = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
    let dirs = std::env::split_paths(&path).chain(admin);
    dirs.map(|dir| dir.join(name)).find(|program| program.is_file())
}

/// Where httpd's modules are: on Debian, and elsewhere.
fn apache_modules() -> Result<PathBuf> {
    let places = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"];
    let found = places.iter().map(Path::new).find(|dir| dir.is_dir());
    found.map(Path::to_owned).ok_or_else(|| format!("httpd's modules are not in {places:?}"))
}

/// A port that nobody has now; another may take it before the server does, which then says so.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
