//! A Pingora proxy whose responses go through brigade's filters, head and body.
//!
//! `pingora-filters [LISTEN [UPSTREAM [SPEC…]]]`: see the README.
#![forbid(unsafe_code)]

use std::net::SocketAddr;

use brigade::Registry;
use brigade_http::body::Filters;
use pingora_core::apps::HttpServerOptions;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;

use pingora_filters::{FilterProxy, scan};

/// What is done where no SPEC is named: text is changed, scanned by a filter that waits, compressed.
const SPECS: [&str; 3] = ["substitute s/Apache/Pingora/", "scan refuse=virus", "deflate"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let listen: SocketAddr = args.next().as_deref().unwrap_or("127.0.0.1:8081").parse()?;
    let upstream: SocketAddr = args.next().as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let named: Vec<String> = args.collect();
    let specs = if named.is_empty() { SPECS.map(String::from).to_vec() } else { named };

    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry.register(scan());
    let filters = Filters::none().report(|error| eprintln!("{error}"));
    let filters = registry.prepare_all(&specs)?.into_iter().fold(filters, Filters::prepared);

    // A filter that waits needs Pingora's runtime that steals work, which is the default.
    let mut server = Server::new_with_opt_and_conf(None, ServerConf::default());
    server.bootstrap();
    let proxy = FilterProxy::new(upstream, filters);
    let mut service = pingora_proxy::http_proxy_service(&server.configuration, proxy);
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    if let Some(app) = service.app_logic_mut() {
        app.server_options = Some(options);
    }
    service.add_tcp(&listen.to_string());
    server.add_service(service);
    println!("curl -i --compressed http://{listen}/");
    server.run_forever()
}
