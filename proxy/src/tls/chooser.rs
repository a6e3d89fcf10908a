//! Which certificate is shown for which server name; all of them are replaced at once.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::host::Host;
use crate::tls::certificate::{Certificate, Pair, Stamp, Unusable};

/// The certificates cannot serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// One of them cannot be used.
    #[error("{file} {why}", file = match why { Unusable::Chain(_) => pair.chain.display(), Unusable::Key(_) => pair.key.display() })]
    Unusable {
        /// Its files.
        pair: Pair,
        /// Why not.
        why: Unusable,
    },
    /// None of them is for a host of ours.
    #[error("no certificate covers {0}")]
    Uncovered(Host),
    /// There are none.
    #[error("there is no certificate")]
    None,
}

/// The certificates in use.
pub struct Chooser {
    pairs: Vec<Pair>,
    hosts: Vec<Host>,
    at_start: Vec<[Stamp; 2]>,
    table: ArcSwap<Table>,
}

struct Table {
    by_host: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// For names that are not ours, and for those who ask for none: whoever was let in this far is told so over HTTP.
    default: Arc<CertifiedKey>,
    ends_at: i64,
}

impl Table {
    fn load(pairs: &[Pair], hosts: &[Host]) -> Result<Self, Unfit> {
        let certificates: Vec<Certificate> = pairs
            .iter()
            .map(|pair| Certificate::load(pair).map_err(|why| Unfit::Unusable { pair: pair.clone(), why }))
            .collect::<Result<_, _>>()?;
        let mut by_host = HashMap::with_capacity(hosts.len());
        for host in hosts {
            let certificate = certificates.iter().find(|certificate| certificate.covers(host));
            let certificate = certificate.ok_or_else(|| Unfit::Uncovered(host.clone()))?;
            by_host.insert(host.as_str().into(), Arc::clone(certificate.certified()));
        }
        let default = Arc::clone(certificates.first().ok_or(Unfit::None)?.certified());
        let ends_at = certificates.iter().map(Certificate::ends_at).min().unwrap_or_default();
        Ok(Self { by_host, default, ends_at })
    }
}

impl Chooser {
    /// Reads all certificates; every one of `hosts` has to be covered.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn load(pairs: Vec<Pair>, hosts: Vec<Host>) -> Result<Self, Unfit> {
        // Before the files are read: what is written meanwhile counts as new.
        let at_start = stamps(&pairs);
        let table = ArcSwap::from_pointee(Table::load(&pairs, &hosts)?);
        Ok(Self { pairs, hosts, at_start, table })
    }

    /// Reads them all again; those in use stay when one of the new ones is unfit.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn reload(&self) -> Result<(), Unfit> {
        self.table.store(Arc::new(Table::load(&self.pairs, &self.hosts)?));
        Ok(())
    }

    /// The state that the files are in.
    #[must_use]
    pub fn stamps(&self) -> Vec<[Stamp; 2]> {
        stamps(&self.pairs)
    }

    /// The state that they were in when they were first read.
    #[must_use]
    pub fn stamps_at_start(&self) -> &[[Stamp; 2]] {
        &self.at_start
    }

    /// When the first of those in use ends, in seconds of Unix time.
    #[must_use]
    pub fn ends_at(&self) -> i64 {
        self.table.load().ends_at
    }

    fn choose(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let table = self.table.load();
        let own = name.and_then(|name| table.by_host.get(name));
        Arc::clone(own.unwrap_or(&table.default))
    }
}

fn stamps(pairs: &[Pair]) -> Vec<[Stamp; 2]> {
    pairs.iter().map(Pair::stamps).collect()
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Rustls gives the name in lower case.
        Some(self.choose(hello.server_name()))
    }
}

impl fmt::Debug for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chooser")
            .field("pairs", &self.pairs)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificate::tests::write;

    fn host(name: &str) -> Host {
        Host::parse(name).unwrap()
    }

    #[test]
    fn each_host_is_shown_a_certificate_of_its_own_and_strangers_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let pairs = ["id.example.com", "*.example.com"]
            .map(|name| write(folder.path(), &name.replace('*', "any"), &[name]));
        let hosts = ["id.example.com", "wiki.example.com"].map(host);
        let chooser = Chooser::load(pairs.to_vec(), hosts.to_vec()).unwrap();
        let [id, any] = pairs.map(|pair| Certificate::load(&pair).unwrap().certified().cert.clone());
        for (name, shown) in [
            (Some("id.example.com"), &id),
            (Some("wiki.example.com"), &any),
            (Some("shop.example.com"), &id),
            (None, &id),
        ] {
            assert_eq!(&chooser.choose(name).cert, shown, "{name:?}");
        }
    }

    #[test]
    fn a_bad_new_certificate_leaves_the_old_one_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let pair = write(folder.path(), "a", &["id.example.com"]);
        let chooser = Chooser::load(vec![pair.clone()], vec![host("id.example.com")]).unwrap();
        let old = chooser.choose(None).cert.clone();
        write(folder.path(), "a", &["other.example.com"]);
        assert_eq!(chooser.reload(), Err(Unfit::Uncovered(host("id.example.com"))));
        std::fs::write(&pair.chain, "").unwrap();
        assert!(chooser.reload().unwrap_err().to_string().contains("a.pem holds no certificate"));
        assert_eq!(chooser.choose(None).cert, old);
        write(folder.path(), "a", &["id.example.com"]);
        chooser.reload().unwrap();
        assert_ne!(chooser.choose(None).cert, old);
    }
}
