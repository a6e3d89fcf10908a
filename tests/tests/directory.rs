//! Passwords that a real directory checks: LDAPS and StartTLS, and everything that could make a wrong one right.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use nix::sys::signal::Signal;
use twofold_tests::slapd::PASSWORD;
use twofold_tests::web::Page;
use twofold_tests::{Authority, Enrolled, Gate, Setup, Slapd, Upstream, Web, traces};

const LOCAL: &str = "correct horse battery";

struct World {
    slapd: Slapd,
    authority: Authority,
    gate: Gate,
    app: Upstream,
    alice: Enrolled,
    bob: Enrolled,
}

impl World {
    fn start() -> Self {
        Self::of(Slapd::start(), |directories| directories)
    }

    /// `search.localhost` and `other.localhost` with the searched directory, `direct.localhost` with the one that is bound to
    /// by name, `wiki.localhost` with the ledger's passwords.
    fn of(slapd: Slapd, change: impl Fn(String) -> String) -> Self {
        let realms = ["corp", "names"].map(String::from).to_vec();
        let authority = Authority::with(Setup { gate_realms: realms, ..Setup::default() });
        let alice = authority.enrol("local:alice");
        let bob = authority.enrol("corp:bob");
        authority.set_password("local:alice", LOCAL);
        traces::issued("password", LOCAL);
        for (account, name) in [
            ("local:alice", "corp:alice"),
            ("local:alice", "names:alice"),
            ("corp:bob", "names:bob"),
            ("corp:bob", "corp:carol"),
            ("corp:bob", "names:frank"),
        ] {
            authority.link(account, name);
        }
        let app = Upstream::start("Our app");
        let mut gate =
            Gate::prepare(&authority, &[("wiki", app.address())], "trusted_proxies = [\"127.0.0.1\"]");
        let mut text = fs::read_to_string(gate.configuration()).unwrap();
        for (name, realm) in [("search", "corp"), ("other", "corp"), ("direct", "names")] {
            text += &format!(
                "[[site]]\norigin = {:?}\nupstream = \"{}\"\nfirst_factor = \"password\"\ndirectory = {realm:?}\n",
                gate.origin(name),
                app.address()
            );
        }
        text += &change(slapd.searched("corp") + &slapd.direct("names"));
        fs::write(gate.configuration(), text).unwrap();
        gate.restart();
        Self { slapd, authority, gate, app, alice, bob }
    }

    fn page(&self, site: &str) -> String {
        format!("{}/page", self.gate.origin(site))
    }

    /// What comes of a name and a password at a site, from an address of its own.
    fn tries(&self, site: &str, name: &str, password: &str, address: &str) -> Page {
        let mut web = Web::new();
        web.headers.push(("x-forwarded-for".to_owned(), address.to_owned()));
        web.give_password(&self.page(site), name, password)
    }

    fn last_user(&self) -> String {
        self.app.seen().last().unwrap().header("remote-user").concat()
    }
}

fn error(page: &Page) -> String {
    let found = page.body.split("id=\"error\">").nth(1).and_then(|rest| rest.split('<').next());
    found.unwrap_or_else(|| panic!("no error in {page:?}")).to_owned()
}

#[test]
fn a_directorys_password_then_the_code_then_the_site_whatever_the_spelling() {
    let world = World::start();
    for (site, name) in
        [("search", "alice"), ("direct", " ALICE "), ("search", "ａlice"), ("direct", "Alice")]
    {
        let mut web = Web::new();
        let page = web.give_password(&world.page(site), name, PASSWORD);
        assert!(page.asks_for("one-time-code"), "{site} {name}: {page:?}\n{}", world.gate.log());
        assert!(world.app.seen().is_empty() || world.last_user() == "alice");
        let landed = web.give_code(&page, &world.alice.phone.fresh());
        assert_eq!((landed.status, landed.url.as_str()), (200, world.page(site).as_str()), "{site} {name}");
        assert_eq!(world.last_user(), "alice");
    }
    let told = world.authority.audit();
    let event = told.iter().find(|event| event.action == "assert_first").unwrap();
    assert_eq!(event.name.as_deref(), Some("corp:alice"));
}

