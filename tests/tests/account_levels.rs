//! Every page and every form of a person's account, at every level: nothing a level early, from elsewhere, or without the
//! page's own token.

use twofold_shared::wire::{
    ApiKeyGrant, CreateApiKey, ListApiKeys, ListBrowsers, ListSessions, ReadActivity,
};
use twofold_tests::web::Page;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Web, World, traces};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser that has given the password.
fn first(world: &World) -> (Web, Page) {
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("id", "/account"), "alice", PASSWORD);
    (web, page)
}

/// One that has given a code as well, and the token of its account page.
fn second(world: &World) -> (Web, String) {
    let (mut web, page) = first(world);
    web.give_code(&page, &world.alice.phone.fresh());
    let page = web.get(&world.page("id", "/account"));
    let token = page.body.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    (web, token.unwrap_or_else(|| panic!("no token:\n{}", page.body)).to_owned())
}

/// What is at a person's account, by its numbers: all of it is there.
struct Held {
    device: String,
    key: String,
    session: String,
    browser: String,
    /// Where older events go on.
    before: String,
}

/// A second name of alice's.
const NAME: &str = "mail:alice.s";

/// Gives alice one of each; `session` and `browser` are another browser's.
fn hold(world: &World) -> Held {
    let account = || Some("local:alice".to_owned());
    world.authority.link("local:alice", NAME);
    let _other = second(world);
    let grant = ApiKeyGrant { sites: vec!["wiki.localhost".to_owned()], ..ApiKeyGrant::default() };
    let create =
        CreateApiKey { account: account(), label: "nightly".to_owned(), grant, ends_at: None, code: None };
    let key = world.authority.call(&create).unwrap();
    traces::issued("API key", key.key.reveal());
    let held = held(world);
    let before = world.authority.call(&ReadActivity { account: account(), before: None, limit: 1 }).unwrap();
    Held {
        device: held.devices[0].0.clone(),
        key: held.keys[0].0.clone(),
        session: held.sessions[0].clone(),
        browser: held.browsers[0].clone(),
        before: before.before.unwrap(),
    }
}

/// What alice has, as root sees it.
#[derive(Debug, PartialEq)]
struct Holds {
    devices: Vec<(String, String)>,
    names: Vec<String>,
    codes: u8,
    keys: Vec<(String, bool, Option<u64>)>,
    sessions: Vec<String>,
    browsers: Vec<String>,
}

fn held(world: &World) -> Holds {
    let account = || Some("local:alice".to_owned());
    let view = world.account("alice");
    let keys = world.authority.call(&ListApiKeys { account: account() }).unwrap().api_keys;
    let sessions = world.authority.call(&ListSessions { account: account() }).unwrap().sessions;
    let browsers = world.authority.call(&ListBrowsers { account: account() }).unwrap().browsers;
    Holds {
        devices: view.devices.into_iter().map(|device| (device.id, device.label)).collect(),
        names: view.names,
        codes: view.backup_codes_left,
        keys: keys.into_iter().map(|key| (key.id.to_string(), key.suspended, key.rotated_at)).collect(),
        sessions: sessions.into_iter().map(|session| session.id).collect(),
        browsers: browsers.into_iter().map(|browser| browser.id).collect(),
    }
}

impl Held {
    /// The pages with a form.
    fn asking(&self) -> Vec<String> {
        let Self { device, key, .. } = self;
        let all = ["/account/codes", "/account/off", "/account/key"].map(str::to_owned);
        let about = [
            format!("/account/rename/{device}"),
            format!("/account/remove/{device}"),
            format!("/account/part/{NAME}"),
            format!("/account/rotate/{key}"),
            format!("/account/revoke/{key}"),
        ];
        all.into_iter().chain(about).collect()
    }

    /// The pages without.
    fn plain(&self) -> Vec<String> {
        vec!["/account".to_owned(), format!("/account/activity/{}", self.before)]
    }

    /// The addresses of forms that stand on the account page.
    fn forms(&self) -> Vec<String> {
        let Self { session, browser, key, .. } = self;
        let all = ["/account/sessions", "/account/browsers", "/account/reopen", "/account/codes.txt"]
            .map(str::to_owned);
        let about = [
            format!("/account/session/{session}"),
            format!("/account/browser/{browser}"),
            format!("/account/suspend/{key}"),
            format!("/account/resume/{key}"),
        ];
        all.into_iter().chain(about).collect()
    }

