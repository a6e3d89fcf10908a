//! Where the gate listens, and who may listen where.

use std::net::SocketAddr;

use twofold_shared::config::{At, Table};

use crate::client::Trusted;
use crate::origin::Origin;

/// Every address of the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// `listen`: plain http; loopback only, unless there are trusted proxies. Default `127.0.0.1:8480`, none where
    /// there is `listen_tls`.
    pub plain: Vec<SocketAddr>,
    /// `listen_tls`: https with the certificates of `[[certificate]]`, at any address. Default none.
    pub tls: Vec<SocketAddr>,
    /// `redirect_http`: plain http that leads to https and does nothing else, at any address. Default none.
    pub redirect: Vec<SocketAddr>,
    /// `ops`: health and metrics; as `listen` on loopback, unless there are trusted proxies. Default none.
    pub ops: Option<SocketAddr>,
}

impl Listeners {
    /// Reads all of them.
    pub fn read(table: &mut Table<'_>, trusted: &Trusted) -> Self {
        let mut plain = addresses(table, "listen", |text| guarded(text, trusted));
        let tls = addresses(table, "listen_tls", address);
        let redirect = addresses(table, "redirect_http", address);
        let ops = table.text("ops").and_then(|text| text.check(|text| guarded(&text, trusted)));
        let mut taken: Vec<&At<SocketAddr>> = Vec::new();
        for address in plain.iter().chain(&tls).chain(&redirect).chain(&ops) {
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
        Self {
            plain: bare(plain),
            tls: bare(tls),
            redirect: bare(redirect),
            ops: ops.map(|address| address.value),
        }
    }

    /// Reports an origin that these addresses could not serve.
    pub fn judge(&self, origin: &At<Origin>) {
        for (list, key) in [(&self.tls, "listen_tls"), (&self.redirect, "redirect_http")] {
            if !list.is_empty() && !origin.is_secure() {
                origin.place.mistake(format!("must begin with https://, because there is {key}"));
            }
        }
    }

    /// Whether the gate itself is at this address.
    #[must_use]
    pub fn contains(&self, address: SocketAddr) -> bool {
        self.plain.iter().chain(&self.tls).chain(&self.redirect).chain(&self.ops).any(|own| *own == address)
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
