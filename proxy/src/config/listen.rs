//! Where the gate listens, and who may listen where.

use std::net::SocketAddr;

use twofold_shared::config::{At, Table};

use crate::client::Trusted;

/// Every address of the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// `listen`: plain http; loopback only, unless there are trusted proxies. Default `127.0.0.1:8480`, none where
    /// there is `listen_tls`.
    pub plain: Vec<SocketAddr>,
    /// `listen_tls`: https with the certificates of `[[certificate]]`, at any address. Default none.
    pub tls: Vec<SocketAddr>,
}

impl Listeners {
    /// Reads all of them.
    pub fn read(table: &mut Table<'_>, trusted: &Trusted) -> Self {
        let mut plain = addresses(table, "listen", |text| guarded(text, trusted));
        let tls = addresses(table, "listen_tls", address);
        let mut taken: Vec<&At<SocketAddr>> = Vec::new();
        for address in plain.iter().chain(&tls) {
            if taken.iter().any(|other| other.value == address.value) {
                address.place.mistake("is listened on twice");
            }
            taken.push(address);
        }
        if plain.is_empty() && tls.is_empty() {
            let place = table.place().clone();
            plain.push(At { value: SocketAddr::from(([127, 0, 0, 1], 8480)), place });
        }
        let bare = |list: Vec<At<SocketAddr>>| list.into_iter().map(|at| at.value).collect();
        Self { plain: bare(plain), tls: bare(tls) }
    }

    /// Whether the gate itself is at this address.
    #[must_use]
    pub fn contains(&self, address: SocketAddr) -> bool {
        self.plain.contains(&address) || self.tls.contains(&address)
    }
}

fn addresses(
    table: &mut Table<'_>,
    key: &str,
    check: impl Fn(&str) -> Result<SocketAddr, String>,
) -> Vec<At<SocketAddr>> {
    table.texts(key).into_iter().filter_map(|text| text.check(|text| check(&text))).collect()
}

/// An address that only this host reaches, or only trusted proxies are answered at.
fn guarded(text: &str, trusted: &Trusted) -> Result<SocketAddr, String> {
    let address = address(text)?;
    if address.ip().is_loopback() || !trusted.is_empty() {
        return Ok(address);
    }
    Err("must be a loopback address, because nothing is encrypted here; other addresses belong into listen_tls, or, behind \
         a TLS terminator on another host, that host into trusted_proxies"
        .to_owned())
}

/// An address with a port.
///
/// # Errors
/// A sentence for the administrator.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>()
        .ok()
        .filter(|address| address.port() != 0)
        .ok_or_else(|| "must be an address with a port, such as \"127.0.0.1:8481\"".to_owned())
}