    fn all(&self) -> Vec<String> {
        [self.plain(), self.asking(), self.forms()].concat()
    }
}

/// What was typed, with this token.
fn body(token: &str) -> String {
    format!("token={token}&label=x&site=wiki.localhost&password={}", PASSWORD.replace(' ', "+"))
}

#[test]
fn every_page_of_an_account_at_every_level() {
    let world = World::start();
    let held = hold(&world);
    let own = world.gate.origin("id");

    // Nobody, and the first factor alone: led to where they get further, whatever they ask or send.
    for mut web in [world.gate.visitor(), first(&world).0] {
        for path in &held.all() {
            let page = web.get_once(&world.page("id", path));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/sign-in/"),
                "{path}: {page:?}"
            );
            let headers = [FORM, ("origin", own.as_str())];
            let page = web.request("POST", &world.page("id", path), &headers, &body("anything"));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/sign-in/"),
                "{path}: {page:?}"
            );
        }
    }

    // The second factor: pages are there, forms have none, and other methods than those are refused.
    let (mut web, token) = second(&world);
    let strict = world.gate.page_policy(None);
    for path in &[held.plain(), held.asking()].concat() {
        let page = web.get_once(&world.page("id", path));
        assert_eq!((page.status, page.header("content-security-policy")), (200, Some(&*strict)), "{path}");
    }
    for path in &held.forms() {
        assert_eq!(web.get_once(&world.page("id", path)).status, 405, "{path}");
    }
    for path in &held.plain() {
        let headers = [FORM, ("origin", own.as_str())];
        let page = web.request("POST", &world.page("id", path), &headers, &body(&token));
        assert_eq!(page.status, 405, "{path}");
    }
    for path in &held.all() {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let page = web.request(method, &world.page("id", path), &[("origin", own.as_str())], "");
            assert_eq!(page.status, 405, "{method} {path}");
        }
    }
    for path in ["/account/nothing", "/account/off/x", "/account/session", "/account/rename", "/accounts"] {
        assert_eq!(web.get_once(&world.page("id", path)).status, 404, "{path}");
    }

    for about in ["rename", "remove", "part", "rotate", "revoke"] {
        let page = web.get_once(&world.page("id", &format!("/account/{about}/0123456789abcdef")));
        assert_eq!(page.header("location"), Some("/account"), "nothing of that number: {about}");
    }

    // From elsewhere, and without a token: refused. With another session's, as an old tab has: not used.
    let others = second(&world).1;
    let before = self::held(&world);
    for path in &[held.asking(), held.forms()].concat() {
        for elsewhere in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let page = web.request("POST", &world.page("id", path), &[FORM, elsewhere], &body(&token));
            assert_eq!(page.status, 403, "{path} {elsewhere:?}");
        }
        let headers = [FORM, ("origin", own.as_str())];
        for none in [body(""), body("").replace("token=&", ""), format!("token={token}&{}", body(&token))] {
            let page = web.request("POST", &world.page("id", path), &headers, &none);
            assert_eq!(page.status, 403, "{path} {none}");
        }
        for token in ["x", others.as_str()] {
            let page = web.request("POST", &world.page("id", path), &headers, &body(token));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/account"),
                "{path}: {page:?}"
            );
        }
    }
    assert_eq!(self::held(&world), before, "nothing has happened so far");

    // Where they are signed in and since when, and which browsers are known; all of these are forgotten at once.
    let known = || {
        world.authority.call(&ListBrowsers { account: Some("local:alice".into()) }).unwrap().browsers.len()
    };
    let page = web.get(&world.page("id", "/account"));
    for words in ["signed in just now", "first seen just now", "last seen just now", ">Forget all<"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(known() > 1);
    let headers = [FORM, ("origin", own.as_str())];
    let page = web.request("POST", &world.page("id", "/account/browsers"), &headers, &body(&token));
    assert_eq!((page.status, page.header("location"), known()), (303, Some("/account"), 0));

    // A code that is older than five minutes: see below. The password, which stands for one, gives new codes.
    world.authority.clock().shift(360);
    let wrong = format!("token={token}&password=something+else");
    let page = web.request("POST", &world.page("id", "/account/codes"), &headers, &wrong);
    assert_eq!(page.status, 403, "{}", page.body);
    let page = web.request("POST", &world.page("id", "/account/codes"), &headers, &body(&token));
    assert!(page.status == 200 && page.body.contains("<ol class=\"codes\""), "{page:?}");
    let changed = world.account("alice");
    assert_eq!(changed.backup_codes_left, 10);

    // The codes as a file, as often as their page asks; nothing else becomes one.
    let codes =
        page.body.split("name=\"codes\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let send = |web: &mut Web, codes: &str| {
        let body = format!("token={token}&codes={}", codes.replace(' ', "+"));
        web.request("POST", &world.page("id", "/account/codes.txt"), &headers, &body)
    };
    for _ in 0..2 {
        let file = send(&mut web, codes);
        assert!(file.header("content-disposition").unwrap().contains("backup-codes.txt"), "{file:?}");
        assert!(codes.split(',').all(|code| file.body.contains(code)), "{file:?}");
    }
    for odd in ["", "<script>", "1234 5678,x", &"1".repeat(30), &vec!["1234 5678"; 21].join(",")] {
        assert_eq!(send(&mut web, odd).status, 400, "{odd}");
    }
}

