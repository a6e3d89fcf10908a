//! DokuWiki behind the gate, by the configuration in `examples/`: its own login, then the code, in a real Chromium.

use std::process::Command;

use twofold_tests::dokuwiki::{DokuWiki, PASSWORD};
use twofold_tests::{Authority, Browser, Enrolled, Gate, Person, Setup, run, traces};

const REALM: &str = "wiki.localhost";

struct World {
    wiki: DokuWiki,
    gate: Gate,
    alice: Enrolled,
    authority: Authority,
}

impl World {
    fn start() -> Self {
        Self::around(DokuWiki::start(), "")
    }

    /// The gate in front of a wiki by the example's configuration and `more`.
    fn around(wiki: DokuWiki, more: &str) -> Self {
        let authority = Authority::with(Setup { gate_realms: vec![REALM.into()], ..Setup::default() });
        let alice = authority.enrol("wiki.localhost:alice");
        authority.add("wiki.localhost:bob");
        traces::issued("password", PASSWORD);
        let example = include_str!("../../examples/dokuwiki/gate.toml").to_owned() + more;
        let gate = Gate::of_examples(&authority, &[(&example, "wiki", wiki.address())]);
        Self { wiki, gate, alice, authority }
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin("wiki"))
    }
}

/// Fills in DokuWiki's own login.
async fn signs_in(person: &Person<'_>, name: &str, password: &str, there: &str) {
    person.fills("#dw__login input[name=u]", name).await;
    person.fills("#dw__login input[name=p]", password).await;
    person.presses("#dw__login button[type=submit]", there).await;
}

/// Gives the first code, and is in the wiki.
async fn gives_code(person: &Person<'_>, code: &str) {
    person.gives_first_code(code, "li.user").await;
}

/// What a script of the wiki's page gets.
async fn fetches(person: &Person<'_>, target: &str, body: Option<&str>) -> (u64, String) {
    person.fetches(target, "application/x-www-form-urlencoded", body).await
}

#[tokio::test]
async fn dokuwikis_own_login_then_the_code_then_the_page_that_was_wanted() {
    let world = World::start();
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    let wanted = world.page("/doku.php?id=wiki:syntax");
    person.goes_to(&wanted).await;
    assert_eq!(person.is_at().await, world.page("/doku.php?do=login"));
    browser.screenshot("dokuwiki-login").await;
    signs_in(&person, "alice", "wrong", "div.error").await;
    assert!(person.reads().await.contains("Sorry, username or password was wrong."));
    signs_in(&person, "alice", PASSWORD, "input[name=code]").await;
    assert!(person.is_at().await.starts_with(&world.gate.origin("id")));
    let page = person.reads().await;
    assert!(page.contains("to go on to Wiki") && page.contains("Signed in as alice."), "{page}");
    gives_code(&person, &world.alice.phone.fresh()).await;
    assert_eq!(person.is_at().await, wanted);
    let page = person.reads().await;
    assert!(page.contains("Formatting Syntax") && page.contains("Logged in as: alice Example"), "{page}");
    browser.screenshot("dokuwiki-inside").await;

    // It works as it does without the gate: style and script came, scripts are answered, pages can be written.
    let style = "return getComputedStyle(document.querySelector('#dokuwiki__header')).paddingTop";
    assert_ne!(browser.client.execute(style, vec![]).await.unwrap(), "0px");
    let asset = "/lib/tpl/dokuwiki/images/logo.png";
    let direct = format!("http://{}{asset}", world.wiki.address());
    let pictures = [direct, world.page(asset)]
        .map(|url| run(Command::new("curl").args(["-sf", &url]).args(["-o", "-"])));
    assert!(pictures[0].stdout.len() > 100 && pictures[0].stdout == pictures[1].stdout);
    let (status, found) = fetches(&person, "/lib/exe/ajax.php", Some("call=linkwiz&q=wiki:")).await;
    assert!(status == 200 && found.contains("wiki:syntax"), "{status} {found}");
    person.goes_to(&world.page("/doku.php?id=notes&do=edit")).await;
    let long = "All is well. ".repeat(8_000);
    let fill = "document.querySelector('#wiki__text').value = arguments[0]";
    browser.client.execute(fill, vec![serde_json::json!(long)]).await.unwrap();
    person.presses("#edbtn__save", "div.page p").await;
    assert!(person.reads().await.contains("All is well."));

    // Signing out there ends the session here.
    person.presses("li.logout a, a.logout", "#dw__login").await;
    person.goes_to(&wanted).await;
    assert_eq!(person.is_at().await, world.page("/doku.php?do=login"));
    let (status, _) = fetches(&person, "/doku.php?id=notes", None).await;
    assert_eq!(status, 401);
    browser.close().await;
}

