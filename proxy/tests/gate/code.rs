//! A name and a code with nothing before, then the app's own login: one site is opened and no other, and where the app can be
//! asked, it means the same person.

use serde_json::json;

use crate::browser::{Browser, Response, path, raw};
use crate::form_app::FormApp;
use crate::harness::World;

const SITE: &str = "__Host-twofold";
const PORTAL: &str = "__Host-twofold-id";
const HOST: &str = "mail.localhost";
const IDENTITY: &str = "[site.code]\ncookies = [\"sid\"]\nidentity = \"/me\"\nidentity_json = \"/user\"\n";

struct Mail {
    world: World,
    app: FormApp,
}

impl Mail {
    fn start(code: &str) -> Self {
        let app = FormApp::start();
        let port = crate::harness::free_port();
        let site = format!(
            "blind = \"3s\"\n[[rule]]\npaths = [\"/public\"]\npolicy = \"bypass\"\n[[rule]]\npaths = [\"/admin\"]\n\
             policy = \"second\"\nmax_age = \"1m\"\n[[site]]\norigin = \"http://{HOST}:{port}\"\nupstream = \"{}\"\n\
             first_factor = \"code\"\ntitle = \"Mail\"\n{code}",
            app.address
        );
        Self { world: World::start_at(port, &site, ""), app }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.world.port)
    }

    /// Opens a page, and gives a name and a code; where that leads.
    fn sign_in(&self, browser: &mut Browser, wanted: &str, name: &str, code: &str) -> Response {
        let page = browser.open(&self.url(wanted));
        assert!(path(&page.url).starts_with("/sign-in/"), "{page:?}");
        give(browser, &page, name, code)
    }

    fn send(&self, first: &str, browser: &Browser, lines: &str, body: &str) -> Response {
        let accept = if lines.contains("Accept") { "" } else { "Accept: text/html\r\n" };
        let text = format!(
            "{first} HTTP/1.1\r\nHost: {HOST}:{}\r\n{accept}Connection: close\r\nCookie: {}\r\n{lines}\
             Content-Length: {}\r\n\r\n{body}",
            self.world.port,
            browser.cookies(HOST),
            body.len()
        );
        raw(self.world.port, text.as_bytes())
    }
}

fn give(browser: &mut Browser, page: &Response, name: &str, code: &str) -> Response {
    browser.submit(page, &path(&page.url), &[("name", name), ("code", code)])
}

const PAIRS: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn a_name_and_a_code_come_before_the_apps_own_login() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    let page = browser.open(&mail.url("/inbox?folder=3"));
    assert!(
        page.body.contains("to go on to Mail") && !page.body.contains("name=\"password\""),
        "{}",
        page.body
    );
    assert!(mail.app.seen().is_empty());
    let landed = give(&mut browser, &page, " Alice ", "111111");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/inbox?folder=3"));
    assert_eq!(landed.body, "/inbox?folder=3 for \"\"");
    // The app's own login follows, by whatever way.
    browser.open(&mail.url("/login"));
    browser.post(&mail.url("/login"), "u=alice&p=app+pass", "same-origin");
    assert_eq!(browser.open(&mail.url("/inbox")).body, "/inbox for \"alice\"");
    assert_eq!(browser.open(&mail.url("/.twofold/sign-in?to=/inbox")).status, 200);
}

#[test]
fn a_code_without_a_first_factor_opens_that_site_and_no_other() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    assert!(browser.cookie("id.localhost", PORTAL).is_none());
    let wiki = format!("http://wiki.localhost:{}/x", mail.world.port);
    assert!(path(&browser.open(&wiki).url).starts_with("/sign-in/"));
    // Put where a portal's or another site's session would be, it is nobody's.
    let session = browser.cookie(HOST, SITE).unwrap();
    browser.set_cookie("id.localhost", PORTAL, &session);
    browser.set_cookie("wiki.localhost", SITE, &session);
    let page = browser.open(&wiki);
    assert!(path(&page.url).starts_with("/sign-in/") && page.body.contains("name=\"password\""), "{page:?}");
}

