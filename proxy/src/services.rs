//! The listeners, each with what answers there.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use pingora::listeners::tls::TlsSettings;
use pingora::listeners::{ListenerConfig, TcpSocketOptions};
use pingora::proxy::ProxyHttp;
use pingora::server::Server;
use pingora::services::listening::Service;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::clock::Clock;
use crate::config::Config;
use crate::door;
use crate::in_flight::InFlight;
use crate::metrics::Metrics;
use crate::ops::Ops;
use crate::redirect::Redirect;
use crate::session::Sessions;
use crate::site::Places;
use crate::tls;
use crate::tls::chooser::Chooser;
use crate::tls::renewal::Nudge;

/// What the gate's own listeners share with the others.
pub struct Behind {
    /// The hosts.
    pub places: Arc<Places>,
    /// What is remembered of the authority's verdicts.
    pub sessions: Arc<Sessions>,
    /// Requests under way.
    pub in_flight: Arc<InFlight>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The clocks.
    pub clock: Clock,
}

/// Adds every listener of `config` to the server, `gate` behind those that are for browsers; what to nudge on SIGHUP.
///
/// # Errors
/// When an address cannot be listened on, certificates cannot be used or no thread can be started.
pub fn add<P>(
    server: &mut Server,
    config: &Config,
    gate: P,
    behind: Behind,
) -> Result<Option<Nudge>, Box<dyn Error>>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    let listeners = &config.listeners;
    let conf = Arc::clone(&server.configuration);
    let connections = Arc::new(InFlight::default());
    let mut service = door::service("gate", gate, &conf, config.limits, Arc::clone(&connections));
    for address in &listeners.plain {
        listen(&mut service, *address, None)?;
        log::info!("listening on {address}");
    }
    let chooser = match listeners.tls.is_empty() {
        true => None,
        false => Some(Arc::new(Chooser::load(config.certificates.clone(), config.hosts())?)),
    };
    let nudge = chooser.clone().map(|chooser| tls::renewal::start(chooser, behind.clock)).transpose()?;
    for (address, chooser) in
        listeners.tls.iter().flat_map(|address| chooser.iter().map(move |own| (address, own)))
    {
        listen(&mut service, *address, Some(tls::settings(chooser)?))?;
        log::info!("listening on {address} with TLS");
    }
    server.add_service(service);
    if !listeners.redirect.is_empty() {
        let redirect = Redirect::new(behind.places);
        let mut service = door::service("redirect", redirect, &conf, config.limits, Arc::clone(&connections));
        for address in &listeners.redirect {
            listen(&mut service, *address, None)?;
            log::info!("listening on {address}, to lead to https");
        }
        server.add_service(service);
    }
    if let Some(address) = listeners.ops {
        let Behind { sessions, in_flight, metrics, .. } = behind;
        let trusted = config.trusted.clone();
        let ops = Ops { metrics, sessions, connections, in_flight, chooser, trusted };
        let mut service = Service::new("ops".to_owned(), ops);
        listen(&mut service, address, None)?;
        log::info!("listening on {address}, for health and metrics");
        server.add_service(service);
    }
    Ok(nudge)
}

/// Whether an address is free. Deliberate: nothing is listened on here. Whoever connected to such a listener would be cut off
/// when the real one takes its place.
fn can_be_had(address: SocketAddr) -> rustix::io::Result<()> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)
}

/// Adds a listener that can be had: pingora would panic in a thread of its own, and the process would go on, deaf.
fn listen<A>(
    service: &mut Service<A>,
    address: SocketAddr,
    tls: Option<TlsSettings>,
) -> Result<(), Box<dyn Error>> {
    can_be_had(address).map_err(|why| format!("cannot listen on {address}: {why}"))?;
    let mut listener = ListenerConfig::tcp(address.to_string());
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can both be listened on.
        let mut options = TcpSocketOptions::default();
        options.ipv6_only = Some(true);
        listener = listener.tcp_socket_options(options);
    }
    service.add_listener(match tls {
        Some(tls) => listener.tls(tls),
        None => listener,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_address_is_looked_at_without_anybody_being_let_in() {
        for address in ["127.0.0.1", "::1"].map(|address| address.parse::<IpAddr>().unwrap()) {
            // None that the kernel gives to connections: one of those may meet itself.
            let ports = 20_000 + u16::try_from(std::process::id() % 9_000).unwrap()..30_000;
            let taken = ports.into_iter().find_map(|port| TcpListener::bind((address, port)).ok()).unwrap();
            let address = taken.local_addr().unwrap();
            assert_eq!(can_be_had(address), Err(rustix::io::Errno::ADDRINUSE), "{address}");
            drop(taken);
            // Whoever comes meanwhile is refused, and never accepted and then cut off.
            let looking = std::thread::spawn(move || (0..500).for_each(|_| can_be_had(address).unwrap()));
            while !looking.is_finished() {
                let refused = TcpStream::connect(address).unwrap_err();
                assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{address}");
            }
            looking.join().unwrap();
        }
    }
}
