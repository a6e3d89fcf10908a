//! Sites whose first factor is not the portal's page, with a real authority: a proxy's word, and a code with nothing before.

use std::fs;

use twofold_tests::web::Page;
use twofold_tests::{Authority, Enrolled, Gate, Setup, Upstream, Web, traces};

const PASSWORD: &str = "correct horse battery";
const SSO: (&str, &str) = ("x-sso-user", "alice");

struct World {
    authority: Authority,
    gate: Gate,
    app: Upstream,
    alice: Enrolled,
}

impl World {
    /// `code.localhost` and `sso.localhost`, and `wiki.localhost` with the portal's own page.
    fn start() -> Self {
        let realms = ["code.localhost", "sso.localhost"].map(String::from).to_vec();
        let authority = Authority::with(Setup { gate_realms: realms, ..Setup::default() });
        let alice = authority.enrol("local:alice");
        authority.set_password("local:alice", PASSWORD);
        traces::issued("password", PASSWORD);
        authority.link("local:alice", "code.localhost:alice");
        authority.link("local:alice", "sso.localhost:alice");
        let app = Upstream::start("Our app");
        let mut gate =
            Gate::prepare(&authority, &[("wiki", app.address())], "trusted_proxies = [\"127.0.0.1\"]");
        let mut text = fs::read_to_string(gate.configuration()).unwrap();
        for (name, more) in [
            ("code", "first_factor = \"code\""),
            ("sso", "first_factor = \"header\"\n[site.header]\nname = \"X-SSO-User\""),
        ] {
            text += &format!(
                "[[site]]\norigin = {:?}\nupstream = \"{}\"\n{more}\n",
                gate.origin(name),
                app.address()
            );
        }
        fs::write(gate.configuration(), text).unwrap();
        gate.restart();
        Self { authority, gate, app, alice }
    }

    fn page(&self, site: &str) -> String {
        format!("{}/page", self.gate.origin(site))
    }

    /// Opens the site and gives a name and a code.
    fn gives(&self, web: &mut Web, name: &str, code: &str) -> Page {
        let page = web.get(&self.page("code"));
        let mut form = page.form_with("one-time-code");
        form.fill("username", name).fill("one-time-code", code);
        web.submit(&page, &form)
    }
}

#[test]
fn a_name_and_a_code_open_one_site_and_the_code_is_spent_everywhere() {
    let world = World::start();
    let mut web = Web::new();
    let code = world.alice.phone.fresh();
    let news = world.gives(&mut web, "alice", &code);
    assert!(news.body.contains("was set up as your second factor"), "{news:?}");
    let onwards = news.body.split("href=\"/continue/").nth(1).unwrap().split('"').next().unwrap();
    let landed = web.get(&format!("{}/continue/{onwards}", world.gate.origin("id")));
    assert_eq!((landed.status, landed.url.as_str()), (200, world.page("code").as_str()), "{landed:?}");
    assert_eq!(world.app.seen().last().unwrap().header("remote-user"), ["alice"]);
    // It is not the first factor that the wiki asks for.
    assert!(web.get(&world.page("wiki")).asks_for("password"));
    let page = web.give_password(&world.page("wiki"), "alice", PASSWORD);
    assert!(web.give_code(&page, &code).body.contains("already used"));
    let landed = web.give_code(&page, &world.alice.phone.fresh());
    assert_eq!(landed.url, world.page("wiki"));
    // Nor does a portal session stand for name and code.
    let mut other = Web::new();
    let page = other.give_password(&world.page("wiki"), "alice", PASSWORD);
    other.give_code(&page, &world.alice.phone.fresh());
    assert!(other.get(&world.page("code")).asks_for("one-time-code"));
    let told = world.authority.audit();
    let event =
        told.iter().find(|event| event.door == "web code.localhost" && event.action == "verify").unwrap();
    assert_eq!(event.name.as_deref(), Some("code.localhost:alice"));
}

#[test]
fn guesses_at_a_code_site_tell_nothing_and_hold_up_nobody_with_a_password() {
    let world = World::start();
    world.authority.enrol("root");
    let error = |page: &Page| {
        page.body.split("id=\"error\">").nth(1).and_then(|rest| rest.split('<').next()).map(str::to_owned)
    };
    for name in ["alice", "nobody", "root", "unix:root", "alic\u{e9}", "local:alice"] {
        let page = world.gives(&mut Web::new(), name, "123456");
        assert_eq!(page.status, 403, "{name}: {page:?}");
        assert!(error(&page).unwrap().starts_with("That name and code don&#39;t match."), "{name}: {page:?}");
    }
    let waits =
        (0..8).map(|_| world.gives(&mut Web::new(), "alice", "123456").status).any(|status| status == 429);
    assert!(waits, "guesses are slowed down");
    let mut web = Web::new();
    let page = web.give_password(&world.page("wiki"), "alice", PASSWORD);
    assert_eq!(web.give_code(&page, &world.alice.phone.fresh()).url, world.page("wiki"));
}

#[test]
fn a_proxys_word_is_a_first_factor_of_its_own_realm() {
    let world = World::start();
    let mut web = Web::new();
    web.headers.push((SSO.0.to_owned(), SSO.1.to_owned()));
    let page = web.get(&world.page("sso"));
    assert!(page.asks_for("one-time-code"), "{page:?}");
    let landed = web.give_code(&page, &world.alice.phone.fresh());
    // A page of the site goes on by itself.
    assert!(landed.body.contains("content=\"0; url=/page\""), "{landed:?}");
    let landed = web.get(&world.page("sso"));
    assert_eq!((landed.status, landed.url.as_str()), (200, world.page("sso").as_str()), "{landed:?}");
    assert_eq!(world.app.seen().last().unwrap().header("x-sso-user"), ["alice"]);
    // Whoever the proxy names is that realm's person, whatever the name looks like.
    world.authority.enrol("root");
    for name in ["root", "unix:root", "bob", "local:alice"] {
        let mut other = Web::new();
        other.headers.push((SSO.0.to_owned(), name.to_owned()));
        // Not root's, bob's or alice's of other realms: a new name, that may join an account with a code of that.
        let page = other.get(&world.page("sso"));
        assert!(page.status == 403 || page.url.contains("/join/"), "{name}: {page:?}");
    }
    web.headers.pop();
    assert_eq!(web.get(&world.page("sso")).status, 403, "nobody is named");
    web.headers.push((SSO.0.to_owned(), "bob".to_owned()));
    assert!(web.get(&world.page("sso")).url.contains("/join/"));
    web.headers.pop();
    web.headers.push((SSO.0.to_owned(), SSO.1.to_owned()));
    assert!(web.get(&world.page("sso")).asks_for("one-time-code"), "somebody else's name ended it");
}