#[test]
fn one_sign_in_serves_all_sites_of_a_directory_and_no_other_realms() {
    let world = World::start();
    let mut web = Web::new();
    let page = web.give_password(&world.page("search"), "alice", PASSWORD);
    web.give_code(&page, &world.alice.phone.fresh());
    let landed = web.get(&world.page("other"));
    assert_eq!((landed.status, landed.url.as_str()), (200, world.page("other").as_str()));
    assert!(web.get(&world.page("direct")).asks_for("password"), "another realm asks for its own password");
    // For the same account that has what is needed no second code is asked; the portal's session stays what it was.
    let before = web.cookies("id.localhost").get("__Host-twofold-id").cloned();
    let landed = web.give_password(&world.page("direct"), "alice", PASSWORD);
    assert_eq!((landed.status, landed.url.as_str()), (200, world.page("direct").as_str()), "{landed:?}");
    // Somebody else's password asks for somebody else's code, and leaves the portal's session alone, too.
    let mut web = Web::new();
    let page = web.give_password(&world.page("wiki"), "alice", LOCAL);
    web.give_code(&page, &world.alice.phone.fresh());
    let own = web.cookies("id.localhost").get("__Host-twofold-id").cloned();
    let page = web.give_password(&world.page("search"), "bob", PASSWORD);
    assert!(page.asks_for("one-time-code") && page.body.contains("bob"), "{page:?}");
    let refused = error(&web.give_code(&page, &world.alice.phone.fresh()));
    assert!(refused.starts_with("That code didn&#39;t match"), "{refused}");
    let landed = web.give_code(&page, &world.bob.phone.fresh());
    assert_eq!(landed.url, world.page("search"), "{landed:?}");
    assert_eq!(world.last_user(), "bob");
    assert_eq!(web.cookies("id.localhost").get("__Host-twofold-id").cloned(), own);
    assert!(before.is_some() && own.is_some());
    web.get(&world.page("wiki"));
    assert_eq!(world.last_user(), "alice");
}

#[test]
fn no_name_and_no_password_talks_a_directory_into_a_yes() {
    let world = World::start();
    // The trap is set: the directory itself calls a bind without a password a success.
    let alice = "uid=alice,ou=people,dc=example,dc=com";
    assert_eq!(world.slapd.who_am_i(alice, "").expect_success().trim(), "anonymous");
    let wrong = "That name and password don&#39;t match. Check both and type them again.";
    let mut number = 0;
    for site in ["search", "direct"] {
        for (name, password) in [
            ("alice", "wrong"),
            ("alice", "\0"),
            ("alice", &format!("{PASSWORD}\0")),
            ("alice", &"x".repeat(2000)),
            ("nobody", PASSWORD),
            ("*", PASSWORD),
            ("ali*", PASSWORD),
            ("alice)(uid=*", PASSWORD),
            ("nobody)(|(uid=alice)", PASSWORD),
            ("alice,ou=people,dc=example,dc=com", PASSWORD),
            ("alice\0", PASSWORD),
            ("alice\\00", PASSWORD),
            ("alice+cn=alice", PASSWORD),
            ("corp:alice", PASSWORD),
            ("dn:uid=alice", PASSWORD),
            ("alice\n", "wrong"),
            ("alic\u{e9}", PASSWORD),
            ("gate", PASSWORD),
        ] {
            number += 1;
            let page = world.tries(site, name, password, &format!("192.0.2.{number}"));
            assert_eq!((page.status, error(&page).as_str()), (403, wrong), "{site} {name:?} {password:?}");
        }
        for password in ["", "   "] {
            let page = world.tries(site, "alice", password, "198.51.100.1");
            assert!([403, 422].contains(&page.status) && page.asks_for("password"), "{site}: {page:?}");
        }
    }
    // Two people of one name are nobody; whoever shares the ledger's name with one of them stays out.
    assert_eq!(error(&world.tries("search", "carol", PASSWORD, "198.51.100.2")), wrong);
    assert!(world.gate.log().contains("several entries for one name"));
    assert!(world.app.seen().is_empty());
}

#[test]
fn a_person_whose_name_the_directory_does_not_say_gets_in_nowhere() {
    let world = World::start();
    for (site, name) in [("direct", "frank"), ("direct", "dave"), ("search", "dave")] {
        let page = world.tries(site, name, PASSWORD, "192.0.2.1");
        assert_eq!(page.status, 503, "{site} {name}: {page:?}");
    }
    assert!(world.gate.log().contains("has not exactly one uid that can be read"), "{}", world.gate.log());
    // Eve is who she says, and the ledger has nobody of that name: she is asked for an account elsewhere, and offered none.
    let page = world.tries("search", "eve", PASSWORD, "192.0.2.1");
    assert!(page.url.contains("/join/") && page.body.contains("knows you as eve"), "{page:?}");
    assert!(page.body.contains("ask the people who run this service to add you"), "{page:?}");
    world.authority.twofold(&["account", "lock", "corp:bob"]).expect_success();
    assert_eq!(world.tries("search", "bob", PASSWORD, "192.0.2.1").status, 403);
    assert_eq!(world.tries("search", "alice", PASSWORD, "192.0.2.1").status, 200);
}

