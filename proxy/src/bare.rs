//! The same pingora with every filter off, for `./dev bench` to measure the gate against. Never shipped.

use async_trait::async_trait;
use pingora::Result;
use pingora::proxy::{ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;

/// What the shipped program is checked not to contain.
pub const MARK: &str = "bench-bare: every filter is off, everybody passes";

/// Forwards everything to one app.
pub struct Bare {
    peer: HttpPeer,
}

impl Bare {
    /// To this app.
    pub fn new(peer: HttpPeer) -> Self {
        Self { peer }
    }
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {
        crate::door::head_is_whole();
    }

    fn init_downstream_modules(&self, _: &mut pingora::modules::http::HttpModules) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.peer.clone()))
    }
}
