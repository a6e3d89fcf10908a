//! JSON that is passed on as it came.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// A JSON value of whatever shape: the parameters or the reply of another method. Wiped when dropped, for it may hold a
/// secret.
pub struct Opaque(Zeroizing<String>);

impl Opaque {
    /// What `value` is in JSON.
    ///
    /// # Errors
    /// Those of its `Serialize`.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut buffer = crate::wiped::WipedBuffer::with_capacity(512);
        serde_json::to_writer(&mut buffer, value)?;
        let text = std::str::from_utf8(&buffer).map_err(serde_json::Error::custom)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Reads it as `T`.
    ///
    /// # Errors
    /// Those of its `Deserialize`.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The value itself.
    ///
    /// # Errors
    /// None for what was read or written here.
    pub fn raw(&self) -> Result<&RawValue, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl From<&RawValue> for Opaque {
    fn from(raw: &RawValue) -> Self {
        Self(Zeroizing::new(raw.get().to_owned()))
    }
}

impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opaque(…)")
    }
}

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: Box<RawValue> = Box::deserialize(deserializer)?;
        Ok(Self(Zeroizing::new(Box::<str>::from(raw).into_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_out_as_it_went_in() {
        let text = r#"{"a":[1,"x"],"b":{"c":null}}"#;
        let value: Opaque = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        let again: serde_json::Value = Opaque::of(&value).unwrap().read().unwrap();
        assert_eq!(again["b"]["c"], serde_json::Value::Null);
        assert!(!format!("{value:?}").contains('x'), "it may be a secret");
    }
}
