//! Varlink's framing and its own service methods.
