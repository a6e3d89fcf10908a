//! The real gate in front of a tiny app, with an authority that does as each test says.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test's own way to fail")]

mod api_keys;
mod app;
mod assertion;
mod authority;
mod basic;
mod basic_app;
mod browser;
mod code;
mod enrolment;
mod faults;
mod form;
mod form_app;
mod forwarding;
mod harness;
mod header;
mod join;
mod limits;
mod ops;
mod people;
mod redirect;
mod rules;
mod secure;
mod signing_in;
mod signing_out;
mod streams;
mod tls;
mod traces;
mod trust;
mod upstream;
