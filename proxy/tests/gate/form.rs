//! An app's own login as the first factor: what passes before the code, and that nobody else's session passes after it.

use crate::browser::{Browser, Response, give_code, path, raw};
use crate::form_app::FormApp;
use crate::harness::World;

const SITE: &str = "__Host-twofold";
const FORM: &str = "first_factor = \"form\"\ntitle = \"Mail\"\n[site.form]\npage = \"/login\"\nlogin = \"/login\"\n\
                    cookies = [\"sid\"]\nidentity = \"/me\"\nidentity_json = \"/user\"\n\
                    credentials_anywhere = [\"u\", \"p\"]\n";

struct Mail {
    world: World,
    app: FormApp,
}

impl Mail {
    fn start() -> Self {
        Self::start_with("")
    }

    /// The same with more settings for the site.
    fn start_with(more: &str) -> Self {
        Self::start_as(more, FORM)
    }

    fn start_as(more: &str, form: &str) -> Self {
        let app = FormApp::start();
        let port = crate::harness::free_port();
        let site = format!(
            "blind = \"3s\"\n[[rule]]\npaths = [\"/public\"]\npolicy = \"bypass\"\n[[site]]\norigin = \"http://mail.localhost:{port}\"\n\
             upstream = \"{}\"\n{more}\n{form}",
            app.address
        );
        Self { world: World::start_at(port, &site, ""), app }
    }

    fn url(&self, path: &str) -> String {
        format!("http://mail.localhost:{}{path}", self.world.port)
    }

    /// Opens a page and gives the app's own login; the answer to it, not followed.
    fn app_login(&self, browser: &mut Browser, wanted: &str, user: &str, password: &str) -> Response {
        let page = browser.open(&self.url(wanted));
        assert_eq!((page.status, path(&page.url).as_str()), (200, "/login"), "{page:?}");
        assert!(page.body.contains("please sign in"));
        let body = format!("u={user}&p={}", password.replace(' ', "+"));
        browser.post(&self.url("/login"), &body, "same-origin")
    }

    /// From the answer to a right password to the code page.
    fn onwards(&self, browser: &mut Browser, answer: &Response) -> Response {
        assert_eq!(answer.status, 303, "{answer:?}");
        let to = answer.header("location").unwrap().to_owned();
        assert!(to.starts_with("/.twofold/continue/"), "{to}");
        browser.open(&self.url(&to))
    }

    fn sign_in(&self, browser: &mut Browser, wanted: &str, user: &str, code: &str) -> Response {
        let answer = self.app_login(browser, wanted, user, "app pass");
        let page = self.onwards(browser, &answer);
        give_code(browser, &page, code)
    }

    fn send(&self, first: &str, browser: &Browser, lines: &str, body: &str) -> Response {
        let text = format!(
            "{first} HTTP/1.1\r\nHost: mail.localhost:{}\r\nAccept: text/html\r\nConnection: close\r\nCookie: {}\r\n{lines}\
             Content-Length: {}\r\n\r\n{body}",
            self.world.port,
            browser.cookies("mail.localhost"),
            body.len()
        );
        raw(self.world.port, text.as_bytes())
    }

    fn sid(&self, browser: &Browser) -> String {
        browser.cookie("mail.localhost", "sid").unwrap_or_default()
    }
}

/// An app that takes its logins where everything else goes too.
const WIKI: &str = "first_factor = \"form\"\n[site.form]\npage = \"/index?do=login\"\nlogin = \"/index\"\n\
                    login_field = \"do=login\"\nlogin_fields = [\"id\"]\ncookies = [\"sid\"]\nidentity = \"/me\"\n\
                    identity_json = \"/user\"\ncredentials_anywhere = [\"u\", \"p\"]\n";

const PAIRS: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const XHR: &str = "X-Requested-With: XMLHttpRequest\r\nSec-Fetch-Mode: cors\r\n";

