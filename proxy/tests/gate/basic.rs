//! An app's own HTTP Basic as the first factor: asked about by the gate alone, never enough, and nobody else's afterwards.

use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::authority::Mood;
use crate::basic_app::{BasicApp, CHALLENGE};
use crate::browser::{Browser, Response, give_code, path, raw};
use crate::harness::World;

const SITE: &str = "__Host-twofold";
const HOST: &str = "git.localhost";

struct Git {
    world: World,
    app: BasicApp,
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64.encode(format!("{user}:{password}").as_bytes()))
}

const NAVIGATION: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n";
const SCRIPT: &str = "Sec-Fetch-Mode: cors\r\n";

impl Git {
    fn start() -> Self {
        let app = BasicApp::start();
        let port = crate::harness::free_port();
        let site = format!(
            "blind = \"3s\"\n[[rule]]\npaths = [\"/public\"]\npolicy = \"bypass\"\n[[rule]]\npaths = [\"/admin\"]\n\
             policy = \"second\"\nmax_age = \"1m\"\n[[rule]]\npaths = [\"/first\"]\npolicy = \"first\"\n\
             [[site]]\norigin = \"http://{HOST}:{port}\"\nupstream = \"{}\"\nfirst_factor = \"basic\"\ntitle = \"Git\"\n\
             [site.basic]\nprobe = \"/in\"\n",
            app.address
        );
        Self { world: World::start_at(port, &site, ""), app }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.world.port)
    }

    fn browser(&self, user: &str, password: &str) -> Browser {
        let mut browser = Browser::new(self.world.port);
        browser.always_send(HOST, &basic(user, password));
        browser
    }

    fn sign_in(&self, user: &str, code: &str) -> (Browser, Response) {
        let mut browser = self.browser(user, "app pass");
        let page = browser.open(&self.url("/tree?h=main"));
        let landed = give_code(&mut browser, &page, code);
        (browser, landed)
    }

    fn send(&self, first: &str, browser: Option<&Browser>, lines: &str) -> Response {
        let cookie =
            browser.map(|browser| format!("Cookie: {}\r\n", browser.cookies(HOST))).unwrap_or_default();
        let text = format!(
            "{first} HTTP/1.1\r\nHost: {HOST}:{}\r\nConnection: close\r\n{cookie}{lines}\r\n",
            self.world.port
        );
        raw(self.world.port, text.as_bytes())
    }

    /// What reached the app but for the gate's own questions.
    fn reached(&self) -> Vec<String> {
        self.app.seen().into_iter().filter(|seen| !seen.starts_with("GET /in ")).collect()
    }
}

#[test]
fn the_apps_own_question_then_the_code_then_the_page_that_was_wanted() {
    let git = Git::start();
    let mut browser = Browser::new(git.world.port);
    let asked = browser.look(&git.url("/tree?h=main"));
    assert_eq!((asked.status, asked.header("www-authenticate")), (401, Some(CHALLENGE)), "{asked:?}");
    assert!(asked.body.contains("its own name and password"), "{}", asked.body);
    browser.always_send(HOST, &basic("alice", "app pass"));
    let page = browser.open(&git.url("/tree?h=main"));
    assert!(path(&page.url).starts_with("/code/") && page.body.contains("Signed in as alice."), "{page:?}");
    assert!(page.body.contains("to go on to Git"));
    assert!(git.reached().is_empty(), "{:?}", git.reached());
    assert_eq!(git.app.probes(), 1);
    let landed = give_code(&mut browser, &page, "111111");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/tree?h=main"));
    assert_eq!(landed.body, "for alice by the gate's alice");
    browser.open(&git.url("/log"));
    assert_eq!(
        git.reached(),
        ["GET /tree?h=main HTTP/1.1 [alice:app pass]", "GET /log HTTP/1.1 [alice:app pass]"]
    );
    assert_eq!(git.app.probes(), 1, "what was right at the sign-in is not asked about again");
    // The portal knows them now too.
    let wiki = browser.open(&format!("http://wiki.localhost:{}/x", git.world.port));
    assert_eq!(path(&wiki.url), "/x");
}

#[test]
fn a_wrong_password_is_the_apps_to_refuse_and_reaches_nothing() {
    let git = Git::start();
    for (user, password) in [("alice", "wrong"), ("", "app pass"), ("mallory", "app pass")] {
        let answer = git.browser(user, password).look(&git.url("/tree"));
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some(CHALLENGE)), "{user}");
    }
    assert!(git.reached().is_empty());
    assert_eq!(git.world.authority.calls("AssertFirst"), 0);
}

#[test]
fn what_a_browser_says_besides_does_not_turn_the_gates_question_into_another() {
    let git = Git::start();
    let mut browser = Browser::new(git.world.port);
    assert_eq!(browser.look(&git.url("/tree")).status, 401);
    browser.always_send(HOST, &format!("{}X-HTTP-Method-Override: OPTIONS\r\n", basic("alice", "guess")));
    assert_eq!(browser.look(&git.url("/tree")).status, 401);
    assert_eq!(git.world.authority.calls("AssertFirst"), 0);
}

