//! The ledger: get, scan, commit, watch.