#[test]
fn the_apps_login_then_the_code_then_the_page_that_was_wanted() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    let answer = mail.app_login(&mut browser, "/inbox?folder=3", "alice", "app pass");
    let begun = mail.sid(&browser);
    assert_eq!(mail.app.user_of(&begun), "", "what the app gave is held back");
    let login = format!("POST /login HTTP/1.1 [sid={begun}]");
    assert!(mail.app.seen().contains(&login), "what it gave on the way in is not: {:?}", mail.app.seen());
    assert!(browser.cookie("mail.localhost", "theme").is_none());
    assert!(answer.body.is_empty());
    let page = mail.onwards(&mut browser, &answer);
    assert!(path(&page.url).starts_with("/code/") && page.body.contains("Signed in as alice."), "{page:?}");
    assert_eq!(mail.send("GET /inbox", &browser, XHR, "").status, 401, "not yet");
    let landed = give_code(&mut browser, &page, "111111");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/inbox?folder=3"));
    assert!(landed.body.contains("for \"alice\""), "{}", landed.body);
    assert_eq!(browser.cookie("mail.localhost", "theme").as_deref(), Some("dark"));
    assert!(!browser.cookies("mail.localhost").contains("twofold-flow"));
    // The portal knows them now too: the next site asks for nothing more.
    let wiki = browser.open(&format!("http://wiki.localhost:{}/x", mail.world.port));
    assert_eq!(path(&wiki.url), "/x");
    // Without a page of their own wish they go where the app leads.
    let mut other = Browser::new(mail.world.port);
    assert_eq!(path(&mail.sign_in(&mut other, "/", "alice", "222222").url), "/home");
}

#[test]
fn after_an_apps_own_login_a_trusted_browser_needs_no_code_either() {
    const BROWSER: &str = "__Host-twofold-browser";
    let mail = Mail::start_with("trusted_browsers = \"30days\"");
    let mut browser = Browser::new(mail.world.port);
    let answer = mail.app_login(&mut browser, "/inbox", "alice", "app pass");
    let page = mail.onwards(&mut browser, &answer);
    browser.submit(&page, &path(&page.url), &[("code", "111111"), ("trust", "yes")]);
    let mut later = Browser::new(mail.world.port);
    later.set_cookie("id.localhost", BROWSER, &browser.cookie("id.localhost", BROWSER).unwrap());
    let answer = mail.app_login(&mut later, "/inbox?folder=3", "alice", "app pass");
    let landed = mail.onwards(&mut later, &answer);
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/inbox?folder=3"));
    assert!(landed.body.contains("for \"alice\""), "{}", landed.body);
    // Another user of the app is another account, whose browser it is not.
    mail.world.authority.enrol("bob");
    let mut bobs = Browser::new(mail.world.port);
    bobs.set_cookie("id.localhost", BROWSER, &later.cookie("id.localhost", BROWSER).unwrap());
    let answer = mail.app_login(&mut bobs, "/inbox", "bob", "app pass");
    let page = mail.onwards(&mut bobs, &answer);
    assert!(path(&page.url).starts_with("/code/"), "{}", page.url);
}

#[test]
fn a_wrong_password_and_a_success_that_is_none_never_reach_the_code() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    let wrong = mail.app_login(&mut browser, "/", "alice", "wrong");
    assert_eq!((wrong.status, wrong.body.as_str()), (200, "wrong, again please"));
    let answer = browser.post(&mail.url("/login"), "u=alice&p=app+pass&half=1", "same-origin");
    assert_eq!((answer.status, answer.header("location")), (302, Some("/home")));
    assert_eq!(mail.send("GET /inbox", &browser, XHR, "").status, 401);
    assert!(!mail.app.seen().iter().any(|request| request.contains("/inbox")));
    assert_eq!(mail.world.authority.calls("AssertFirst"), 0);
}

#[test]
fn an_app_that_keeps_its_session_number_at_a_login_lets_nobody_in() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    browser.open(&mail.url("/inbox"));
    let number = mail.sid(&browser);
    let answer = browser.post(&mail.url("/login"), "u=alice&p=app+pass&keep=1", "same-origin");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/.twofold/not-held")));
    assert!(browser.open(&mail.url("/.twofold/not-held")).body.contains("without a new session cookie"));
    // The number is alice's now, and the browser has it; it goes no further, not even to the login page.
    assert_eq!((mail.app.user_of(&number).as_str(), mail.sid(&browser)), ("alice", number.clone()));
    mail.send("GET /login", &browser, "", "");
    mail.send("POST /login", &browser, PAIRS, "u=alice&p=wrong");
    let seen = mail.app.seen();
    let after = seen.iter().position(|request| request.starts_with("POST")).unwrap();
    assert!(!seen[after + 1..].iter().any(|request| request.contains(&number)), "{seen:?}");
    assert_eq!(mail.world.authority.calls("AssertFirst"), 0);
}

