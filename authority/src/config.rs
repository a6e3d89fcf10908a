//! The authority's configuration: every mistake reported at once, before any socket is open.
