//! The audit trail: what is told, to the ledger and to syslog, and never a secret.