#[test]
fn with_a_code_that_is_stale_what_gives_something_asks_for_a_fresh_one() {
    let world = World::start();
    let held = hold(&world);
    let (mut web, token) = second(&world);
    let own = world.gate.origin("id");
    let mut post = |path: &str, more: &str| {
        let headers = [FORM, ("origin", own.as_str())];
        let body = format!("token={token}&label=x&site=wiki.localhost&{more}");
        web.request("POST", &world.page("id", path), &headers, &body)
    };
    let Held { device, key, session, browser, .. } = &held;
    let spent = world.alice.phone.fresh();
    let mut other = first(&world);
    other.0.give_code(&other.1, &spent);
    // A key that waits to be resumed.
    assert_eq!(post(&format!("/account/suspend/{key}"), "").status, 303);
    world.authority.clock().shift(301);
    let before = self::held(&world);

    // Without a page of its own: to the code page and back.
    for path in [
        "/account/sessions".to_owned(),
        "/account/browsers".to_owned(),
        "/account/reopen".to_owned(),
        "/account/key".to_owned(),
        format!("/account/session/{session}"),
        format!("/account/browser/{browser}"),
        format!("/account/resume/{key}"),
    ] {
        let page = post(&path, "");
        assert!(page.header("location").is_some_and(|to| to.starts_with("/code/")), "{path}: {page:?}");
    }
    // With one: it asks by itself, and takes neither nothing, nor a wrong one, nor one that was used.
    let asking = [
        "/account/codes".to_owned(),
        "/account/off".to_owned(),
        format!("/account/rename/{device}"),
        format!("/account/remove/{device}"),
        format!("/account/part/{NAME}"),
        format!("/account/rotate/{key}"),
    ];
    for path in &asking {
        for nothing in ["", "code=&password="] {
            assert_eq!(post(path, nothing).status, 422, "{path} {nothing}");
        }
    }
    let wrong = format!("code={}", world.alice.phone.wrong());
    for proof in [format!("code={spent}"), wrong, "password=something+else".to_owned()] {
        for (number, path) in asking.iter().enumerate() {
            let page = post(path, &proof);
            // The throttle comes after some.
            assert!(page.status == 403 || (number > 0 && page.status == 429), "{path} {proof}: {page:?}");
        }
        world.authority.clock().shift(60);
    }
    assert_eq!(self::held(&world), before, "nothing has happened so far");

    // What only takes something away needs nothing: a key is suspended, and revoked.
    assert_eq!(post(&format!("/account/suspend/{key}"), "again=1").status, 303);
    let page = post(&format!("/account/revoke/{key}"), "");
    assert_eq!((page.status, page.header("location")), (303, Some("/account")));
    assert_eq!(self::held(&world), Holds { keys: Vec::new(), ..before });
}
