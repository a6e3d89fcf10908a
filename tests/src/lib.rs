//! The harness: real programs, started in folders that vanish, driven as a person or a machine would drive them.
//!
//! ```no_run
//! use twofold_tests::{Authority, Container, First, Login};
//!
//! let authority = Authority::start();                       // a real twofoldd, own ledger, own keys
//! let alice = authority.enrol("alice");                     // its secret goes to oathtool, never to our own code
//! let host = Container::start(&authority, First::Password); // Debian with sshd, sudo, su; the door socket mounted
//! let login = host.ssh("alice", &Login::password_then(&alice.phone.fresh()));
//! assert!(login.succeeded());
//! ```
//!
//! What there is:
//! - [`Authority`] and [`Setup`]: `twofoldd` with a generated configuration; `kill`, `restart`, `client`, `twofold` (the
//!   command), `enrol`, `audit`.
//! - [`Gate`]: `twofold-gate` in front of sites; [`Upstream`], an app that shows what reached it, or serves a folder.
//! - [`Clock`]: faketime. By default an authority runs under it with offset zero, so that [`Phone::fresh`] can move to
//!   the next code instead of waiting for it. [`Clock::real`] runs without.
//! - [`activation`]: sockets held as systemd holds them; [`present`]: codes given at the authority's sockets, also under
//!   another uid.
//! - [`Phone`]: codes from `oathtool`. [`qr`]: pictures and terminals read by `zbarimg`.
//! - [`Container`]: sshd in Docker; `ssh` drives the real OpenSSH client; `exec` runs a command inside; `log` is its
//!   syslog.
//! - [`Machine`]: a host in Docker with an authority of its own, every stack of ours, and the clients people come with.
//! - [`Host`]: a whole host in Docker, with systemd, on which nothing of ours is installed yet. It and [`Machine`] run this
//!   machine's release of Debian, or a newer [`Release`].
//! - [`dokuwiki`], [`roundcube`], [`phpmyadmin`], [`cgit`]: real apps of Debian's to put behind the gate, the last with
//!   Apache; [`orders`]: the small one of ours that speaks JSON.
//! - [`Slapd`]: a real directory, over LDAPS and StartTLS.
//! - [`Terminal`]: a program on a pseudo-terminal.
//! - [`Web`]: a small HTTP client with a cookie jar that signs in at the portal. [`Browser`]: Chromium, and a
//!   [`Person`] in front of it.
//! - [`World`]: two apps behind a gate, somebody with a phone and somebody without; [`wizard`]: how a phone is set up there.
//! - [`pam`]: the module under the real libpam, in a small program instead of sshd.
//! - [`scripted`]: an authority that says what a test wants, for the module under libpam.
//! - [`traces`]: every secret, code, password, cookie and key that a run issues is noted, every log kept; the last suite
//!   looks for the ones in the others. Whatever a test issues by another way than this harness it gives to
//!   [`traces::issued`].
//!
//! Programs are taken from the folder that the test itself was built into; `./dev` builds them. By hand:
//! `cargo build --workspace --bins`, then `./dev with cargo nextest run -p twofold-tests -E 'binary(docker_ssh)'`.
//! Test files that need Docker are called `docker_*.rs`, those with a browser `browser_*.rs`: `./dev test` and
//! `.config/nextest.toml` go by that.

pub mod activation;
pub mod apache;
pub mod authority;
pub mod browser;
pub mod cgit;
pub mod clock;
pub mod container;
mod docker;
pub mod dokuwiki;
pub mod gate;
pub mod git;
pub mod host;
mod keyboard;
mod looks;
pub mod machine;
pub mod office;
pub mod orders;
pub mod pam;
pub mod person;
pub mod phone;
mod php;
pub mod phpmyadmin;
pub mod place;
pub mod present;
pub mod process;
pub mod qr;
pub mod roundcube;
pub mod scripted;
pub mod slapd;
pub mod ssh;
pub mod syslog;
pub mod terminal;
pub mod traces;
pub mod upstream;
pub mod web;
pub mod wizard;
pub mod world;

pub use authority::{Authority, Door, Enrolled, Setup};
pub use browser::Browser;
pub use clock::Clock;
pub use container::{Container, First};
pub use docker::Release;
pub use gate::Gate;
pub use host::Host;
pub use machine::Machine;
pub use office::Office;
pub use person::Person;
pub use phone::Phone;
pub use process::{Process, Run, eventually, run};
pub use slapd::Slapd;
pub use ssh::Login;
pub use terminal::Terminal;
pub use upstream::Upstream;
pub use web::Web;
pub use world::World;
