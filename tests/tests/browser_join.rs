//! Names that are new at a site: joined to the account that their owner has already, or given one. A real DokuWiki, a real
//! gate, a real authority, a real Chromium.

use fantoccini::Locator;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{FirstFactor, GetAccount, Login, Nonce, NoticeKind, Source, Verify};
use twofold_tests::dokuwiki::{DokuWiki, PASSWORD};
use twofold_tests::{Authority, Browser, Enrolled, Gate, Person, Phone, Setup, traces};

const REALM: &str = "wiki.localhost";

/// A wiki with alice and bob, neither of whom the ledger knows by that name. alice has set up a phone at ssh.
struct World {
    gate: Gate,
    alice: Enrolled,
    authority: Authority,
    _wiki: DokuWiki,
}

impl World {
    fn start(more: &str) -> Self {
        let authority = Authority::with(Setup { gate_realms: vec![REALM.into()], ..Setup::default() });
        let alice = authority.enrol("alice");
        let wiki = DokuWiki::start();
        traces::issued("password", PASSWORD);
        let factor = "first_factor = \"form\"";
        let example =
            include_str!("../../examples/dokuwiki/gate.toml").replace(factor, &format!("{factor}\n{more}"));
        assert!(example.contains(more));
        let gate = Gate::of_examples(&authority, &[(&example, "wiki", wiki.address())]);
        Self { gate, alice, authority, _wiki: wiki }
    }

    fn page(&self, site: &str, path: &str) -> String {
        format!("{}{path}", self.gate.origin(site))
    }

    fn names(&self) -> Vec<String> {
        self.authority.call(&GetAccount { account: Some("alice".into()) }).unwrap().names
    }
}

/// Signs in to the wiki, as far as the gate's question.
async fn signs_in(person: &Person<'_>, world: &World, name: &str, there: &str) {
    person.goes_to(&world.page("wiki", "/doku.php?id=wiki:syntax")).await;
    person.fills("#dw__login input[name=u]", name).await;
    person.fills("#dw__login input[name=p]", PASSWORD).await;
    person.presses("#dw__login button[type=submit]", there).await;
}

/// Says that the account is the one of a host, and gives a code.
async fn says_whose(person: &Person<'_>, name: &str, code: &str, there: &str) {
    person.ticks("where-host").await;
    person.types("name", name).await;
    person.types("code", code).await;
    person.presses("main form button:not(.quiet)", there).await;
}

#[tokio::test]
async fn a_name_that_is_new_joins_the_account_of_ssh_and_is_parted_from_it_again() {
    let world = World::start("create = true");
    let browser = Browser::start(1280, 1000).await;
    let person = Person(&browser.client);
    signs_in(&person, &world, "alice", "#where-host").await;
    browser.fits_everybody("join", "en").await;
    let read = person.reads().await;
    assert!(
        read.contains("Already using Twofold elsewhere?") && read.contains("Wiki knows you as alice"),
        "{read}"
    );
    says_whose(&person, "alice", &world.alice.phone.wrong(), ".error").await;
    assert!(person.reads_error().await.contains("don't match"), "{}", person.reads().await);
    browser.fits_everybody("join-refused", "en").await;
    assert_eq!(world.names(), ["unix:alice"]);

    says_whose(&person, "alice", &world.alice.phone.fresh(), ".notice").await;
    assert!(person.reads().await.contains("alice at Wiki is one of your names"), "{}", person.reads().await);
    browser.fits_everybody("joined", "en").await;
    person.presses("main a.button", "li.user").await;
    assert!(person.reads().await.contains("Logged in as: alice"), "{}", person.reads().await);
    assert_eq!(world.names(), ["unix:alice", "wiki.localhost:alice"]);

    // At the next login by ssh its owner is told of it.
    let verify = Verify {
        nonce: Nonce::generate().unwrap(),
        login: Login {
            name: "alice".into(),
            service: "sshd".into(),
            first: FirstFactor::Above,
            source: Source { address: Some("203.0.113.9".parse().unwrap()), ..Source::default() },
        },
        code: SecretText::new(world.alice.phone.fresh()),
    };
    let told = world.authority.call(&verify).unwrap().notices;
    let told = told.iter().find(|notice| notice.kind == NoticeKind::NameJoined).unwrap();
    assert_eq!(told.label.as_deref(), Some("wiki.localhost:alice"));

    // The account page lists the name, and parts it: the session that was signed in with it is over.
    person.goes_to(&world.page("id", "/account")).await;
    person.sees("#names").await;
    browser.fits_everybody("account-names", "en").await;
    let read = person.reads().await;
    assert!(read.contains("alice on this host") && read.contains("alice at wiki.localhost"), "{read}");
    assert!(read.contains("added the name alice at wiki.localhost"), "{read}");
    person.presses("a[href='/account/part/wiki.localhost:alice']", "#code").await;
    person.types("code", &world.alice.phone.fresh()).await;
    person.presses("main button.danger", "input[name=password]").await;
    assert_eq!(world.names(), ["unix:alice"]);
    person.goes_to(&world.page("wiki", "/doku.php?id=wiki:syntax")).await;
    assert!(!person.reads().await.contains("Logged in as"), "{}", person.reads().await);
    signs_in(&person, &world, "alice", "#where-host").await;
    browser.close().await;
}