#[tokio::test]
async fn nothing_beside_dokuwikis_login_lets_anybody_be_somebody_else() {
    let world = World::start();
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("/doku.php?id=start")).await;
    signs_in(&person, "alice", PASSWORD, "input[name=code]").await;
    gives_code(&person, &world.alice.phone.fresh()).await;
    let login = format!("u=bob&p={}", PASSWORD.replace(' ', "+"));
    // DokuWiki takes a name and a password with every request, and chooses what to do in four ways.
    let reading = format!("do=export_raw&id=notes&{login}");
    let indexing = format!("do=login&idx=wiki&{login}");
    for (target, body) in [
        (format!("/doku.php?id=start&{login}"), None),
        (format!("/doku.php?id=start&{}", login.replace("u=", "%75=")), None),
        ("/doku.php?id=start".to_owned(), Some(login.as_str())),
        ("/doku.php?do=login".to_owned(), Some(reading.as_str())),
        ("/doku.php".to_owned(), Some(indexing.as_str())),
        ("/lib/exe/xmlrpc.php".to_owned(), Some("<methodCall/>")),
        ("/lib/exe/jsonrpc.php".to_owned(), Some("{}")),
    ] {
        let (status, text) = fetches(&person, &target, body).await;
        assert_eq!(status, 403, "{target} {body:?}: {text}");
    }
    let (status, page) = fetches(&person, "/doku.php?id=start", None).await;
    assert!(status == 200 && page.contains("(<bdi>alice</bdi>)"), "alice is still alice");

    // The same without a session: bob's password alone.
    let by_form = format!("do=login&id=notes&{login}");
    for (target, body, more, expected) in [
        ("/doku.php?do=login", &reading, "X-A: b", 403),
        ("/doku.php", &indexing, "X-A: b", 403),
        ("/doku.php?idx=wiki", &by_form, "X-A: b", 403),
        ("/doku.php", &by_form, "X-DokuWiki-Do: export_raw", 200),
    ] {
        let script = ["X-Requested-With: XMLHttpRequest", "Sec-Fetch-Mode: cors", more];
        let (status, text) = asks(&world.page(target), &script, &["--data", body]);
        assert_eq!(
            (status, text.contains("wiki:syntax"), text.contains("bob")),
            (expected, false, false),
            "{target}: {text}"
        );
        assert!(expected == 403 || text.is_empty(), "{target}: {text}");
    }

    // bob's session in the wiki, got without the gate, put into alice's.
    let bobs = run(Command::new("curl").args(["-si", "--data", &format!("do=login&{login}")]).args([
        "-A",
        "Mozilla/5.0",
        &format!("http://{}/doku.php?id=start", world.wiki.address()),
    ]));
    let stdout = bobs.expect_success();
    let line = stdout.lines().rfind(|line| line.starts_with("Set-Cookie: DW")).unwrap();
    let (name, value) = line["Set-Cookie: ".len()..].split(';').next().unwrap().split_once('=').unwrap();
    browser.client.delete_cookie(name).await.unwrap();
    let set = "document.cookie = `${arguments[0]}=${arguments[1]}; path=/`";
    browser.client.execute(set, vec![name.into(), value.into()]).await.unwrap();
    person.goes_to(&world.page("/doku.php?id=notes")).await;
    assert_eq!(person.is_at().await, world.page("/doku.php?do=login"));

    // bob himself has no phone yet: he is led to set one up, and gets no further.
    signs_in(&person, "bob", PASSWORD, "main svg").await;
    let page = person.reads().await;
    assert!(page.contains("Set up your phone") && page.contains("Signed in as bob"), "{page}");
    person.goes_to(&world.page("/doku.php?id=start")).await;
    assert!(!person.reads().await.contains("Logged in as"));
    let told = world.authority.audit();
    assert!(
        told.iter().any(
            |event| event.action == "assert_first" && event.name.as_deref() == Some("wiki.localhost:bob")
        )
    );
    browser.close().await;
}

