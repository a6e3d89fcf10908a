//! Every method of the interface.
