//! Names that are new at a site, joined to accounts by several browsers at the same moment: one outcome, and whoever was late
//! has spent nothing.

use std::fs;

use twofold_shared::wire::GetAccount;
use twofold_tests::present::at_once;
use twofold_tests::web::{Form, Page};
use twofold_tests::{Authority, Enrolled, Gate, Setup, Upstream, Web};

const ROUNDS: usize = 4;
/// Between rounds, so that what those who were late have failed is not held against the next.
const TEN_DAYS: i64 = 10 * 24 * 3600;

/// `sso.localhost`, whose people a proxy names, and `new.localhost`, which gives people accounts as well.
struct World {
    authority: Authority,
    gate: Gate,
    app: Upstream,
    alice: Enrolled,
    bob: Enrolled,
}

/// A browser that was asked which account is its person's.
struct Newcomer {
    web: Web,
    page: Page,
}

impl World {
    fn start() -> Self {
        let realms = ["sso.localhost", "new.localhost"].map(String::from).to_vec();
        let authority = Authority::with(Setup { gate_realms: realms, ..Setup::default() });
        let (alice, bob) = (authority.enrol("local:alice"), authority.enrol("local:bob"));
        let app = Upstream::start("Our app");
        let mut gate = Gate::prepare(&authority, &[], "trusted_proxies = [\"127.0.0.1\"]");
        let mut text = fs::read_to_string(gate.configuration()).unwrap();
        for (name, more) in [("sso", ""), ("new", "create = true\n")] {
            text += &format!(
                "[[site]]\norigin = {:?}\nupstream = \"{}\"\nfirst_factor = \"header\"\n{more}[site.header]\nname = \"X-SSO-User\"\n",
                gate.origin(name),
                app.address()
            );
        }
        fs::write(gate.configuration(), text).unwrap();
        gate.restart();
        Self { authority, gate, app, alice, bob }
    }

    fn page(&self, site: &str) -> String {
        format!("{}/page", self.gate.origin(site))
    }

    /// Somebody whom the proxy calls so, and the ledger does not know.
    fn newcomer(&self, site: &str, name: &str) -> Newcomer {
        let mut web = self.gate.visitor();
        web.headers.push(("x-sso-user".to_owned(), name.to_owned()));
        let page = web.get(&self.page(site));
        assert!(page.url.contains("/join/"), "{page:?}");
        Newcomer { web, page }
    }

    /// The names of `local:alice` or `local:bob`.
    fn names(&self, account: &str) -> Vec<String> {
        let request = GetAccount { account: Some(format!("local:{account}")) };
        self.authority.call(&request).unwrap().names
    }

    fn codes_left(&self, account: &str) -> u8 {
        let request = GetAccount { account: Some(format!("local:{account}")) };
        self.authority.call(&request).unwrap().backup_codes_left
    }

    /// How often a name was joined to an account, or given one.
    fn told(&self, action: &str, name: &str) -> usize {
        let events = self.authority.audit();
        let told = events.iter().filter(|event| event.action == action && event.outcome == "done");
        told.filter(|event| event.name.as_deref() == Some(name)).count()
    }

    /// Who of these is let in to the site by now.
    fn inside(&self, site: &str, browsers: &mut [Newcomer]) -> Vec<bool> {
        let opens = |newcomer: &mut Newcomer| {
            let page = newcomer.web.get(&self.page(site));
            page.status == 200 && page.url == self.page(site) && page.body.contains("<h1>Our app</h1>")
        };
        browsers.iter_mut().map(opens).collect()
    }
}

impl Newcomer {
    /// That it is this account of the portal's, which is what the form takes it for.
    fn says(&self, account: &str, code: &str) -> Form {
        let mut form = self.page.form_to("/join/");
        form.fill("name", account).fill("code", code);
        form
    }
}

