//! Who calls: what follows from the listener and the peer's credentials.