/// A program's request: the status of the answer, and its body.
fn asks(url: &str, lines: &[&str], more: &[&str]) -> (u16, String) {
    let lines = lines.iter().flat_map(|line| ["-H", line]);
    let asked =
        run(Command::new("curl").args(["-s", "-w", "\n%{http_code}"]).args(lines).args(more).arg(url));
    let stdout = asked.expect_success();
    let (body, status) = stdout.trim_end().rsplit_once('\n').unwrap_or_default();
    (status.parse().unwrap(), body.to_owned())
}

/// Reading is for everybody, writing for people with a code.
const PUBLIC: &str = "
[[rule]]
paths = [\"/doku.php\", \"/lib/exe/detail.php\", \"/lib/exe/fetch.php\"]
policy = \"bypass\"
";

#[tokio::test]
async fn a_public_wiki_is_read_by_everybody_and_by_a_member_as_themselves_while_their_session_lasts() {
    let world = World::around(DokuWiki::public(), PUBLIC);
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    let (page, edit) = (world.page("/doku.php?id=wiki:syntax"), world.page("/doku.php?id=notes&do=edit"));
    // Anonymously: the page as the wiki gives it to nobody, and no way to write.
    person.goes_to(&page).await;
    assert!(person.reads().await.contains("Formatting Syntax"), "{}", person.reads().await);
    let nobody = person.reads().await;
    assert!(nobody.contains("Log In") && !nobody.contains("Logged in as"), "{nobody}");
    let (status, text) = fetches(&person, "/doku.php", Some("id=notes&do[save]=1&wikitext=x")).await;
    assert_eq!(status, 401, "{text}");
    // A name and a password in the address are refused, and in a header they do not arrive.
    let (status, text) = asks(&format!("{page}&u=alice&p={}", PASSWORD.replace(' ', "+")), &[], &[]);
    assert_eq!(status, 403, "{text}");
    let (status, text) = asks(&page, &[], &["-u", &format!("alice:{PASSWORD}")]);
    assert!(
        status == 200 && text.contains("Formatting Syntax") && !text.contains("<bdi>alice</bdi>"),
        "{text}"
    );

    // Signed in, by the page's own link.
    person.presses("li.login a, a.login", "#dw__login").await;
    signs_in(&person, "alice", PASSWORD, "input[name=code]").await;
    gives_code(&person, &world.alice.phone.fresh()).await;
    person.goes_to(&page).await;
    assert!(person.reads().await.contains("Logged in as: alice"), "{}", person.reads().await);
    person.goes_to(&edit).await;
    person.fills("#wiki__text", "All is well.").await;
    person.presses("#edbtn__save", "div.page p").await;
    assert!(person.reads().await.contains("All is well."));

    // After the session: nobody again, though the browser still has the wiki's cookies; and in again.
    world
        .authority
        .twofold(&["session", "revoke", "--all", "--yes", "--account", "wiki.localhost:alice"])
        .expect_success();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    person.goes_to(&page).await;
    let nobody = person.reads().await;
    assert!(nobody.contains("Formatting Syntax") && !nobody.contains("Logged in as"), "{nobody}");
    let (status, _) = fetches(&person, "/doku.php", Some("id=notes&do[save]=1&wikitext=x")).await;
    assert_eq!(status, 401);
    person.presses("li.login a, a.login", "#dw__login").await;
    signs_in(&person, "alice", PASSWORD, "input[name=code]").await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.sees("li.user").await;
    browser.close().await;
}

/// What DokuWiki gives somebody who ticks "Remember me", asked without the gate: the one cookie's name and value.
fn remembered(world: &World, name: &str) -> (String, String) {
    let fields = format!("do=login&u={name}&p={}&r=1", PASSWORD.replace(' ', "+"));
    let url = format!("http://{}/doku.php?id=start", world.wiki.address());
    let answer = run(Command::new("curl").args(["-si", "-A", "Mozilla/5.0", "--data", &fields, &url]))
        .expect_success();
    let mut lines = answer.lines().filter_map(|line| line.strip_prefix("Set-Cookie: "));
    // The session's own cookie begins with "DokuWiki"; this one lives for a year.
    let line = lines.rfind(|line| line.starts_with("DW") && line.contains("expires="));
    let (cookie, value) = line.unwrap().split(';').next().unwrap().split_once('=').unwrap();
    traces::issued("cookie", value);
    (cookie.to_owned(), value.to_owned())
}

#[tokio::test]
async fn dokuwikis_remember_me_cookie_alone_lets_nobody_in_and_makes_nobody_somebody_else() {
    let world = World::start();
    let page = world.page("/doku.php?id=wiki:syntax");
    let direct = format!("http://{}/doku.php?id=wiki:syntax", world.wiki.address());
    let (cookie, alices) = remembered(&world, "alice");
    let (_, bobs) = remembered(&world, "bob");
    // The trap is set: the wiki itself knows them by that cookie alone.
    for (name, value) in [("alice", &alices), ("bob", &bobs)] {
        let line = format!("Cookie: {cookie}={value}");
        let known = run(Command::new("curl").args(["-s", "-A", "Mozilla/5.0", "-H", &line, &direct]))
            .expect_success();
        assert!(known.contains(&format!("<bdi>{name}</bdi>")), "{known}");
    }

    // In a fresh browser: the wiki's login page, as for everybody, whatever page is asked for; a program is refused.
    let browser = Browser::with(1100, 900, &["--user-agent=Mozilla/5.0"]).await;
    let person = Person(&browser.client);
    let set = "document.cookie = `${arguments[0]}=${arguments[1]}; path=/; max-age=9999`";
    let puts = async |value: &str| {
        browser.client.execute(set, vec![cookie.as_str().into(), value.into()]).await.unwrap();
    };
    person.goes_to(&page).await;
    puts(&alices).await;
    for wanted in
        [page.as_str(), &world.page("/doku.php?do=login"), &world.page("/doku.php?id=start&do=edit")]
    {
        person.goes_to(wanted).await;
        assert_eq!(person.is_at().await, world.page("/doku.php?do=login"));
        assert!(!person.reads().await.contains("Logged in as"), "{}", person.reads().await);
    }
    assert_eq!(fetches(&person, "/doku.php?id=wiki:syntax", None).await.0, 401);

    // Beside the login of somebody else: alice gives her own password, and the code is asked for as ever.
    puts(&bobs).await;
    signs_in(&person, "alice", PASSWORD, "input[name=code]").await;
    assert!(person.reads().await.contains("Signed in as alice."), "{}", person.reads().await);
    gives_code(&person, &world.alice.phone.fresh()).await;
    person.goes_to(&page).await;
    assert!(person.reads().await.contains("Logged in as: alice"), "{}", person.reads().await);

    // Inside alice's session, with the wiki's session cookie gone: that is bob, and alice's level ends.
    browser.client.delete_cookie("DokuWiki").await.unwrap();
    browser.client.delete_cookie(&cookie).await.unwrap();
    puts(&bobs).await;
    person.goes_to(&page).await;
    assert_eq!(person.is_at().await, world.page("/doku.php?do=login"));
    assert!(!person.reads().await.contains("Logged in as"), "{}", person.reads().await);
    assert_eq!(fetches(&person, "/doku.php?id=wiki:syntax", None).await.0, 401);
    let told = world.authority.audit();
    let names: Vec<_> = told
        .iter()
        .filter(|event| event.action == "assert_first")
        .filter_map(|event| event.name.as_deref())
        .collect();
    assert_eq!(names, ["wiki.localhost:alice"], "nobody was ever taken for bob");
    browser.close().await;
}