/// All of these at once, each with its form; the statuses, in order.
fn send_at_once(browsers: &mut [Newcomer], forms: &[Form]) -> Vec<u16> {
    let work = browsers.iter_mut().zip(forms).map(|(newcomer, form)| {
        move || {
            let answer = newcomer.web.submit_once(&newcomer.page, form);
            let status = answer.status;
            // Whoever was let in goes on, through what there is to read.
            if status == 303 {
                let page = newcomer.web.follow(answer);
                if let Some(rest) = page.body.split("href=\"/continue/").nth(1) {
                    let flow = rest.split('"').next().unwrap_or_default();
                    let origin = page.url.split("/notices").next().unwrap_or_default();
                    newcomer.web.get(&format!("{origin}/continue/{flow}"));
                }
            }
            status
        }
    });
    at_once(work.collect())
}

#[test]
fn one_name_in_two_browsers_at_once_joins_once_and_the_other_code_is_not_spent() {
    let world = World::start();
    for round in 0..ROUNDS {
        let name = format!("carol{round}");
        let mut browsers = [world.newcomer("sso", &name), world.newcomer("sso", &name)];
        let codes = [world.alice.phone.fresh(), world.alice.backup_codes[round].clone()];
        let before = world.codes_left("alice");
        let forms = [browsers[0].says("alice", &codes[0]), browsers[1].says("alice", &codes[1])];
        let statuses = send_at_once(&mut browsers, &forms);
        let winner = statuses.iter().position(|status| *status == 303).unwrap();
        assert_eq!(statuses[1 - winner], 409, "{statuses:?}");
        let joined = format!("sso.localhost:{name}");
        assert_eq!(world.names("alice").iter().filter(|own| **own == joined).count(), 1);
        assert_eq!(world.told("name_link", &joined), 1);
        assert_eq!(world.codes_left("alice"), before - u8::from(winner == 1), "{statuses:?}");
        let inside = world.inside("sso", &mut browsers);
        assert_eq!(inside, [winner == 0, winner == 1], "{statuses:?}");
        // What the other one gave is good for what comes next: the name is theirs now, and a code is asked for.
        let late = &mut browsers[1 - winner].web;
        let page = late.get(&world.page("sso"));
        late.give_code(&page, &codes[1 - winner]);
        assert_eq!(world.inside("sso", &mut browsers), [true, true]);
        world.authority.clock().shift(TEN_DAYS);
    }
    // Nobody else ever reached the app, and nobody before they had joined.
    let seen = world.app.seen();
    let is_carol = |name: &&str| name.starts_with("carol");
    assert!(seen.len() >= 2 * ROUNDS, "{seen:?}");
    assert!(
        seen.iter().all(|seen| seen.header("remote-user").iter().filter(|name| is_carol(name)).count() == 1)
    );
}

#[test]
fn two_names_at_once_join_with_a_code_each_and_with_one_code_one_of_them_does() {
    let world = World::start();
    for round in 0..ROUNDS {
        let names = [format!("dora{round}"), format!("ella{round}")];
        let mut browsers = [world.newcomer("sso", &names[0]), world.newcomer("sso", &names[1])];
        let before = world.names("alice").len();
        let code = world.alice.phone.fresh();
        let forms = [browsers[0].says("alice", &code), browsers[1].says("alice", &code)];
        let statuses = send_at_once(&mut browsers, &forms);
        let winner = statuses.iter().position(|status| *status == 303).unwrap();
        assert_eq!(statuses[1 - winner], 403, "the code was used: {statuses:?}");
        assert_eq!(world.names("alice").len(), before + 1);
        assert_eq!(world.inside("sso", &mut browsers), [winner == 0, winner == 1]);
        // With one of their own the other name joins beside a third.
        world.authority.clock().shift(TEN_DAYS);
        let third = format!("fay{round}");
        let late = &names[1 - winner];
        let mut browsers = [world.newcomer("sso", late), world.newcomer("sso", &third)];
        let codes = [world.alice.phone.fresh(), world.alice.backup_codes[round].clone()];
        let forms = [browsers[0].says("alice", &codes[0]), browsers[1].says("alice", &codes[1])];
        assert_eq!(send_at_once(&mut browsers, &forms), [303, 303]);
        assert_eq!(world.inside("sso", &mut browsers), [true, true]);
        assert_eq!(world.names("alice").len(), before + 3);
        for name in [&names[winner], late, &third] {
            let joined = format!("sso.localhost:{name}");
            assert_eq!(world.told("name_link", &joined), 1, "{name}");
            let part = ["account", "unlink", "local:alice", &joined];
            assert!(world.authority.twofold(&part).succeeded(), "{joined}");
        }
        world.authority.clock().shift(TEN_DAYS);
    }
}

