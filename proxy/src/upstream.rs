//! The apps as pingora connects to them.

use std::time::Duration;

use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{WrappedX509, parse_x509};
use sha2::{Digest, Sha256};

use crate::config::{Upstream, UpstreamTls};

/// How long the gate tries to connect to an app.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an app may be silent within an answer. Legacy apps make reports that take minutes.
const SILENCE: Duration = Duration::from_secs(300);
/// How long an unused connection to an app is kept.
const KEPT: Duration = Duration::from_secs(60);

/// The app at this place. Over TLS its certificate is verified; HTTP/1.1 is spoken to all of them.
#[must_use]
pub fn peer(upstream: &Upstream) -> HttpPeer {
    // Deliberate: pingora verifies nothing for a peer without a name, so there always is one.
    let name = upstream.tls.as_ref().map(|tls| tls.name.clone()).unwrap_or_default();
    let mut peer = HttpPeer::new(upstream.address, upstream.tls.is_some(), name);
    if let Some(UpstreamTls { roots: Some(roots), .. }) = &upstream.tls {
        let certificates = roots.iter().map(|root| WrappedX509::new(root.clone(), parse_x509));
        peer.options.ca = Some(certificates.collect());
        // Deliberate: pingora's pool does not tell roots apart, and a connection made with one site's must not serve
        // another's.
        peer.group_key = group(roots);
    }
    peer.options.connection_timeout = Some(CONNECT);
    peer.options.total_connection_timeout = Some(CONNECT);
    peer.options.read_timeout = Some(SILENCE);
    peer.options.write_timeout = Some(SILENCE);
    peer.options.idle_timeout = Some(KEPT);
    peer
}

fn group(roots: &[Vec<u8>]) -> u64 {
    let mut digest = Sha256::new();
    for root in roots {
        digest.update(Sha256::digest(root));
    }
    digest.finalize().first_chunk().map_or(1, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use pingora::upstreams::peer::Peer;

    use super::*;

    fn upstream(roots: Option<Vec<Vec<u8>>>) -> Upstream {
        let tls = UpstreamTls { name: "app.internal".to_owned(), roots };
        Upstream { address: "127.0.0.1:8443".parse().unwrap(), tls: Some(tls) }
    }

    #[test]
    fn verification_is_always_on_and_roots_share_no_connection() {
        let root = |name: &str| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            Some(vec![made.cert.der().to_vec()])
        };
        let peers = [None, root("a"), root("b")].map(|roots| peer(&upstream(roots)));
        for (index, peer) in peers.iter().enumerate() {
            assert!(peer.verify_cert() && peer.verify_hostname() && peer.sni() == "app.internal");
            for other in peers.iter().skip(index + 1) {
                assert_ne!(peer.reuse_hash(), other.reuse_hash());
            }
        }
    }
}
