//! Names that are new: asked for the account that they belong to, and given one where the site says so.

use crate::browser::{Browser, Response, path};
use crate::form_app::FormApp;
use crate::harness::World;

const ID: &str = "id.localhost";
const MAIL: &str = "first_factor = \"form\"\ntitle = \"Mail\"\n[site.form]\npage = \"/login\"\nlogin = \"/login\"\n\
                    cookies = [\"sid\"]\nidentity = \"/me\"\nidentity_json = \"/user\"\n";

struct Mail {
    world: World,
    app: FormApp,
}

impl Mail {
    fn start(more: &str) -> Self {
        let (app, port) = (FormApp::start(), crate::harness::free_port());
        let site = format!(
            "blind = \"3s\"\n[[site]]\norigin = \"http://mail.localhost:{port}\"\nupstream = \"{}\"\n{more}\n{MAIL}",
            app.address
        );
        Self { world: World::start_at(port, &site, ""), app }
    }

    fn url(&self, path: &str) -> String {
        format!("http://mail.localhost:{}{path}", self.world.port)
    }

    fn id(&self, path: &str) -> String {
        format!("http://{ID}:{}{path}", self.world.port)
    }

    /// Carol, whom the app knows and the ledger does not, has given the app's own login.
    fn carol(&self, browser: &mut Browser) -> Response {
        let page = browser.open(&self.url("/inbox"));
        assert_eq!(path(&page.url), "/login");
        let answer = browser.post(&self.url("/login"), "u=carol&p=app+pass", "same-origin");
        let to = answer.header("location").unwrap().to_owned();
        assert!(to.starts_with("/.twofold/continue/"), "{answer:?}");
        browser.open(&self.url(&to))
    }

    /// What the app did for somebody.
    fn reached(&self) -> bool {
        self.app.seen().iter().any(|seen| seen.starts_with("GET /inbox"))
    }
}

fn fields<'a>(place: &'a str, name: &'a str, code: &'a str) -> [(&'a str, &'a str); 4] {
    [("where", place), ("site", "mail.example.com"), ("name", name), ("code", code)]
}