#[test]
fn guesses_are_counted_for_a_person_and_an_address_whatever_the_spelling() {
    let world = World::start();
    assert!(world.tries("search", "alice", PASSWORD, "192.0.2.200").asks_for("one-time-code"));
    for round in 0..20 {
        let page = world.tries("search", &format!("name{round}"), "wrong", "192.0.2.1");
        assert_eq!(page.status, 403, "{round}: {page:?}");
    }
    let page = world.tries("search", "bob", PASSWORD, "192.0.2.1");
    assert!(page.status == 429 && error(&page).contains("Too many tries"), "{page:?}");
    // From everywhere and in every spelling the directory knows: sixty of them, and the owner's own place stays open.
    let spellings = ["alice", "ALICE", "ａlice", "al\u{ad}ice", " alice", "Alice "];
    for round in 0..60 {
        let address = format!("203.0.113.{round}");
        let page = world.tries("search", spellings[round % spellings.len()], "wrong", &address);
        assert_eq!(page.status, 403, "{round}: {page:?}");
    }
    for spelling in spellings {
        assert_eq!(world.tries("search", spelling, "wrong", "203.0.113.100").status, 429, "{spelling:?}");
    }
    assert!(world.tries("search", "alice", PASSWORD, "192.0.2.200").asks_for("one-time-code"));
}

#[test]
fn a_directory_that_is_not_itself_decides_nothing() {
    let stranger = Slapd::start();
    let root = stranger.root();
    // Another root than its own signed; then the right root, for another host.
    let swapped = |text: String| {
        let lines = text.lines().map(|line| match line.starts_with("ca = ") {
            true => format!("ca = {root:?}\n"),
            false => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    for world in
        [World::of(Slapd::start(), swapped), World::of(Slapd::with(&["ldap.example.com"]), |text| text)]
    {
        for site in ["search", "direct"] {
            let page = world.tries(site, "alice", PASSWORD, "192.0.2.1");
            assert!(page.status == 503 && page.body.contains("check sign-ins right now"), "{site}: {page:?}");
        }
        let log = world.gate.log();
        assert_eq!(log.matches("is not who it should be").count(), 2, "{log}");
    }
}

#[test]
fn a_directory_that_is_down_or_silent_decides_nothing_and_is_asked_again() {
    let mut world = World::start();
    world.slapd.stop();
    for site in ["search", "direct"] {
        let page = world.tries(site, "alice", PASSWORD, "192.0.2.1");
        assert!(page.status == 503 && page.body.contains("check sign-ins right now"), "{site}: {page:?}");
    }
    // The ledger's own passwords go on.
    assert!(world.tries("wiki", "alice", LOCAL, "192.0.2.1").asks_for("one-time-code"));
    world.slapd.restart();
    world.slapd.signal(Signal::SIGSTOP);
    for site in ["search", "direct"] {
        assert_eq!(world.tries(site, "alice", PASSWORD, "192.0.2.1").status, 503, "{site}");
    }
    assert!(world.gate.log().contains("did not answer in time"), "{}", world.gate.log());
    world.slapd.signal(Signal::SIGCONT);
    for site in ["search", "direct"] {
        assert!(world.tries(site, "alice", PASSWORD, "192.0.2.1").asks_for("one-time-code"), "{site}");
    }
}

#[test]
fn a_directory_that_takes_no_starttls_is_not_asked_in_the_clear() {
    let world = World::of(Slapd::with(&[]), |text| text);
    for site in ["search", "direct"] {
        assert_eq!(world.tries(site, "alice", PASSWORD, "192.0.2.1").status, 503, "{site}");
    }
    assert!(world.gate.log().contains("it does not take StartTLS"), "{}", world.gate.log());
    // On loopback, where the file says so, it is.
    let slapd = Slapd::with(&[]);
    let unsecured = slapd.searched("corp") + &slapd.unsecured("names");
    let world = World::of(slapd, |_| unsecured.clone());
    assert!(world.tries("direct", "alice", PASSWORD, "192.0.2.1").asks_for("one-time-code"));
}

#[test]
fn the_authority_must_take_the_gates_word_for_the_realm() {
    let slapd = Slapd::start();
    let authority = Authority::start();
    authority.enrol("corp:alice");
    let app = Upstream::start("Our app");
    let mut gate = Gate::prepare(&authority, &[("wiki", app.address())], "portal_directory = \"corp\"");
    let text = fs::read_to_string(gate.configuration()).unwrap() + &slapd.searched("corp");
    fs::write(gate.configuration(), text).unwrap();
    gate.restart();
    let page = Web::new().give_password(&gate.origin("id"), "alice", PASSWORD);
    assert_eq!(page.status, 503, "{page:?}");
}

#[test]
fn the_portals_own_page_may_ask_a_directory() {
    let slapd = Slapd::start();
    let authority = Authority::with(Setup { gate_realms: vec!["corp".to_owned()], ..Setup::default() });
    let alice = authority.enrol("corp:alice");
    let app = Upstream::start("Our app");
    let mut gate = Gate::prepare(&authority, &[("wiki", app.address())], "portal_directory = \"corp\"");
    let text = fs::read_to_string(gate.configuration()).unwrap() + &slapd.searched("corp");
    fs::write(gate.configuration(), text).unwrap();
    gate.restart();
    let mut web = Web::new();
    let page = web.give_password(&gate.origin("id"), "alice", PASSWORD);
    let home = web.give_code(&page, &alice.phone.fresh());
    assert!(home.status == 200 && home.body.contains("alice"), "{home:?}");
}

/// Answers every connection with these bytes, whatever it is asked.
fn answers(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, bytes) = (stream.unwrap(), bytes.clone());
            std::thread::spawn(move || {
                let mut asked = [0; 512];
                if stream.read(&mut asked).is_ok_and(|length| length > 0) {
                    // The gate may have heard enough.
                    let _ = stream.write_all(&bytes);
                    let _ = stream.read(&mut asked);
                }
            });
        }
    });
    port
}

