//! A certificate with its key, read from two files and judged before anybody is shown it.

use std::fmt;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use twofold_shared::config::{FileKind, read_file};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::host::Host;

/// The files of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate and those between it and a root, in PEM, its own first.
    pub chain: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// What tells one state of a file from another, behind links; `None` where there is no file.
pub type Stamp = Option<(u64, u64, i64, i64, i64, i64)>;

impl Pair {
    /// The state that both files are in.
    #[must_use]
    pub fn stamps(&self) -> [Stamp; 2] {
        [&self.chain, &self.key].map(|file| {
            let of = std::fs::metadata(file).ok()?;
            Some((of.dev(), of.ino(), of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()))
        })
    }
}

/// Why a certificate cannot be used. The sentence is for the administrator and leaves out the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The file of the chain, or what is in it.
    #[error("{0}")]
    Chain(String),
    /// The file of the key, or what is in it.
    #[error("{0}")]
    Key(String),
}

/// A certificate that fits its key.
#[derive(Clone)]
pub struct Certificate {
    certified: Arc<CertifiedKey>,
    ends_at: i64,
}

impl Certificate {
    /// Reads the two files.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn load(pair: &Pair) -> Result<Self, Unusable> {
        let chain = chain(&pair.chain).map_err(Unusable::Chain)?;
        let ends_at = chain.first().map_or(Err("holds no certificate".to_owned()), ends_at);
        let ends_at = ends_at.map_err(Unusable::Chain)?;
        let bytes = read_file(&pair.key, FileKind::Secret).map_err(Unusable::Key)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|why| Unusable::Key(format!("holds no private key in PEM without a password: {why}")))?;
        let certified = CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())
            .map_err(|why| match why {
                rustls::Error::InconsistentKeys(_) => {
                    Unusable::Key(format!("is not the key of {}", pair.chain.display()))
                }
                rustls::Error::InvalidCertificate(why) => Unusable::Chain(format!("cannot be used: {why:?}")),
                why => Unusable::Key(format!("cannot be used: {why}")),
            })?;
        Ok(Self { certified: Arc::new(certified), ends_at })
    }

    /// What rustls shows a browser.
    #[must_use]
    pub fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// When it ends, in seconds of Unix time.
    #[must_use]
    pub fn ends_at(&self) -> i64 {
        self.ends_at
    }

    /// Whether a browser takes it for this host.
    #[must_use]
    pub fn covers(&self, host: &Host) -> bool {
        let parsed = self.certified.end_entity_cert().ok().map(ParsedCertificate::try_from);
        match (parsed, server_name(host.as_str())) {
            (Some(Ok(parsed)), Some(name)) => verify_server_name(&parsed, &name).is_ok(),
            _ => false,
        }
    }
}

/// A host as a certificate names it; an IPv6 address without its brackets.
#[must_use]
pub fn server_name(host: &str) -> Option<ServerName<'_>> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => Some(ServerName::IpAddress(address.into())),
        Err(_) => ServerName::try_from(bare).ok(),
    }
}

/// All certificates of a PEM file, at least one.
///
/// # Errors
/// A sentence without the file's name.
pub fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read_file(file, FileKind::Public)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|why| format!("cannot be read as PEM: {why}"))?;
    if chain.is_empty() { Err("holds no certificate in PEM".to_owned()) } else { Ok(chain) }
}

fn ends_at(certificate: &CertificateDer<'_>) -> Result<i64, String> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|why| format!("holds no X.509 certificate: {why}"))?;
    Ok(parsed.validity().not_after.timestamp())
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub mod tests {
    //! What other tests make certificates with.

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Writes a certificate of its own for these hosts, and its key.
    pub fn write(folder: &Path, name: &str, hosts: &[&str]) -> Pair {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(hosts).unwrap();
        let pair =
            Pair { chain: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        std::fs::write(&pair.chain, made.cert.pem()).unwrap();
        std::fs::write(&pair.key, made.key_pair.serialize_pem()).unwrap();
        std::fs::set_permissions(&pair.chain, PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::set_permissions(&pair.key, PermissionsExt::from_mode(0o600)).unwrap();
        pair
    }

    #[test]
    fn a_certificate_covers_its_names_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["id.example.com", "*.apps.example.com", "192.0.2.7", "2001:db8::7"];
        let certificate = Certificate::load(&write(folder.path(), "a", &names)).unwrap();
        for (host, covered) in [
            ("id.example.com", true),
            ("wiki.apps.example.com", true),
            ("apps.example.com", false),
            ("a.wiki.apps.example.com", false),
            ("example.com", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("[2001:db8::7]", true),
        ] {
            assert_eq!(certificate.covers(&Host::parse(host).unwrap()), covered, "{host}");
        }
        assert!(certificate.ends_at() > 1_700_000_000);
    }

    #[test]
    fn what_is_no_pair_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let one = write(folder.path(), "one", &["a.example.com"]);
        let other = write(folder.path(), "other", &["a.example.com"]);
        let mixed = Pair { chain: one.chain.clone(), key: other.key.clone() };
        assert!(
            matches!(Certificate::load(&mixed), Err(Unusable::Key(why)) if why.contains("is not the key of"))
        );
        let swapped = Pair { chain: one.key.clone(), key: one.key.clone() };
        assert!(
            matches!(Certificate::load(&swapped), Err(Unusable::Chain(why)) if why.contains("no certificate"))
        );
        let public = Pair { chain: one.chain.clone(), key: one.chain.clone() };
        std::fs::set_permissions(&one.chain, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(
            matches!(Certificate::load(&public), Err(Unusable::Key(why)) if why.contains("no private key"))
        );
        std::fs::set_permissions(&one.key, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(Certificate::load(&one), Err(Unusable::Key(why)) if why.contains("chmod")));
        let gone = Pair { key: folder.path().join("gone"), ..other };
        assert!(
            matches!(Certificate::load(&gone), Err(Unusable::Key(why)) if why.contains("cannot be opened"))
        );
    }
}
