//! Which format a ledger has: a record of its own, whose beginning every version can read.
//!
//! The format is everything about how records lie in a ledger: the seal's header, the key spaces, each record's shape.
//! Whoever changes one of them gives [`FORMAT`] a new number and says in [`super::open`] how the one before becomes it.
//! This record is always sealed like a value of format 1, and further fields only ever come after the ones here.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal::{SealError, Sealer};
use super::{Key, Space, StoreError, record};

/// The format that this version reads and writes. Ledgers made before formats were named have none: that is 0, and
/// their records are those of 1. Since 2 an account's language may stand behind its record; since 3 also its lock's
/// reason and end, and its charge. What 1 and 2 wrote is read as it is.
pub const FORMAT: u32 = 3;

/// A ledger's format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Format {
    pub number: u32,
    /// The version that wrote it first.
    pub by: String,
}

impl Format {
    /// This version's.
    pub fn current() -> Self {
        Self { number: FORMAT, by: env!("CARGO_PKG_VERSION").to_owned() }
    }

    pub fn key() -> Key {
        Key::new(Space::Meta, "format")
    }

    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        record::encode(&Self::key(), self)
    }

    /// Reads the record as it lies in a ledger or a copy.
    pub fn open(sealer: &Sealer, sealed: &[u8]) -> Result<Self, SealError> {
        let (_, value) = sealer.open(&Self::key(), sealed)?;
        Self::decode(&value).ok_or_else(|| SealError::Shape(Self::key()))
    }

    /// What later versions write behind it is nothing to this one.
    pub fn decode(value: &[u8]) -> Option<Self> {
        postcard::take_from_bytes(value).ok().map(|(format, _)| format)
    }

    /// Whether this version knows it.
    pub fn is_known(&self) -> bool {
        self.number <= FORMAT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_version_writes_behind_it_is_passed_over() {
        let mut value = Format { number: 9, by: "9.0.0".into() }.encode().unwrap().to_vec();
        value.extend_from_slice(b"and more");
        let format = Format::decode(&value).unwrap();
        assert_eq!((format.number, format.by.as_str(), format.is_known()), (9, "9.0.0", false));
        assert!(Format::current().is_known() && Format::default().is_known());
        assert_eq!(Format::decode(&[]), None);
    }
}