#[test]
fn wrong_ones_read_the_same_whoever_is_meant() {
    let mail = Mail::start("");
    mail.world.authority.enrol("bob");
    let mut said = Vec::new();
    for (name, code) in
        [("alice", "123456"), ("nobody", "111111"), ("root", "123456"), ("alice", "12"), ("bob", "x")]
    {
        let mut browser = Browser::new(mail.world.port);
        let answer = mail.sign_in(&mut browser, "/inbox", name, code);
        assert_eq!(answer.status, 403, "{name} {code}");
        assert!(browser.cookie(HOST, SITE).is_none());
        let (_, error) = answer.body.split_once("id=\"error\">").unwrap();
        said.push(error.split('<').next().unwrap().to_owned());
    }
    assert!(
        said.iter().all(|words| words.contains("That name and code don't match.") && *words == said[0]),
        "{said:?}"
    );
    for (word, wait, status, words) in [
        ("wait", Some(40), 429, "You can try again in 40 s."),
        ("closed", None, 403, "That name and code don't match."),
        ("unenrolled", None, 403, "That name and code don't match."),
    ] {
        mail.world.authority.refuse_next(json!({ "word": word, "wait_seconds": wait }));
        let answer = mail.sign_in(&mut Browser::new(mail.world.port), "/inbox", "alice", "111111");
        assert_eq!(answer.status, status, "{word}");
        assert!(answer.body.contains(words), "{word}: {}", answer.body);
    }
    let mut browser = Browser::new(mail.world.port);
    assert_eq!(mail.sign_in(&mut browser, "/inbox", "alice", "").status, 422);
    assert!(mail.app.seen().is_empty());
}

#[test]
fn a_backup_code_works_there_and_its_owner_hears_of_it() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    let page = mail.sign_in(&mut browser, "/inbox", "alice", "1234 5678");
    assert!(
        path(&page.url).starts_with("/notices/") && page.body.contains("2 backup codes left"),
        "{page:?}"
    );
    let flow = path(&page.url)["/notices/".len()..].to_owned();
    let onwards = format!("http://id.localhost:{}/continue/{flow}", mail.world.port);
    // Nobody else reads it or goes on with it.
    let mut other = Browser::new(mail.world.port);
    for address in [page.url.clone(), onwards.clone()] {
        assert!(path(&other.open(&address).url).starts_with("/sign-in/"), "{address}");
    }
    assert_eq!(path(&browser.open(&onwards).url), "/inbox");
    let again = mail.sign_in(&mut Browser::new(mail.world.port), "/inbox", "alice", "12345678");
    assert!(again.body.contains("already used"), "{}", again.body);
}

#[test]
fn a_flow_is_for_the_browser_that_began_it_and_serves_once() {
    let mail = Mail::start("");
    let (mut thief, mut victim) = (Browser::new(mail.world.port), Browser::new(mail.world.port));
    // A page that a thief began, given to a victim who types into it: it opens nothing for either.
    let page = thief.open(&mail.url("/inbox"));
    let page = victim.open(&page.url);
    let landed = give(&mut victim, &page, "alice", "111111");
    assert_eq!(landed.status, 410, "{landed:?}");
    assert!(victim.cookie(HOST, SITE).is_none());
    let flow = path(&page.url)["/sign-in/".len()..].to_owned();
    for step in ["continue", "notices", "code", "enter"] {
        let page = thief.open(&format!("http://id.localhost:{}/{step}/{flow}", mail.world.port));
        assert!(path(&page.url).starts_with("/sign-in/"), "{step}: {page:?}");
    }
    assert!(thief.cookie(HOST, SITE).is_none());
    // Back and again in the browser that did: signed in already.
    let mut browser = Browser::new(mail.world.port);
    let page = browser.open(&mail.url("/inbox"));
    give(&mut browser, &page, "alice", "222222");
    assert_eq!(path(&browser.open(&page.url).url), "/");
}

#[test]
fn a_name_and_a_code_serve_once_and_only_from_their_own_page() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    let page = browser.open(&mail.url("/inbox"));
    let given = format!("token={}&name=alice&code=111111", page.token());
    for elsewhere in ["cross-site", "same-site"] {
        assert_eq!(browser.post(&page.url, &given, elsewhere).status, 403, "{elsewhere}");
    }
    assert_eq!(browser.post(&page.url, "name=alice&code=111111", "same-origin").status, 403);
    let odd = browser.post(&page.url, "token=x&name=alice&code=111111", "same-origin");
    assert!(odd.status == 403 && odd.body.contains("out of date"), "{odd:?}");
    assert_eq!(mail.world.authority.calls("VerifyName"), 0, "nothing was looked at");
    // Sent twice: spent once, and the second press gets the answer to the first.
    let first = browser.post(&page.url, &given, "same-origin");
    let again = browser.post(&page.url, &given, "same-origin");
    assert_eq!((first.status, again.status), (303, 303), "{first:?}");
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(mail.world.authority.calls("VerifyName"), 1);
    let onwards = format!("http://id.localhost:{}{}", mail.world.port, first.header("location").unwrap());
    assert_eq!(path(&browser.open(&onwards).url), "/inbox");
}