#[test]
fn who_is_new_joins_an_account_with_a_code_of_it_and_goes_on_to_the_app() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    let page = mail.carol(&mut browser);
    let join = path(&page.url);
    assert!(join.starts_with("/join/") && page.status == 200, "{page:?}");
    assert!(page.body.contains("Already using Twofold elsewhere?"), "{}", page.body);
    assert!(page.body.contains("Mail knows you as carol") && !page.body.contains("name=\"new\""));
    // A wrong code, a name that nobody has and a place where it is nobody's read the same.
    let said = |page: &Response| {
        page.body.split("id=\"error\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let mut errors = Vec::new();
    for (place, name, code) in [
        ("host", "alice", "123456"),
        ("host", "nobody", "111111"),
        ("portal", "alice", "111111"),
        ("site", "alice", "111111"),
        ("host", "local:alice", "111111"),
        ("host", "alice", "1"),
    ] {
        let again = browser.submit(&page, &join, &fields(place, name, code));
        assert_eq!(again.status, 403, "{place} {name} {code}");
        assert!(again.body.contains(&format!("name=\"name\" value=\"{name}\"")), "{}", again.body);
        errors.push(said(&again));
    }
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    for (place, name, code) in [("host", " ", "111111"), ("host", "alice", "")] {
        assert_eq!(browser.submit(&page, &join, &fields(place, name, code)).status, 422);
    }
    let wait = serde_json::json!({ "word": "wait", "wait_seconds": 40 });
    mail.world.authority.refuse_next(wait);
    let held = browser.submit(&page, &join, &fields("host", "alice", "111111"));
    assert!(held.status == 429 && said(&held).contains("40 s"), "{}", held.body);
    assert!(
        !mail.reached()
            && browser.cookie("mail.localhost", "sid").is_none_or(|sid| mail.app.user_of(&sid).is_empty())
    );

    let told = browser.submit(&page, &join, &fields("host", " alice ", "111 111"));
    assert!(told.body.contains("carol at Mail is one of your names"), "{}", told.body);
    let landed = browser.open(&mail.id(&path(&told.url).replace("notices", "continue")));
    assert_eq!((path(&landed.url).as_str(), landed.status), ("/inbox", 200), "{}", landed.body);
    assert!(landed.body.contains("for \"carol\""), "{}", landed.body);
    // The name is somebody's now; the form has served.
    let again = browser.submit(&page, &join, &fields("host", "alice", "222222"));
    assert!(!path(&again.url).starts_with("/join/"), "{}", again.url);
    assert_eq!(mail.world.authority.calls("JoinAccount"), 7);
    assert!(!mail.world.log().contains("111111"));
}

#[test]
fn a_newcomer_gets_nowhere_else_and_nobody_joins_in_their_place() {
    let mail = Mail::start("");
    let mut browser = Browser::new(mail.world.port);
    let page = mail.carol(&mut browser);
    let join = path(&page.url);
    for step in ["code", "continue", "notices", "enrol", "lost", "sign-in"] {
        let answer = browser.open(&mail.id(&join.replace("join", step)));
        assert_eq!(path(&answer.url), join, "{step}");
    }
    // Another page of the app leads back here; a script gets nothing.
    assert_eq!(path(&browser.open(&mail.url("/inbox?two")).url), join);
    // Another browser, with the address alone or with the form's cookie: nothing of it is theirs.
    let form = browser.cookie(ID, "__Host-twofold-form").unwrap();
    let mut thief = Browser::new(mail.world.port);
    assert_eq!(path(&thief.open(&mail.id(&join)).url), "/login");
    thief.set_cookie(ID, "__Host-twofold-form", &form);
    let stolen = thief.submit(&page, &join, &fields("host", "alice", "111111"));
    assert_eq!(path(&stolen.url), "/login", "{stolen:?}");
    // From elsewhere, or without the page's token.
    let body = |token: &str| format!("token={token}&where=host&name=alice&code=111111&new=yes");
    assert_eq!(browser.post(&mail.id(&join), &body(&page.token()), "cross-site").status, 403);
    assert_eq!(browser.post(&mail.id(&join), &body("x"), "same-origin").status, 403);
    // No account is made where the site does not say so.
    let asked = browser.submit(&page, &join, &[("new", "yes")]);
    assert_eq!(asked.status, 422, "{}", asked.body);
    assert_eq!((mail.world.authority.calls("JoinAccount"), mail.reached()), (0, false));
    assert!(mail.world.authority.calls("AssertFirst") >= 1);
}

#[test]
fn where_the_site_says_so_somebody_new_is_given_an_account_and_sets_up_a_phone() {
    let mail = Mail::start("create = true");
    let mut browser = Browser::new(mail.world.port);
    let page = mail.carol(&mut browser);
    let join = path(&page.url);
    assert!(page.body.contains("I'm new here") && !page.body.contains("ask the people"), "{}", page.body);
    assert_eq!(mail.world.authority.calls("AssertFirst"), 1, "nothing is made before they say so");
    let wizard = browser.submit(&page, &join, &[("new", "yes")]);
    assert!(
        path(&wizard.url).starts_with("/enrol/") && wizard.body.contains("Signed in as carol"),
        "{}",
        wizard.url
    );
    assert!(!mail.reached());
    // Who has an account already is not asked.
    let mut other = Browser::new(mail.world.port);
    assert!(path(&mail.carol(&mut other).url).starts_with("/enrol/"));
}

#[test]
fn joining_and_asking_for_an_account_sent_twice_is_done_once() {
    for (more, method, fields) in [
        ("", "JoinAccount", "where=host&name=alice&code=111111"),
        ("create = true", "AssertFirst", "new=yes"),
    ] {
        let mail = Mail::start(more);
        let mut browser = Browser::new(mail.world.port);
        let page = mail.carol(&mut browser);
        let body = format!("token={}&{fields}", page.token());
        let mut unread = Browser::new(mail.world.port);
        for pair in browser.cookies(ID).split("; ") {
            let (name, value) = pair.split_once('=').unwrap();
            unread.set_cookie(ID, name, value);
        }
        let before = mail.world.authority.calls(method);
        let first = unread.post(&page.url, &body, "same-origin");
        let again = browser.post(&page.url, &body, "same-origin");
        assert_eq!((first.status, first.header("location")), (303, again.header("location")), "{again:?}");
        assert_eq!(mail.world.authority.calls(method), before + 1, "{method}");
        let next =
            browser.open(&mail.id(&path(again.header("location").map(|to| mail.id(to)).unwrap().as_str())));
        assert!(next.status == 200 && !path(&next.url).starts_with("/join/"), "{next:?}");
    }
}