#[test]
fn before_the_code_nothing_is_reached_but_the_login_page() {
    let mail = Mail::start();
    let mut thief = Browser::new(mail.world.port);
    thief.set_cookie("mail.localhost", "sid", &mail.app.session_of("alice"));
    for first in ["GET /inbox", "GET /me", "GET /login?x=1", "POST /api/login", "POST /inbox", "GET /logout"]
    {
        let answer = mail.send(first, &thief, PAIRS, "");
        assert!([303, 403].contains(&answer.status), "{first}: {}", answer.status);
        assert_eq!(mail.send(first, &thief, XHR, "").status, 401, "{first}");
    }
    // A session that the app did not begin here stays out, also of the login page and of the login.
    mail.send("GET /login", &thief, "", "");
    mail.send("POST /login", &thief, PAIRS, "u=alice&p=wrong");
    let seen = mail.app.seen();
    assert_eq!(seen, ["GET /login HTTP/1.1 []", "POST /login HTTP/1.1 []"]);
    // Where everybody may read, nobody is somebody.
    let public = mail.send("GET /public/a", &thief, "", "");
    assert_eq!((public.status, public.body.as_str()), (200, "/public/a for \"\""));
}

#[test]
fn a_fixed_session_number_is_not_the_one_that_signs_in() {
    let mail = Mail::start();
    let mut victim = Browser::new(mail.world.port);
    let fixed = mail.app.session_of("");
    victim.set_cookie("mail.localhost", "sid", &fixed);
    mail.sign_in(&mut victim, "/inbox", "alice", "111111");
    assert_eq!(mail.app.user_of(&fixed), "");
    assert!(
        !mail.app.seen().iter().any(|request| request.contains(&format!("sid={fixed}"))),
        "{:?}",
        mail.app.seen()
    );
}

#[test]
fn anothers_app_session_in_ones_own_ends_the_level() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    let own = mail.sid(&browser);
    browser.set_cookie("mail.localhost", "sid", &mail.app.session_of("bob"));
    assert_eq!(mail.send("GET /inbox?of=bob", &browser, "", "").status, 303);
    assert!(!mail.app.seen().iter().any(|request| request.contains("of=bob")));
    browser.set_cookie("mail.localhost", "sid", &own);
    assert_eq!(mail.send("GET /inbox", &browser, "", "").status, 303, "and it stays ended");
}

#[test]
fn signing_in_as_another_beside_the_form_shows_nothing_of_theirs() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    // The fields of the login are refused wherever the login is not, in the address and in the body.
    for (first, body) in [
        ("GET /inbox?u=bob&p=app+pass", ""),
        ("POST /inbox?%75=bob", ""),
        ("POST /api/login", "x=1&u=bob&p=app+pass"),
        ("POST /inbox", "p[]=app+pass"),
    ] {
        let answer = mail.send(first, &browser, PAIRS, body);
        assert_eq!(answer.status, 403, "{first} {body}");
        assert!(answer.body.contains("Sign in on the sign-in page"), "{}", answer.body);
    }
    // A login that the gate does not know of: what the app then answers is not passed on.
    let json = "Content-Type: application/json\r\n";
    let renewed = mail.send("GET /renew", &browser, "", "");
    assert_eq!((renewed.status, renewed.body.as_str()), (200, "renewed"), "their own new number is");
    let line = renewed.header("set-cookie").unwrap().split([';', '=']).nth(1).unwrap().to_owned();
    browser.set_cookie("mail.localhost", "sid", &line);
    assert_eq!(mail.send("GET /inbox", &browser, json, "").status, 200);
}

#[test]
fn a_login_of_another_that_the_gate_does_not_know_is_not_passed_on() {
    let app = FormApp::start();
    let port = crate::harness::free_port();
    let site = format!(
        "[[site]]\norigin = \"http://mail.localhost:{port}\"\nupstream = \"{}\"\n{}",
        app.address,
        FORM.replace("credentials_anywhere = [\"u\", \"p\"]\n", "")
    );
    let mail = Mail { world: World::start_at(port, &site, ""), app };
    let mut browser = Browser::new(port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    let answer = mail.send("POST /api/login", &browser, &format!("{PAIRS}{XHR}"), "u=bob&p=app+pass");
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    assert!(!answer.headers.iter().any(|(_, value)| value.contains("sid=")), "{answer:?}");
    assert_eq!(mail.send("GET /inbox", &browser, "", "").status, 303, "the level is gone");
}

#[test]
fn signing_out_of_the_app_ends_the_gates_session() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    let page = browser.open(&mail.url("/logout"));
    assert_eq!(path(&page.url), "/login");
    assert!(browser.cookie("mail.localhost", SITE).is_none());
    let page = browser.open(&mail.url("/inbox"));
    assert_eq!(path(&page.url), "/login", "{page:?}");
    let wiki = browser.open(&format!("http://wiki.localhost:{}/x", mail.world.port));
    assert!(path(&wiki.url).starts_with("/sign-in/"), "{}", wiki.url);
}

