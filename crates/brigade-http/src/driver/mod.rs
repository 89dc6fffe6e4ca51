//! Reads requests, runs handlers and drives connections: async on tokio, or blocking on a thread.
//!
//! A connection owns one chain. A handler gets a [`Request`] and a response handle; what it writes goes
//! through the filters of the settings, the protocol's filters and the network writer, in either world
//! the same.

mod accept;
mod arrival;
pub mod blocking;
mod close;
mod conn;
mod connection;
mod drive;
mod handler;
mod ledger;
mod line;
mod listener;
mod live;
mod pump;
mod reply;
pub mod request;
mod response;
mod rest;
mod server;
mod settings;
#[cfg(feature = "body")]
mod streamed;

pub use self::connection::serve_connection;
pub use self::handler::{Handler, HandlerFuture, Request, Router};
pub use self::ledger::{
    BlockView, ConnectionView, EXPLAIN_FIELD, Entry, FilterLine, FilterTotals, Ledger, Reason,
    Totals,
};
pub use self::line::Line;
pub use self::listener::{Listener, Listeners};
pub use self::live::Live;
pub use self::pump::pump;
pub use self::response::{Response, Writer};
pub use self::server::{Drain, Server};
pub use self::settings::Settings;
#[cfg(feature = "body")]
pub(crate) use self::streamed::Streamed;
