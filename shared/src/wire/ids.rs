//! Numbers that name a request, a session or an API key: hex on the wire, bytes within.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use rustix::io::{Errno, retry_on_intr};
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A request's own 128-bit number, in hex on the wire. The answer repeats it; the audit trail files the event under it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce([u8; 16]);

/// SHA-256 of a session cookie, or of a whole API key, in hex on the wire. The authority never sees the cookie itself, and
/// keeps no key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionDigest([u8; 32]);

/// An API key's number, in hex on the wire and in the key itself. It names the key and opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId([u8; 8]);

macro_rules! hex_bytes {
    ($name:ident, $len:literal) => {
        impl $name {
            /// Wraps the raw bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEX.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&HEX.encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                let bytes = HEX.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| {
                    serde::de::Error::custom(concat!("expected ", stringify!($len), " bytes in hex"))
                })
            }
        }
    };
}

hex_bytes!(Nonce, 16);
hex_bytes!(SessionDigest, 32);
hex_bytes!(ApiKeyId, 8);

impl Nonce {
    /// A new one from the kernel's randomness.
    ///
    /// # Errors
    /// When the kernel gives none; a door that meets this refuses.
    pub fn generate() -> Result<Self, Errno> {
        let mut bytes = [0; 16];
        // Deliberate: not the crate getrandom, whose way back to /dev/urandom the PAM module would load at every login.
        let got = retry_on_intr(|| getrandom(bytes.as_mut_slice(), GetRandomFlags::empty()))?;
        // The kernel never gives less of so little.
        if got == bytes.len() { Ok(Self(bytes)) } else { Err(Errno::IO) }
    }
}
