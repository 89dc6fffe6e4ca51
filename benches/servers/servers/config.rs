//! What each server is told: to serve the site with one process, and to log nothing.
//!
//! Invariant: all that a server writes goes to the site's directory.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

use crate::site::Site;

pub(super) fn brigade_args(site: &Site, port: u16, gzip: bool) -> Vec<OsString> {
    let mut args = vec!["serve".into(), site.files().into()];
    args.push(format!("--listen=127.0.0.1:{port}").into());
    args.push("--threads=1".into());
    if gzip {
        args.push("--filter=deflate level=6".into());
    }
    args
}

pub(super) fn axum_args(site: &Site, port: u16, gzip: bool) -> Vec<OsString> {
    let mut args = vec!["axum".into(), site.files().into(), port.to_string().into()];
    if gzip {
        args.push("--gzip".into());
    }
    args
}

/// One process, which is its own worker.
pub(super) fn nginx(site: &Site, port: u16, gzip: bool) -> String {
    let (dir, files) = (site.dir().display(), site.files());
    let files = files.display();
    let gzip = if gzip { "gzip on; gzip_comp_level 6; gzip_types text/plain;" } else { "" };
    format!(
        "daemon off;\nmaster_process off;\npid {dir}/nginx.pid;\nerror_log {dir}/nginx.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  \
         access_log off;\n  sendfile on;\n  tcp_nopush on;\n  tcp_nodelay on;\n  \
         keepalive_requests 1000000000;\n  keepalive_timeout 300s;\n  \
         open_file_cache max=1000 inactive=60s;\n  \
         client_body_temp_path {dir}/nginx-body;\n  proxy_temp_path {dir}/nginx-proxy;\n  \
         fastcgi_temp_path {dir}/nginx-fastcgi;\n  scgi_temp_path {dir}/nginx-scgi;\n  \
         uwsgi_temp_path {dir}/nginx-uwsgi;\n  \
         types {{ text/plain txt; }}\n  {gzip}\n  \
         server {{ listen 127.0.0.1:{port}; root {files}; }}\n\
         }}\n"
    )
}

pub(super) fn lighttpd(site: &Site, port: u16, gzip: bool) -> String {
    let (dir, files) = (site.dir().display(), site.files());
    let files = files.display();
    let mut text = format!(
        "server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.document-root = \"{files}\"\n\
         server.errorlog = \"{dir}/lighttpd.errors\"\nserver.upload-dirs = ( \"{dir}\" )\n\
         server.max-worker = 0\nserver.max-connections = 1024\n\
         server.max-keep-alive-requests = 65535\nserver.max-keep-alive-idle = 300\n\
         server.network-backend = \"sendfile\"\nserver.stat-cache-engine = \"simple\"\n\
         mimetype.assign = ( \".txt\" => \"text/plain\" )\n"
    );
    if gzip {
        text.push_str(
            "server.modules = ( \"mod_deflate\" )\ndeflate.mimetypes = ( \"text/plain\" )\n\
             deflate.allowed-encodings = ( \"gzip\" )\ndeflate.compression-level = 6\n",
        );
    }
    text
}

/// The event MPM with one child, which does not change.
pub(super) fn httpd(site: &Site, port: u16, gzip: bool, modules: &Path) -> String {
    let (dir, files) = (site.dir().display(), site.files());
    let files = files.display();
    let mut text = format!(
        "ServerRoot {dir}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {dir}/httpd.pid\n\
         DefaultRuntimeDir {dir}\nErrorLog {dir}/httpd.errors\nDocumentRoot {files}\n\
         KeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 300\nEnableSendfile On\n"
    );
    for module in ["mpm_event", "authz_core", "mime"] {
        load(&mut text, modules, module);
    }
    // On some systems it is built in.
    if modules.join("mod_unixd.so").exists() {
        load(&mut text, modules, "unixd");
    }
    text.push_str(
        "StartServers 1\nServerLimit 1\nThreadsPerChild 64\nThreadLimit 64\nMaxRequestWorkers 64\n\
         MinSpareThreads 1\nMaxSpareThreads 64\nMaxConnectionsPerChild 0\nTypesConfig /dev/null\n\
         AddType text/plain .txt\n",
    );
    // Numbers, since the names differ; asked for by root only.
    if rustix::process::geteuid().is_root() {
        text.push_str("User #65534\nGroup #65534\n");
    }
    if gzip {
        load(&mut text, modules, "filter");
        load(&mut text, modules, "deflate");
        text.push_str("DeflateCompressionLevel 6\nSetOutputFilter DEFLATE\n");
    }
    text
}

fn load(text: &mut String, modules: &Path, name: &str) {
    let file = modules.join(format!("mod_{name}.so"));
    // Writing to a string does not fail.
    let _ = writeln!(text, "LoadModule {name}_module {}", file.display());
}