#[test]
fn a_portal_session_of_anybody_does_not_stand_for_the_name_and_code() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    crate::browser::sign_in(&mut browser, "111111");
    let page = browser.open(&mail.url("/inbox"));
    assert!(path(&page.url).starts_with("/sign-in/") && page.body.contains("name=\"code\""), "{page:?}");
    let flow = path(&page.url)["/sign-in/".len()..].to_owned();
    for step in ["continue", "code", "enter"] {
        let page = browser.open(&format!("http://id.localhost:{}/{step}/{flow}", mail.world.port));
        assert!(path(&page.url).starts_with("/sign-in/"), "{step}: {page:?}");
    }
    assert!(browser.cookie(HOST, SITE).is_none());
}

#[test]
fn a_fresh_code_gives_a_new_session_and_ends_the_old_one() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    mail.world.authority.backdate_next(600);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    let mut old = Browser::new(mail.world.port);
    old.set_cookie(HOST, SITE, &browser.cookie(HOST, SITE).unwrap());
    assert_eq!(old.look(&mail.url("/inbox")).status, 200);
    let landed = mail.sign_in(&mut browser, "/admin", "alice", "222222");
    assert_eq!((path(&landed.url).as_str(), landed.status), ("/admin", 200));
    assert!(path(&old.open(&mail.url("/inbox")).url).starts_with("/sign-in/"));
}

#[test]
fn signing_out_ends_it() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    let session = browser.cookie(HOST, SITE).unwrap();
    browser.open(&mail.url("/.twofold/sign-out"));
    browser.set_cookie(HOST, SITE, &session);
    assert!(path(&browser.open(&mail.url("/inbox")).url).starts_with("/sign-in/"));
}

#[test]
fn the_apps_user_must_be_whose_code_it_was() {
    let mail = Mail::start(IDENTITY);
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    browser.open(&mail.url("/login"));
    let answer = browser.post(&mail.url("/login"), "u=alice&p=app+pass", "same-origin");
    assert_eq!((answer.status, answer.header("location")), (302, Some("/home")));
    assert_eq!(browser.open(&mail.url("/inbox")).body, "/inbox for \"alice\"");
    // Signing out of the app and in again as somebody else: nothing of theirs is shown, and the level ends.
    browser.open(&mail.url("/logout"));
    let answer = browser.post(&mail.url("/login"), "u=bob&p=app+pass", "same-origin");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert!(!answer.headers.iter().any(|(_, value)| value.contains("sid=")), "{answer:?}");
    assert!(browser.cookie(HOST, SITE).is_none());
    assert!(path(&browser.open(&mail.url("/inbox")).url).starts_with("/sign-in/"));
}

#[test]
fn an_app_that_keeps_its_session_number_at_a_login_is_asked_all_the_same() {
    let mail = Mail::start(IDENTITY);
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    browser.open(&mail.url("/login"));
    let answer = mail.send("POST /login", &browser, PAIRS, "u=bob&p=app+pass&keep=1");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
    assert_eq!(mail.send("GET /inbox", &browser, "", "").status, 303);
}

#[test]
fn anothers_session_of_the_app_ends_the_level_and_no_answer_lets_nothing_pass() {
    let mail = Mail::start(IDENTITY);
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    browser.set_cookie(HOST, "sid", &mail.app.session_of("alice"));
    mail.app.set_broken(true);
    assert_eq!(browser.look(&mail.url("/inbox")).status, 502);
    mail.app.set_broken(false);
    assert_eq!(browser.look(&mail.url("/inbox")).body, "/inbox for \"alice\"");
    browser.set_cookie(HOST, "sid", &mail.app.session_of("bob"));
    assert!(path(&browser.open(&mail.url("/inbox?of=bob")).url).starts_with("/sign-in/"));
    assert!(!mail.app.seen().iter().any(|seen| seen.contains("of=bob")));
    // Nor by a question that the app cannot answer as it was put.
    browser.set_cookie(HOST, "sid", &mail.app.session_of(""));
    mail.sign_in(&mut browser, "/inbox", "alice", "222222");
    browser.set_cookie(HOST, "sid", &mail.app.session_of("bob"));
    let answer = mail.send("GET /inbox?of=bob", &browser, "Accept: x/y\r\nSec-Fetch-Mode: cors\r\n", "");
    assert_eq!(answer.status, 401);
    assert!(!mail.app.seen().iter().any(|seen| seen.contains("of=bob")));
    assert!(path(&browser.open(&mail.url("/inbox")).url).starts_with("/sign-in/"), "and it ends the level");
    // Where everybody may read, nobody is somebody.
    let public = mail.send("GET /public/a", &browser, "", "");
    assert_eq!(public.body, "/public/a for \"\"");
}
