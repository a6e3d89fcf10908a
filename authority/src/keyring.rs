//! The keys that seal the ledger and the peppers of its hashes.
