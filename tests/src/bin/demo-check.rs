//! `./dev demo --check`: the demo's path, walked by itself on real programs. Says what it does, step by step.

use std::net::TcpStream;
use std::process::{Command, ExitCode};

use twofold_tests::gate::free_port;
use twofold_tests::{Authority, Clock, Gate, Process, Setup, place};

fn main() -> ExitCode {
    let setup = Setup { clock: Clock::real(), ..Setup::default() };
    let authority = Authority::with(setup);
    let port = free_port();
    let script = place::repository().join("examples/legacy-wiki/wiki.py");
    let mut wiki =
        Process::start("wiki", Command::new("python3").arg(script).args(["--port", &port.to_string()]));
    wiki.until("the wiki listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    let gate = Gate::start(&authority, &[("wiki", ([127, 0, 0, 1], port).into())]);
    let mut walk = Walk { failed: false };
    walk.all(&authority, &gate);
    if walk.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Walk {
    failed: bool,
}

impl Walk {
    fn step(&mut self, what: &str, done: bool) {
        println!("{} {what}", if done { "ok    " } else { "FAILED" });
        self.failed |= !done;
    }

    fn all(&mut self, authority: &Authority, gate: &Gate) {
        const PASSWORD: &str = "demo-check-password";
        let site = gate.origin("wiki");
        authority.add("alice");
        authority.link("alice", "local:alice");
        authority.set_password("local:alice", PASSWORD);
        let alice = authority.enrol_existing("alice");
        self.step(
            "alice enrols; oathtool's code confirms it, ten backup codes",
            alice.backup_codes.len() == 10,
        );

        let mut web = gate.visitor();
        let page = web.get(&site);
        self.step(
            "the wiki answers with the portal's sign-in page",
            page.url.starts_with(&gate.origin("id")),
        );
        let page = web.give_password(&site, "alice", PASSWORD);
        self.step("the password leads to the code page", page.asks_for("one-time-code"));
        let code = alice.phone.fresh();
        let page = web.give_code(&page, &code);
        let reached = page.url.starts_with(&site) && page.body.contains("Onion Wiki");
        self.step("a code from oathtool leads to the wiki", reached);
        self.step("the wiki is told who it is", page.body.contains("Hello alice"));
        let page = web.get(&format!("{site}/request"));
        self.step("the wiki sees none of the gate's cookies", !page.body.contains("__Host-twofold"));

        let mut thief = gate.visitor();
        let page = thief.give_password(&site, "alice", PASSWORD);
        let page = thief.give_code(&page, &code);
        let refused = page.body.contains("already used") && !page.body.contains("Onion Wiki");
        self.step("the same code again is refused: it is spent", refused);
        let page = thief.give_code(&page, &alice.backup_codes[0]);
        self.step("a backup code leads to the wiki", page.body.contains("Onion Wiki"));
        let mut third = gate.visitor();
        let page = third.give_password(&site, "alice", PASSWORD);
        let page = third.give_code(&page, &alice.backup_codes[0]);
        self.step("the same backup code again is refused", !page.body.contains("Onion Wiki"));
    }
}