/// Brackets within brackets, as long as this.
fn deep(longest: usize) -> Vec<u8> {
    let levels = u32::try_from(longest / 5).unwrap();
    let head = |within: u32| {
        let [_, high, middle, low] = (within * 5).to_be_bytes();
        [0x30, 0x83, high, middle, low]
    };
    (0..levels).rev().flat_map(head).collect()
}

#[test]
fn a_directory_that_answers_rubbish_decides_nothing_and_ends_nothing() {
    const BOUND: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
    const DONE: &[u8] = b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
    // A search's entry that has no attributes, and one that is something else.
    const ENTRY: &[u8] = b"\x30\x0a\x02\x01\x02\x64\x05\x04\x01\x61\x30\x00";
    const ODD: &[u8] = b"\x30\x08\x02\x01\x02\x64\x03\x02\x01\x07";
    let with = |parts: &[&[u8]]| parts.concat();
    let mut another = BOUND.to_vec();
    another[4] = 7;
    let mut sasl = BOUND.to_vec();
    sasl[9] = 14;
    let rubbish: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("half", BOUND[..9].to_vec()),
        ("another question's answer", another),
        ("more is to come", sasl),
        ("no number", b"\x30\x05\x04\x03abc".to_vec()),
        ("empty", b"\x30\x00".to_vec()),
        ("deep", deep(60_000)),
        ("deeper", deep(2_000_000)),
        ("endless", vec![0x30; 4_000_000]),
        ("a length beyond all", b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        ("right and nobody there", with(&[BOUND, DONE])),
        ("right and no name", with(&[BOUND, ENTRY, DONE])),
        ("right and an odd entry", with(&[BOUND, ODD, DONE])),
        ("right and two entries", with(&[BOUND, ENTRY, ENTRY, DONE])),
    ];
    let mut directories = String::new();
    let realms: Vec<String> = (0..rubbish.len()).map(|number| format!("odd{number}")).collect();
    let authority = Authority::with(Setup { gate_realms: realms.clone(), ..Setup::default() });
    authority.enrol("local:alice");
    authority.set_password("local:alice", LOCAL);
    let app = Upstream::start("Our app");
    let mut gate = Gate::prepare(&authority, &[("wiki", app.address())], "trusted_proxies = [\"127.0.0.1\"]");
    let mut text = fs::read_to_string(gate.configuration()).unwrap();
    for (realm, (_, bytes)) in realms.iter().zip(&rubbish) {
        authority.link("local:alice", &format!("{realm}:alice"));
        text += &format!(
            "[[site]]\norigin = {:?}\nupstream = \"{}\"\nfirst_factor = \"password\"\ndirectory = {realm:?}\n",
            gate.origin(realm),
            app.address()
        );
        directories += &format!(
            "[[directory]]\nrealm = {realm:?}\nurl = \"ldap://127.0.0.1:{}\"\ntimeout = \"1s\"\nuser_dn = \
             \"uid={{name}},dc=example\"\n",
            answers(bytes.clone())
        );
    }
    fs::write(gate.configuration(), text + &directories).unwrap();
    gate.restart();
    for (realm, (what, _)) in realms.iter().zip(&rubbish) {
        let page = Web::new().give_password(&format!("{}/page", gate.origin(realm)), "alice", PASSWORD);
        assert_eq!(page.status, 503, "{what}: {page:?}");
    }
    let page = Web::new().give_password(&format!("{}/page", gate.origin("wiki")), "alice", LOCAL);
    assert!(page.asks_for("one-time-code"), "{page:?}");
    assert!(app.seen().is_empty() && gate.process().ended().is_none());
}
