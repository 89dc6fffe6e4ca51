//! The server that is built in: axum with tower-http's `ServeDir`, on one thread.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;

use crate::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    dir: PathBuf,
    port: u16,
    /// Compress, at level 6
    #[arg(long)]
    gzip: bool,
}

/// Serves until it is ended.
///
/// # Errors
///
/// It could not listen.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(serve(args)).map_err(|error| format!("serve with axum: {error}"))
}

async fn serve(args: &Args) -> std::io::Result<()> {
    let mut router = Router::new().fallback_service(ServeDir::new(&args.dir));
    if args.gzip {
        router = router.layer(CompressionLayer::new().quality(CompressionLevel::Precise(6)));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await?;
    let listener = listener.tap_io(|stream| {
        // As the others do; without it the connection is slower, not broken.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await
}