#[test]
fn one_name_for_two_accounts_at_once_is_one_of_them_and_stays_it() {
    let world = World::start();
    for round in 0..ROUNDS {
        let name = format!("gus{round}");
        let mut browsers = [world.newcomer("sso", &name), world.newcomer("sso", &name)];
        let forms = [
            browsers[0].says("alice", &world.alice.phone.fresh()),
            browsers[1].says("bob", &world.bob.phone.fresh()),
        ];
        let statuses = send_at_once(&mut browsers, &forms);
        let winner = statuses.iter().position(|status| *status == 303).unwrap();
        assert_eq!(statuses[1 - winner], 409, "{statuses:?}");
        let joined = format!("sso.localhost:{name}");
        let has = ["alice", "bob"].map(|account| world.names(account).contains(&joined));
        assert_eq!(has, [winner == 0, winner == 1]);
        assert_eq!(world.told("name_link", &joined), 1);
        assert_eq!(world.inside("sso", &mut browsers), [winner == 0, winner == 1]);
        world.authority.clock().shift(TEN_DAYS);
    }
}

#[test]
fn one_question_answered_twice_at_once_joins_once_and_lets_one_browser_in() {
    let world = World::start();
    for round in 0..ROUNDS {
        let name = format!("hugo{round}");
        let asked = world.newcomer("sso", &name);
        // Whoever has copied what the browser held.
        let copy = Newcomer { web: asked.web.clone(), page: asked.page.clone() };
        let mut browsers = [asked, copy];
        let codes = [world.alice.phone.fresh(), world.alice.backup_codes[round].clone()];
        let before = world.codes_left("alice");
        let forms = [browsers[0].says("alice", &codes[0]), browsers[1].says("alice", &codes[1])];
        let statuses = send_at_once(&mut browsers, &forms);
        let joined = format!("sso.localhost:{name}");
        assert_eq!(world.told("name_link", &joined), 1, "{statuses:?}");
        assert_eq!(world.names("alice").iter().filter(|own| **own == joined).count(), 1);
        let inside = world.inside("sso", &mut browsers);
        assert_eq!(inside.iter().filter(|inside| **inside).count(), 1, "{statuses:?} {inside:?}");
        let spent = before - world.codes_left("alice");
        assert_eq!(spent, u8::from(inside[1]), "the other's code is not spent");
        world.authority.clock().shift(TEN_DAYS);
    }
}

#[test]
fn two_browsers_that_ask_for_an_account_at_once_are_given_one() {
    let world = World::start();
    for round in 0..ROUNDS {
        let name = format!("ida{round}");
        let mut browsers = [world.newcomer("new", &name), world.newcomer("new", &name)];
        let forms: Vec<Form> = browsers
            .iter()
            .map(|newcomer| {
                let asks = |form: &Form| form.encoded().contains("new=yes");
                newcomer.page.forms_to("/join/").into_iter().find(asks).unwrap()
            })
            .collect();
        let statuses = send_at_once(&mut browsers, &forms);
        assert_eq!(statuses, [303, 303], "somebody was quicker: that is no mistake");
        let made = format!("new.localhost:{name}");
        assert_eq!(world.told("account_add", &made), 1);
        // Both are led to set up a phone, and neither is let in before.
        assert_eq!(world.inside("new", &mut browsers), [false, false]);
        for newcomer in &mut browsers {
            let page = newcomer.web.get(&world.page("new"));
            assert!(page.url.contains("/enrol/"), "{page:?}");
        }
    }
}
