//! The small app of `examples/json-login`, which signs people in by a script and knows alice and bob.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use crate::gate::free_port;
use crate::{Person, Process, place, traces};

/// The password of alice and bob.
pub const PASSWORD: &str = "orders pass 4711";

/// A gate's configuration for it, as the example has it.
pub const EXAMPLE: &str = include_str!("../../examples/json-login/gate.toml");

/// A running app.
#[derive(Debug)]
pub struct Orders {
    address: SocketAddr,
    _process: Process,
}

impl Orders {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        traces::issued("password", PASSWORD);
        let port = free_port();
        let passwords = serde_json::json!({"alice": PASSWORD, "bob": PASSWORD});
        let mut process = Process::start(
            "json-login",
            Command::new("python3")
                .arg(place::repository().join("examples/json-login/app.py"))
                .args(["--port", &port.to_string()])
                .env("PASSWORDS", passwords.to_string()),
        );
        process.until("the app listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), _process: process }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Somebody signs in at its page, and comes to where `there` is.
pub async fn signs_in(person: &Person<'_>, name: &str, there: &str) {
    person.fills("input[name=name]", name).await;
    person.fills("input[name=password]", PASSWORD).await;
    person.presses("button", there).await;
}
