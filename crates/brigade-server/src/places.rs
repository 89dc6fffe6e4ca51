//! The places where a running server listens, and how they change.
//!
//! Invariant: a place that stays keeps its socket; if one of the new places cannot be had, none changes.

use std::sync::{Arc, Mutex, PoisonError};

use brigade::Error;
use brigade_http::driver::Listener;

use crate::config::Listen;
use crate::listen::{Bound, Place, SocketFile, Tls, bind};

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<Open>);

/// One, bound.
#[derive(Debug)]
struct Open {
    place: Place,
    listener: Listener,
    tls: Slot,
    /// Removed with the place.
    _file: Option<SocketFile>,
}

/// How TLS is spoken with whoever comes next.
type Slot = Arc<Mutex<Option<Tls>>>;

impl Places {
    /// Listens at `wanted` and nowhere else; answers the URLs of the places that are new. Inside a
    /// runtime.
    ///
    /// # Errors
    ///
    /// What the system answered of a new place; then nothing has changed.
    pub(crate) async fn change(&mut self, wanted: &[Listen]) -> Result<Vec<String>, Error> {
        let mut left: Vec<Option<usize>> = (0..self.0.len()).map(Some).collect();
        let mut plan = Vec::new();
        let mut lines = Vec::new();
        for listen in wanted {
            let is_same =
                |at: &&mut Option<usize>| at.is_some_and(|at| self.0[at].place == listen.place);
            match left.iter_mut().find(is_same).and_then(Option::take) {
                Some(kept) => plan.push(Err(kept)),
                None => {
                    let (open, line) = open(listen).await?;
                    plan.push(Ok(open));
                    lines.push(line);
                }
            }
        }
        let mut old: Vec<Option<Open>> =
            std::mem::take(&mut self.0).into_iter().map(Some).collect();
        let places = plan.into_iter().zip(wanted).filter_map(|(open, listen)| {
            let open = open.or_else(|kept| old[kept].take().ok_or(())).ok()?;
            open.tls.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&listen.tls);
            Some(open)
        });
        self.0 = places.collect();
        Ok(lines)
    }

    /// For the server: clones that share the sockets.
    pub(crate) fn listeners(&self) -> Vec<Listener> {
        self.0.iter().map(|open| open.listener.clone()).collect()
    }
}

/// Binds a place; answers its URL too, which is how scripts learn the port.
async fn open(listen: &Listen) -> Result<(Open, String), Error> {
    let (listener, file, url) = match bind(&listen.place).await? {
        Bound::Tcp(listener, address) => {
            let scheme = if listen.tls.is_some() { "https" } else { "http" };
            (Listener::from(listener), None, format!("{scheme}://{address}/"))
        }
        Bound::Unix(listener, file) => (listener.into(), Some(file), listen.place.to_string()),
    };
    let tls = Slot::default();
    let listener = with_tls(listener, &tls);
    Ok((Open { place: listen.place.clone(), listener, tls, _file: file }, url))
}

#[cfg(feature = "tls")]
fn with_tls(listener: Listener, slot: &Slot) -> Listener {
    let slot = Arc::clone(slot);
    listener.tls_by(move || slot.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

#[cfg(not(feature = "tls"))]
fn with_tls(listener: Listener, _: &Slot) -> Listener {
    listener
}