#[test]
fn a_right_name_and_password_alone_open_nothing() {
    let git = Git::start();
    let right = basic("alice", "app pass");
    for first in
        ["GET /tree", "HEAD /tree", "POST /tree", "PUT /tree", "PROPFIND /tree", "GET /first", "GET /admin"]
    {
        let page = git.send(first, None, &format!("{NAVIGATION}{right}"));
        assert!([302, 303, 403].contains(&page.status), "{first}: {}", page.status);
        let program = git.send(first, None, &right);
        assert_eq!(program.status, 401, "{first}");
        assert!(program.header("www-authenticate").unwrap().contains("API key as password"), "{program:?}");
        assert!(program.body.contains("API key") || first.starts_with("HEAD"), "{}", program.body);
        assert_eq!(git.send(first, None, &format!("{SCRIPT}{right}")).status, 401, "{first}");
    }
    assert!(git.reached().is_empty(), "{:?}", git.reached());
    // Where everybody may read, nobody is somebody.
    let public = git.send("GET /public/a", None, &format!("{NAVIGATION}{right}"));
    assert_eq!((public.status, public.body.as_str()), (200, "for nobody by the gate's nobody"));
}

#[test]
fn where_the_first_factor_is_enough_the_app_has_to_agree() {
    let git = Git::start();
    let landed = git.browser("alice", "app pass").open(&git.url("/first"));
    assert_eq!(
        (path(&landed.url).as_str(), landed.body.as_str()),
        ("/first", "for alice by the gate's alice")
    );
    assert_eq!(git.browser("alice", "wrong").open(&git.url("/first")).status, 401);
}

#[test]
fn somebody_elses_name_and_password_in_a_session_end_it() {
    let git = Git::start();
    let (mut browser, _) = git.sign_in("alice", "111111");
    browser.always_send(HOST, &basic("bob", "app pass"));
    let answer = browser.look(&git.url("/log"));
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("signed in as somebody else"), "{}", answer.body);
    assert!(browser.cookie(HOST, SITE).is_none());
    assert!(!git.app.seen().iter().any(|seen| seen.contains("bob")), "not even asked about");
    // From here on bob needs a code of his own; and the level that alice had is gone.
    let page = browser.open(&git.url("/log"));
    assert!(page.body.contains("Signed in as bob"), "{}", page.body);
    let mut other = Browser::new(git.world.port);
    other.always_send(HOST, &basic("alice", "app pass"));
    assert!(path(&other.open(&git.url("/log")).url).starts_with("/code/"));
}

#[test]
fn other_credentials_of_ones_own_are_asked_about_and_other_schemes_never_pass() {
    let git = Git::start();
    let (mut browser, _) = git.sign_in("alice", "111111");
    browser.always_send(HOST, &basic("alice", "guess"));
    let wrong = browser.look(&git.url("/log"));
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (401, Some(CHALLENGE)));
    let script = git.send("GET /log", Some(&browser), &format!("{SCRIPT}{}", basic("alice", "guess")));
    assert_eq!((script.status, script.header("www-authenticate")), (401, None), "a script asks no person");
    for lines in
        ["Authorization: Bearer abc\r\n", "Authorization: Digest x\r\n", "Authorization: Basic !!\r\n", ""]
    {
        let answer = git.send("GET /plain", Some(&browser), &format!("{NAVIGATION}{lines}"));
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Negotiate"),
            "the app itself answers: {answer:?}"
        );
    }
    assert_eq!(git.reached()[1..], vec!["GET /plain HTTP/1.1 []"; 4]);
    let two = format!("{}{}", basic("alice", "app pass"), "Authorization: Bearer abc\r\n");
    assert_eq!(git.send("GET /two", Some(&browser), &two).status, 400);
    browser.always_send(HOST, &basic("alice", "app pass"));
    assert_eq!(browser.open(&git.url("/log")).body, "for alice by the gate's alice", "the level is kept");
}

#[test]
fn a_fresh_code_takes_the_password_once_more() {
    let git = Git::start();
    git.world.authority.backdate_next(600);
    let (mut browser, _) = git.sign_in("alice", "111111");
    let page = browser.open(&git.url("/admin?x=1"));
    let landed = give_code(&mut browser, &page, "222222");
    assert_eq!((path(&landed.url).as_str(), landed.status), ("/admin?x=1", 200));
    // What is posted is not kept, and the way to a fresh code is a page's.
    git.world.authority.backdate_next(600);
    let (mut browser, _) = git.sign_in("alice", "333333");
    let held = browser.post(&git.url("/admin"), "a=b", "same-origin");
    assert_eq!(held.status, 403);
    let to = held.body.split("href=\"/.twofold/sign-in?").nth(1).unwrap().split('"').next().unwrap();
    let page = browser
        .open(&git.url(&format!("/.twofold/sign-in?{}", to.replace("&amp;", "&").replace("&#38;", "&"))));
    assert!(path(&page.url).starts_with("/code/"), "{page:?}");
    assert_eq!(give_code(&mut browser, &page, "444444").status, 200);
}

