//! Certificates, and connections that check them.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::browser::connect;

/// A root that signs certificates.
pub struct Root {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Root {
    /// A new one.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "A root for tests");
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Writes a certificate for these hosts and its key, as `NAME.pem` and `NAME.key`; the two files.
    pub fn write(&self, folder: &Path, name: &str, hosts: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let own = KeyPair::generate().unwrap();
        let signed =
            CertificateParams::new(names).unwrap().signed_by(&own, &self.certificate, &self.key).unwrap();
        let (chain, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        write(&chain, &signed.pem());
        write(&key, &own.serialize_pem());
        (chain, key)
    }

    /// What a client that knows this root alone trusts.
    pub fn trusts(&self) -> Trusts {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Trusts(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// What a client trusts.
#[derive(Clone)]
pub struct Trusts(Arc<ClientConfig>);

/// A connection over TLS.
pub type Secure = StreamOwned<ClientConnection, TcpStream>;

impl Trusts {
    /// Connects for this server name; an error when the certificate shown is not for it.
    pub fn connect(&self, port: u16, name: &str) -> Result<Secure, std::io::Error> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::clone(&self.0), name).unwrap();
        let mut stream = connect(port);
        while client.is_handshaking() {
            client.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(client, stream))
    }
}