#[test]
fn another_user_of_the_app_needs_their_own_code() {
    let mail = Mail::start();
    mail.world.authority.enrol("bob");
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    let answer = browser.post(&mail.url("/login"), "u=bob&p=app+pass", "same-origin");
    let page = mail.onwards(&mut browser, &answer);
    assert!(path(&page.url).starts_with("/code/") && page.body.contains("Signed in as bob."), "{page:?}");
    let landed = give_code(&mut browser, &page, "222222");
    assert!(landed.body.contains("for \"bob\""), "{}", landed.body);
    // The portal's own session stays alice's: nobody becomes bob elsewhere by that.
    let wiki = browser.open(&format!("http://wiki.localhost:{}/x", mail.world.port));
    assert!(wiki.body.to_lowercase().contains("remote-user: alice"), "{}", wiki.body);
}

#[test]
fn a_login_by_script_gets_its_answer_and_the_next_page_asks_for_the_code() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    browser.open(&mail.url("/inbox"));
    let answer = mail.send("POST /login", &browser, &format!("{PAIRS}{XHR}"), "u=alice&p=app+pass");
    assert_eq!(answer.status, 302);
    assert!(!answer.headers.iter().any(|(_, value)| value.contains("sid=")), "{answer:?}");
    assert_eq!(mail.send("GET /inbox", &browser, XHR, "").status, 401);
    let page = browser.open(&mail.url("/inbox?new"));
    assert!(path(&page.url).starts_with("/code/"), "{page:?}");
    let landed = give_code(&mut browser, &page, "111111");
    assert_eq!(path(&landed.url), "/inbox?new");
    assert!(landed.body.contains("for \"alice\""), "{}", landed.body);
}

#[test]
fn a_password_alone_gets_nothing_of_an_app_that_takes_it_everywhere() {
    let wiki = Mail::start_as("", WIKI);
    let mut browser = Browser::new(wiki.world.port);
    browser.open(&wiki.url("/inbox"));
    let whose = "u=bob&p=app+pass";
    let parts = "Content-Type: multipart/form-data; boundary=x\r\n";
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let in_parts = format!("{}{}--x--\r\n", part("u", "bob"), part("p", "app pass"));
    let long = format!("{whose}&id={}", "x".repeat(70_000));
    for (first, kind, body) in [
        ("POST /index?do=login", PAIRS, format!("do=read&{whose}")),
        ("POST /index?do=read", PAIRS, format!("do=login&{whose}")),
        ("POST /index", PAIRS, format!("do=login&do=read&{whose}")),
        ("POST /index", PAIRS, format!("do=login&index=1&{whose}")),
        ("POST /index?do=login&index=1", PAIRS, whose.to_owned()),
        ("POST /index?do=login", parts, in_parts.clone()),
        ("POST /index?do=login", PAIRS, long),
        ("POST /index?do=read", PAIRS, whose.to_owned()),
        ("POST /index?do=read", parts, in_parts),
    ] {
        for script in ["", XHR] {
            let answer = wiki.send(first, &browser, &format!("{kind}{script}"), &body);
            assert!([303, 401, 403].contains(&answer.status), "{first} {script}: {answer:?}");
            assert!(!answer.body.contains("pages of"), "{first} {script}: {answer:?}");
        }
    }
    // By a header of the app's own: it does not arrive, and a script gets nothing to read either.
    let by_header = format!("{PAIRS}X-App-Do: read\r\n");
    let answer =
        wiki.send("POST /index", &browser, &format!("{by_header}{XHR}"), &format!("do=login&{whose}"));
    assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{answer:?}");
    assert!(!answer.headers.iter().any(|(_, value)| value.contains("sid=")), "{answer:?}");
    let page = wiki.send("GET /index?do=login", &browser, "X-App-Do: read\r\n", "");
    assert!(page.body.contains("please sign in"), "{page:?}");
    assert!(!wiki.app.seen().iter().any(|first| first.contains("read")), "{:?}", wiki.app.seen());
    // The same as people do it.
    let mut browser = Browser::new(wiki.world.port);
    browser.open(&wiki.url("/inbox"));
    let answer =
        browser.post(&wiki.url("/index?do=login"), "do=login&id=1&u=alice&p=app+pass", "same-origin");
    let page = wiki.onwards(&mut browser, &answer);
    assert_eq!(path(&give_code(&mut browser, &page, "111111").url), "/inbox");
    // Inside their session: another's name and password still bring nothing of another's.
    let answer =
        wiki.send("POST /index?do=login", &browser, &format!("{PAIRS}{XHR}"), &format!("do=read&{whose}"));
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[test]
fn who_is_unknown_to_the_ledger_is_told_so_and_gets_no_further() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    // A name that is kept out: locked, or an account of the system.
    mail.world.authority.refuse_next(serde_json::json!({ "word": "wrong" }));
    let answer = mail.app_login(&mut browser, "/inbox", "carol", "app pass");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/.twofold/unknown")));
    let page = browser.open(&mail.url("/.twofold/unknown"));
    assert_eq!(page.status, 403);
    assert!(page.body.contains("there is no account for your name yet"), "{}", page.body);
    assert_eq!(mail.app.user_of(&mail.sid(&browser)), "");
}