#[test]
fn an_app_that_does_not_decide_lets_nobody_pass() {
    let git = Git::start();
    // Open to everybody: then its yes proves nothing, whatever the password.
    for head in [
        "200 OK",
        "500 Broken",
        "403 Forbidden",
        "302 Found\r\nLocation: /login",
        "401 Who\r\nWWW-Authenticate: Digest x",
    ] {
        git.app.set_mood(Some(head));
        for browser in [&mut Browser::new(git.world.port), &mut git.browser("alice", "wrong")] {
            let answer = browser.look(&git.url("/tree"));
            assert_eq!(answer.status, 502, "{head}: {answer:?}");
        }
    }
    assert!(git.world.log().contains("open without a name and a password"));
    assert_eq!(git.world.authority.calls("AssertFirst"), 0);
    git.app.set_mood(None);
    assert_eq!(Browser::new(git.world.port).look(&git.url("/tree")).status, 401);
    git.app.set_mood(Some("500 Broken"));
    assert_eq!(git.browser("alice", "app pass").look(&git.url("/tree")).status, 502);
    git.app.set_mood(None);
    git.world.authority.set_mood(Mood::Refusing);
    assert_eq!(git.browser("alice", "app pass").look(&git.url("/tree")).status, 503);
}

#[test]
fn passwords_cannot_be_guessed_faster_than_a_person_types() {
    let git = Git::start();
    let statuses: Vec<u16> = (0..30)
        .map(|round| git.browser("alice", &format!("guess {round}")).look(&git.url("/")).status)
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 20, "{statuses:?}");
    let held = git.browser("bob", "app pass").look(&git.url("/"));
    assert_eq!(held.status, 429);
    assert!(held.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    assert!(
        held.body.contains("Too many tries. ") || held.body.contains("You can try again in"),
        "{}",
        held.body
    );
    assert_eq!(git.app.probes(), 20);
}

#[test]
fn who_is_unknown_to_the_ledger_gets_no_further() {
    let git = Git::start();
    let page = git.browser("carol", "app pass").open(&git.url("/tree"));
    assert!(path(&page.url).starts_with("/join/") && page.status == 200, "{page:?}");
    assert!(page.body.contains("knows you as carol; Twofold doesn't yet"), "{}", page.body);
    git.world.authority.refuse_next(json!({ "word": "wrong" }));
    let page = git.browser("carol", "app pass").open(&git.url("/tree"));
    assert_eq!((path(&page.url).as_str(), page.status), ("/.twofold/unknown", 403));
    assert!(page.body.contains("there is no account for your name yet"), "{}", page.body);
    assert!(git.reached().is_empty());
}

#[test]
fn the_portals_session_does_not_stand_for_the_apps_password() {
    let git = Git::start();
    let mut browser = Browser::new(git.world.port);
    crate::browser::sign_in(&mut browser, "111111");
    assert_eq!(browser.open(&git.url("/tree")).status, 401);
    browser.always_send(HOST, &basic("bob", "app pass"));
    let page = browser.open(&git.url("/tree"));
    assert!(page.body.contains("Signed in as bob"), "{}", page.body);
    // The account that is at the portal already needs no second code.
    browser.always_send(HOST, &basic("alice", "app pass"));
    assert_eq!(path(&browser.open(&git.url("/tree")).url), "/tree");
}

#[test]
fn an_api_key_opens_and_is_neither_asked_about_nor_sent_on() {
    let git = Git::start();
    let key = "tf_0123456789abcdef_abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE";
    let digest = HEXLOWER.encode(&Sha256::digest(key));
    git.world.authority.make_key("0123456789abcdef", &digest, json!({ "sites": [HOST] }));
    let answer = git.send("GET /repo.git/info/refs", None, &basic("bob", key));
    assert_eq!(answer.header("www-authenticate"), Some("Negotiate"), "the app asks for itself: {answer:?}");
    assert_eq!(answer.body, "for nobody by the gate's alice");
    let half =
        git.send("GET /repo.git/info/refs", None, &format!("{NAVIGATION}{}", basic("bob", &key[..30])));
    assert_eq!(half.status, 401);
    assert!(!git.app.seen().iter().any(|seen| seen.contains("tf_") || seen.starts_with("GET /in")));
}

#[test]
fn a_browser_that_keeps_no_cookies_is_not_sent_in_circles() {
    let git = Git::start();
    let mut browser = git.browser("alice", "app pass");
    let to = browser.look(&git.url("/tree")).header("location").unwrap().to_owned();
    let mut other = Browser::new(git.world.port);
    let code = other.look(&to).header("location").unwrap().to_owned();
    let mut forgetful = Browser::new(git.world.port);
    let page = forgetful.open(&format!("http://id.localhost:{}{code}", git.world.port));
    assert_eq!(page.status, 410);
    assert!(page.body.contains(&git.url("/tree")), "{}", page.body);
}
