//! Certificates, and connections that check them.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

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
    /// The same for a client that offers HTTP/2.
    pub fn with_http2(&self) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self(Arc::new(config))
    }

    /// All of it.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

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

/// An app over TLS: it answers each request with its head, and keeps the server names that it was asked for.
pub struct SecureApp {
    /// Where it listens.
    pub address: SocketAddr,
    names: Arc<Mutex<Vec<Option<String>>>>,
}

impl SecureApp {
    /// Starts it with a certificate for `host` that `root` signs.
    pub fn start(root: &Root, host: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = root.write(folder.path(), "app", &[host]);
        let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let names = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&names);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let tls =
                    StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream.unwrap());
                let record = Arc::clone(&record);
                thread::spawn(move || answer(tls, &record));
            }
        });
        Self { address, names }
    }

    /// The server names of the requests that reached it.
    pub fn names(&self) -> Vec<Option<String>> {
        self.names.lock().unwrap().clone()
    }
}

fn answer(tls: StreamOwned<ServerConnection, TcpStream>, record: &Mutex<Vec<Option<String>>>) {
    let mut reader = BufReader::new(tls);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(reader.read_line(&mut head), Ok(length) if length > 0) {
                return;
            }
        }
        record.lock().unwrap().push(reader.get_ref().conn.server_name().map(str::to_owned));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len());
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}
