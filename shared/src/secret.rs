//! Text that must not be printed, copied or left in memory.

use std::fmt;

use serde::{Deserialize, Deserializer, Serializer};
use zeroize::Zeroizing;

/// A password, a code, a key as text: redacted when printed, wiped when dropped, never cloned.
///
/// It serialises only where a message says so with `#[serde(with = "twofold_shared::secret::revealed")]`, so that no
/// secret enters a record or a log because a struct around it derived `Serialize`.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes over `text`; its buffer is wiped on drop.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// Deliberate serialisation of a [`SecretText`], for the wire alone.
pub mod revealed {
    use super::{Deserialize, Deserializer, SecretText, Serializer};

    /// Writes the secret in the clear.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(secret: &SecretText, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.reveal())
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// Those of the deserialiser.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SecretText, D::Error> {
        String::deserialize(from).map(SecretText::new)
    }
}

/// The same for an optional [`SecretText`]; use it together with `#[serde(default)]`.
pub mod revealed_option {
    use super::{Deserialize, Deserializer, SecretText, Serializer};

    /// Writes the secret in the clear, or null.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(secret: &Option<SecretText>, to: S) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => to.serialize_some(secret.reveal()),
            None => to.serialize_none(),
        }
    }

    /// Reads a secret or null.
    ///
    /// # Errors
    /// Those of the deserialiser.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretText>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(SecretText::new))
    }
}

/// The same for a list of secrets: backup codes on their one way to their owner.
pub mod revealed_list {
    use super::{Deserialize, Deserializer, SecretText, Serializer};

    /// Writes the secrets in the clear.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(secrets: &[SecretText], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(secrets.iter().map(SecretText::reveal))
    }

    /// Reads a list of secrets.
    ///
    /// # Errors
    /// Those of the deserialiser.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SecretText>, D::Error> {
        Ok(Vec::<String>::deserialize(from)?.into_iter().map(SecretText::new).collect())
    }
}
