//! What stands between a listener and pingora's proxy: how many connections there may be, and how long one may take to
//! ask for something.
//!
//! Pingora has a time-out for each read of a head and none for the whole, so a client could hold a connection for ever,
//! a byte at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::listeners::ALPN;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::proxy::{HttpProxy, ProxyHttp};
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;

use crate::config::Limits;
use crate::in_flight::InFlight;
use crate::tls::name;

tokio::task_local! {
    /// Whether the head of the request that this task waits for has come.
    static WHOLE: Arc<AtomicBool>;
}

/// Says that a request's head is whole. To be called by whatever pingora calls first.
pub fn head_is_whole() {
    // HTTP/2 has a task for each request, and none of them waits for a head.
    let _ = WHOLE.try_with(|whole| whole.store(true, Ordering::Relaxed));
}

/// The door in front of a proxy.
pub struct Door<P> {
    proxy: Arc<HttpProxy<P>>,
    limits: Limits,
    connections: Arc<InFlight>,
    is_full: AtomicBool,
}

/// A service whose listeners lead to `proxy`, through the door.
pub fn service<P>(
    name: &str,
    proxy: P,
    conf: &Arc<ServerConf>,
    limits: Limits,
    connections: Arc<InFlight>,
) -> Service<Door<P>>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    let mut proxy = HttpProxy::new(proxy, Arc::clone(conf));
    proxy.handle_init_modules();
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(limits.idle);
    proxy.server_options = Some(options);
    let is_full = AtomicBool::new(false);
    Service::new(name.to_owned(), Door { proxy: Arc::new(proxy), limits, connections, is_full })
}

impl<P> Door<P>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    /// Requests one after the other, until the connection is not kept.
    async fn serve_http1(&self, stream: Stream, shutdown: &ShutdownWatch) {
        let whole = Arc::new(AtomicBool::new(false));
        let mut patience = self.limits.header;
        let mut session = ServerSession::new_http1(stream);
        // Without end as far as pingora knows: it would set a timer of its own for each request.
        session.set_keepalive((!*shutdown.borrow()).then_some(0));
        loop {
            whole.store(false, Ordering::Relaxed);
            let answered = WHOLE.scope(Arc::clone(&whole), self.proxy.process_new_http(session, shutdown));
            let Some(reused) = within(patience, || whole.load(Ordering::Relaxed), answered).await.flatten()
            else {
                return;
            };
            let (stream, settings) = ReusedHttpStream::consume(reused);
            session = ServerSession::new_http1(stream);
            if let Some(settings) = settings {
                settings.apply_to_session(&mut session);
            }
            patience = self.limits.idle;
        }
    }
}

#[async_trait]
impl<P> ServerApp for Door<P>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let _connection = self.connections.enter();
        if self.connections.count() > self.limits.connections {
            if !self.is_full.swap(true, Ordering::Relaxed) {
                log::warn!("max_connections is reached, further clients are turned away");
            }
            return None;
        }
        self.is_full.store(false, Ordering::Relaxed);
        if stream.selected_alpn_proto() == Some(ALPN::H2) {
            let tls = stream.get_ssl_digest();
            let asked = || tls.as_deref().is_some_and(name::was_asked);
            // Later silence is pingora's to end, after `idle_timeout`.
            within(self.limits.header, asked, self.proxy.process_new(stream, shutdown)).await;
        } else {
            self.serve_http1(stream, shutdown).await;
        }
        None
    }

    async fn cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}

/// Lets `work` go on to its end if it has come so far within `patience`; otherwise it is dropped, and its connection with
/// it.
async fn within<T>(
    patience: Duration,
    so_far: impl Fn() -> bool,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(work);
    match pingora::time::timeout(patience, &mut work).await {
        Ok(done) => Some(done),
        Err(_) if so_far() => Some(work.await),
        Err(_) => None,
    }
}