#[tokio::test]
async fn joining_by_keyboard_alone_and_what_stands_in_its_way() {
    let world = World::start("create = true");
    let (browser, other) = (Browser::start(1280, 1000).await, Browser::start(1280, 1000).await);
    let (person, late) = (Person(&browser.client), Person(&other.client));
    signs_in(&late, &world, "alice", "#where-host").await;
    signs_in(&person, &world, "alice", "#where-host").await;
    // Where: one group, of which one is chosen by the arrows. Another site's address is asked for only there.
    person.tabs_to("#where-portal").await;
    person.goes_down(1).await;
    person.tabs_to("#name").await;
    person.keys("alice").await;
    person.tabs_to("#code").await;
    person.keys("111111").await;
    person.enters(".error").await;
    assert!(person.reads_error().await.contains("Type the address"), "{}", person.reads().await);
    // What is to be mended has the focus.
    let focused = browser.client.active_element().await.unwrap();
    assert_eq!(focused.attr("id").await.unwrap().as_deref(), Some("site"));
    browser.fits_everybody("join-which-site", "en").await;
    person.goes_to(&person.is_at().await).await;
    person.sees("#where-portal").await;
    person.tabs_to("#where-portal").await;
    person.keys(&char::from(fantoccini::key::Key::Up).to_string()).await;
    person.tabs_to("#name").await;
    person.keys("alice").await;
    person.tabs_to("#code").await;
    person.keys(&world.alice.phone.wrong()).await;
    person.enters(".error").await;
    let focused = browser.client.active_element().await.unwrap();
    assert_eq!(focused.attr("id").await.unwrap().as_deref(), Some("code"));
    person.keys(&world.alice.phone.fresh()).await;
    person.enters(".notice").await;
    person.tabs_to("main a.button").await;
    person.enters("li.user").await;
    assert_eq!(world.names(), ["unix:alice", "wiki.localhost:alice"]);
    // The same name in another browser that was asked before: it is somebody's by now.
    says_whose(&late, "alice", &world.alice.phone.fresh(), "main a.button").await;
    assert!(late.reads().await.contains("That name has an account by now"), "{}", late.reads().await);
    other.fits_everybody("join-taken", "en").await;
    other.close().await;
    // And to an account that has as many names as there can be.
    let other = Browser::phone(&[]).await;
    let late = Person(&other.client);
    for number in world.names().len()..64 {
        world.authority.link("alice", &format!("site{number}.example.com:alice"));
    }
    signs_in(&late, &world, "bob", "#where-host").await;
    says_whose(&late, "alice", &world.alice.phone.fresh(), "main:not(:has(form)) h1").await;
    assert!(late.reads().await.contains("can't have another name"), "{}", late.reads().await);
    late.fits("join-full", "en").await;
    assert_eq!(world.names().len(), 64);
    browser.close().await;
    other.close().await;
}

#[tokio::test]
async fn who_has_no_account_yet_is_given_one_where_the_site_says_so_and_sets_up_a_phone() {
    let world = World::start("create = true");
    let browser = Browser::phone(&["--blink-settings=preferredColorScheme=0"]).await;
    let person = Person(&browser.client);
    signs_in(&person, &world, "bob", "button[name=new]").await;
    browser.screenshot("phone-dark-join").await;
    person.fits("phone-dark-join", "en").await;
    person.presses("button[name=new]", "svg.qr").await;
    assert!(person.reads().await.contains("Signed in as bob"), "{}", person.reads().await);
    let phone = Phone::scan(&browser.read_qr("join-new").await, world.authority.clock());
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("code", &phone.fresh()).await;
    person.presses("main button", ".codes").await;
    for code in browser.client.find_all(Locator::Css(".codes li")).await.unwrap() {
        let code = code.text().await.unwrap();
        traces::issued("backup code", &code);
        traces::issued("backup code", &code.replace(' ', ""));
    }
    person.ticks("kept").await;
    person.presses("form[action$='/finish'] button", "li.user").await;
    assert!(browser.client.source().await.unwrap().contains("(<bdi>bob</bdi>)"));
    let made = world.authority.call(&GetAccount { account: Some("wiki.localhost:bob".into()) }).unwrap();
    assert_eq!((made.names.as_slice(), made.enrolled), (["wiki.localhost:bob".to_owned()].as_slice(), true));
    let told = world.authority.audit();
    let made =
        told.iter().find(|event| event.action == "account_add" && event.actor.as_deref() == Some("gate"));
    assert_eq!(made.unwrap().name.as_deref(), Some("wiki.localhost:bob"));
    browser.close().await;
}

#[tokio::test]
async fn where_a_site_creates_nobody_who_is_new_is_told_whom_to_ask_in_their_language() {
    let world = World::start("");
    let browser = Browser::with(1280, 1000, &["--accept-lang=de"]).await;
    let person = Person(&browser.client);
    signs_in(&person, &world, "bob", "#where-host").await;
    browser.fits_everybody("join-german", "de").await;
    let read = person.reads().await;
    assert!(read.contains("Benutzen Sie Twofold schon anderswo?"), "{read}");
    assert!(read.contains("Bitten Sie die Leute"), "{read}");
    assert!(browser.client.find_all(Locator::Css("button[name=new]")).await.unwrap().is_empty());
    assert!(world.authority.call(&GetAccount { account: Some("wiki.localhost:bob".into()) }).is_err());
    browser.close().await;
}
