//! A growing buffer that leaves nothing behind: messages carry codes, passwords and new secrets.

use std::io;
use std::ops::Deref;

use zeroize::Zeroizing;

/// Bytes that are wiped when they are dropped, and when they move because there is no room left where they are.
pub struct WipedBuffer(Zeroizing<Vec<u8>>);

impl WipedBuffer {
    /// An empty buffer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Writes `more` at the end.
    pub fn append(&mut self, more: &[u8]) {
        let length = self.0.len() + more.len();
        if length > self.0.capacity() {
            let mut roomier = Self::with_capacity(length.max(2 * self.0.capacity()));
            roomier.0.extend_from_slice(&self.0);
            *self = roomier;
        }
        self.0.extend_from_slice(more);
    }

    /// Cuts off the first `length` bytes and the one after them.
    #[must_use]
    pub fn take(&mut self, length: usize) -> Self {
        let mut rest = Self::with_capacity(0);
        rest.append(self.bytes().get(length + 1..).unwrap_or_default());
        let mut taken = std::mem::replace(self, rest);
        taken.0.truncate(length);
        taken
    }
}

impl Deref for WipedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl io::Write for WipedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_keeps_its_bytes_while_it_grows_and_is_cut() {
        let mut buffer = WipedBuffer::with_capacity(1);
        for byte in 0..100 {
            buffer.append(&[byte, byte]);
        }
        let taken = buffer.take(10);
        assert_eq!(taken.bytes(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(buffer.bytes().len(), 189);
        assert_eq!(buffer.bytes()[..2], [5, 6]);
    }
}
