//! Where an attempt comes from, as far as a throttle must know: digests, strongest first.

use std::fmt;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::wire::Source;

/// What kind of source, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// A browser that has passed before.
    Browser,
    /// A public key that sshd has just verified.
    PublicKey,
    /// The local terminals of one host.
    Terminals,
    /// One IPv4 address, or the /64 of an IPv6 address.
    Address,
}

/// One source. A digest, so that a record is small and keeps no address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId {
    /// What kind.
    pub kind: SourceKind,
    /// Truncated SHA-256 of kind, reporter and value.
    pub digest: [u8; 16],
}

impl SourceId {
    /// Names a source as one reporter sees it. `reporter` is the host of the door listener that reported it, or empty
    /// for what came over the main socket: what a door says counts only under its own host, so root in a container
    /// can neither be, nor wear out, a source that the owner uses elsewhere.
    #[must_use]
    pub fn new(kind: SourceKind, reporter: &str, value: &[u8]) -> Self {
        let tag: &[u8] = match kind {
            SourceKind::Browser => b"browser",
            SourceKind::PublicKey => b"public key",
            SourceKind::Terminals => b"terminals",
            SourceKind::Address => b"address",
        };
        let mut hash = Sha256::new();
        for part in [tag, reporter.as_bytes(), value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut digest = [0; 16];
        digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self { kind, digest }
    }
}

/// Where an attempt comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Every source it can be known by, strongest first.
    pub sources: Vec<SourceId>,
}

impl Origin {
    /// What a door reported. `host` is the host that a terminal belongs to; for `reporter` see [`SourceId::new`].
    #[must_use]
    pub fn reported(source: &Source, host: &str, reporter: &str) -> Self {
        let mut sources = Vec::with_capacity(2);
        if let Some(key) = source.public_key.as_deref().and_then(public_key) {
            sources.push(SourceId::new(SourceKind::PublicKey, reporter, key.as_bytes()));
        }
        match source.address {
            Some(address) => sources.push(SourceId::new(SourceKind::Address, reporter, &network(address))),
            None if source.terminal.is_some() => {
                sources.push(SourceId::new(SourceKind::Terminals, reporter, host.as_bytes()));
            }
            None => {}
        }
        Self { sources }
    }

    /// The same with one more source, put where its strength belongs.
    #[must_use]
    pub fn with(mut self, source: SourceId) -> Self {
        self.sources.push(source);
        self.sources.sort();
        self
    }

    /// The weakest source: the address, wherever there is one.
    #[must_use]
    pub(super) fn weakest(&self) -> Option<SourceId> {
        self.sources.last().copied()
    }
}

/// Type and blob, without the comment and the method's name that some reporters leave around them.
fn public_key(key: &str) -> Option<String> {
    let mut words = key.split_ascii_whitespace().filter(|word| *word != "publickey");
    Some(format!("{} {}", words.next()?, words.next()?))
}

/// What counts as one address: IPv4 whole, also when mapped into IPv6; of IPv6 the /64.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().into_iter().take(8).collect(),
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.kind, data_encoding::HEXLOWER.encode(&self.digest))
    }
}