#[test]
fn a_ticket_is_for_one_use_and_its_flow_for_one_browser() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    let answer = mail.app_login(&mut browser, "/inbox", "alice", "app pass");
    let to = answer.header("location").unwrap().to_owned();
    let refresh = browser.look(&mail.url(&to)).refresh().unwrap();
    // Another browser learns the address of the flow, but holds nothing of it.
    let mut other = Browser::new(mail.world.port);
    assert_eq!(other.open(&mail.url(&to)).status, 410);
    let code_page = browser.open(&refresh);
    assert!(path(&code_page.url).starts_with("/code/"), "{code_page:?}");
    let late = other.open(&refresh);
    assert_eq!(path(&late.url), "/login", "{late:?}");
    // Back and again in the browser that holds it.
    assert!(path(&browser.open(&refresh).url).starts_with("/code/"));
}

#[test]
fn an_app_that_does_not_say_who_it_is_lets_nobody_pass_and_loses_nobody() {
    let mail = Mail::start();
    let mut browser = Browser::new(mail.world.port);
    mail.sign_in(&mut browser, "/inbox", "alice", "111111");
    let sid = mail.sid(&browser);
    browser.set_cookie("mail.localhost", "sid", &mail.app.session_of("alice"));
    mail.app.set_broken(true);
    assert_eq!(mail.send("GET /inbox", &browser, "", "").status, 502);
    mail.app.set_broken(false);
    assert_eq!(mail.send("GET /inbox", &browser, "", "").status, 200);
    browser.set_cookie("mail.localhost", "sid", &sid);
    assert_eq!(mail.send("GET /inbox", &browser, "", "").status, 200);
}

#[test]
fn a_fresh_code_is_asked_for_without_the_password() {
    let app = FormApp::start();
    let port = crate::harness::free_port();
    let site = format!(
        "blind = \"3s\"\n[[rule]]\npaths = [\"/admin\"]\npolicy = \"second\"\nmax_age = \"1m\"\n[[site]]\n\
         origin = \"http://mail.localhost:{port}\"\nupstream = \"{}\"\n{FORM}",
        app.address
    );
    let mail = Mail { world: World::start_at(port, &site, ""), app };
    let mut browser = Browser::new(mail.world.port);
    let begin = |browser: &mut Browser, code: &str| {
        mail.world.authority.backdate_next(600);
        mail.sign_in(browser, "/inbox", "alice", code);
    };
    begin(&mut browser, "111111");
    let page = browser.open(&mail.url("/admin?x=1"));
    assert!(path(&page.url).starts_with("/code/"), "{page:?}");
    let landed = give_code(&mut browser, &page, "222222");
    assert_eq!(
        (path(&landed.url).as_str(), landed.body.as_str()),
        ("/admin?x=1", "/admin?x=1 for \"alice\"")
    );
    // What is posted is not kept, and the way to a fresh code is a page's.
    let mut browser = Browser::new(mail.world.port);
    begin(&mut browser, "333333");
    let held = browser.post(&mail.url("/admin"), "a=b", "same-origin");
    let to = held.body.split("href=\"/.twofold/sign-in?").nth(1).unwrap().split('"').next().unwrap();
    let to = to.replace("&amp;", "&").replace("&#38;", "&");
    let page = browser.open(&mail.url(&format!("/.twofold/sign-in?{to}")));
    assert!(path(&page.url).starts_with("/code/"), "{page:?}");
    // Who has signed out of the app, or is somebody else there, gives the password first.
    let mut browser = Browser::new(mail.world.port);
    begin(&mut browser, "444444");
    browser.set_cookie("mail.localhost", "sid", &mail.app.session_of("bob"));
    assert_eq!(path(&browser.open(&mail.url("/admin")).url), "/login");
    assert_eq!(path(&browser.open(&mail.url("/inbox")).url), "/login", "and the level is gone");
}
