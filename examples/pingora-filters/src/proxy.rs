//! The proxy: Pingora's hooks, and what each has to do with filters.
//!
//! Invariant: no filter sees part of a body.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use brigade_http::body::Filters;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, IF_RANGE, RANGE};
use pingora_core::Result;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{ProxyHttp, Session};

use crate::{Filtered, begin};

/// Leads the responses of one upstream through filters.
#[derive(Debug)]
pub struct FilterProxy {
    upstream: SocketAddr,
    filters: Filters,
}

impl FilterProxy {
    /// A proxy of `upstream`, which speaks HTTP/1.1 without TLS.
    pub fn new(upstream: SocketAddr, filters: Filters) -> Self {
        Self { upstream, filters }
    }
}

#[async_trait]
impl ProxyHttp for FilterProxy {
    type CTX = Option<Filtered>; // From the head of the final response on.

    fn new_ctx(&self) -> Self::CTX {
        None
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        _filtered: &mut Self::CTX,
    ) -> Result<()> {
        // The filters need the whole body, uncoded. They are shown what the client asked for.
        for field in [RANGE, IF_RANGE, ACCEPT_ENCODING] {
            request.remove_header(&field);
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        filtered: &mut Self::CTX,
    ) -> Result<()> {
        *filtered = begin(&self.filters, session, response).await?;
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        filtered: &mut Self::CTX,
    ) -> Result<Option<Duration>> {
        if let Some(filtered) = filtered {
            *body = filtered.go_on(body.take(), end_of_stream)?;
        }
        Ok(None)
    }
}
