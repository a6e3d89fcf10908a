//! `upstream`: where an app is, and how the gate makes sure that it is that app.

use std::net::SocketAddr;
use std::str::FromStr;

use rustls::RootCertStore;
use twofold_shared::config::Table;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::listen::address;
use crate::tls::certificate::{chain, server_name};

/// Where an app is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// An address with a port.
    pub address: SocketAddr,
    /// Set for `https://`.
    pub tls: Option<UpstreamTls>,
}

/// What an app over TLS has to prove. There is no way to do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// `upstream_name`: the name that its certificate has to be for. Default: its address.
    pub name: String,
    /// `upstream_ca`: the certificates, in DER, of which one has to have signed the app's. Default: the system's roots.
    pub roots: Option<Vec<Vec<u8>>>,
}

impl Upstream {
    /// Reads `upstream` and what belongs to it.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        let upstream = table.text("upstream").and_then(|text| text.check(|text| text.parse::<Self>()));
        let upstream = table.need("upstream", upstream, "\"127.0.0.1:8481\"");
        let name = table.text("upstream_name").and_then(|name| {
            name.check(|name| match server_name(&name) {
                Some(_) => Ok(name),
                None => Err("must be a host's name, such as \"app.internal\"".to_owned()),
            })
        });
        let ca = table.path("upstream_ca").and_then(|file| file.check(|file| roots(&file)));
        let mut upstream = upstream?.value;
        match &mut upstream.tls {
            Some(tls) => {
                if let Some(name) = name {
                    tls.name = name.value;
                }
                tls.roots = ca.map(|ca| ca.value);
            }
            None => {
                for place in name.map(|at| at.place).into_iter().chain(ca.map(|at| at.place)) {
                    place.mistake("is used by nobody: upstream does not begin with https://");
                }
            }
        }
        Some(upstream)
    }
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (is_secure, rest) = match text.split_once("://") {
            None => (false, text),
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => {
                return Err("must be an address with a port, or http:// or https:// and that".to_owned());
            }
        };
        let address = address(rest)?;
        let tls = is_secure.then(|| UpstreamTls { name: address.ip().to_string(), roots: None });
        Ok(Self { address, tls })
    }
}

/// The certificates of a PEM file as roots, in DER.
pub fn roots(file: &std::path::Path) -> Result<Vec<Vec<u8>>, String> {
    let certificates = chain(file)?;
    for certificate in &certificates {
        let added = RootCertStore::empty().add(certificate.clone());
        added.map_err(|why| format!("holds a certificate that cannot be a root: {why}"))?;
        X509Certificate::from_der(certificate).map_err(|why| format!("holds an odd certificate: {why}"))?;
    }
    Ok(certificates.into_iter().map(|certificate| certificate.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_an_address_with_or_without_tls() {
        let address = "10.0.0.5:8443".parse().unwrap();
        for text in ["10.0.0.5:8443", "http://10.0.0.5:8443"] {
            assert_eq!(text.parse(), Ok(Upstream { address, tls: None }));
        }
        let secure: Upstream = "https://10.0.0.5:8443".parse().unwrap();
        assert_eq!(secure.tls, Some(UpstreamTls { name: "10.0.0.5".to_owned(), roots: None }));
        for odd in
            ["https://app.internal:8443", "https://10.0.0.5", "https://10.0.0.5:8443/", "unix:///x", ""]
        {
            assert!(odd.parse::<Upstream>().is_err(), "{odd}");
        }
    }
}
