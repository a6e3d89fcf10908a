//! What comes of a login, against a scripted host and a scripted authority.
