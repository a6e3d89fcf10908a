//! Every page and every form about other people, at every level: nothing for who is in charge of nobody, nothing about who is
//! in somebody else's charge, nothing a level early, from elsewhere, without the page's own token, or twice.

use twofold_shared::secret::SecretText;
use twofold_shared::wire::{BeginEnrolmentAtLogin, ConfirmEnrolmentAtLogin, Nonce, Requirement};
use twofold_tests::office::PASSWORD;
use twofold_tests::present::{address, login};
use twofold_tests::web::Page;
use twofold_tests::{Clock, Door, Office, Phone, Setup, Web, traces};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

const ACTS: [&str; 7] = ["invite", "reset", "lock", "unlock", "reopen", "require", "end-sessions"];

/// A browser that has given the password.
fn first(office: &Office, name: &str) -> (Web, Page) {
    let mut web = office.gate.visitor();
    let page = web.give_password(&office.page("/"), name, PASSWORD);
    (web, page)
}

/// One that has given a code as well.
fn second(office: &Office, name: &str) -> Web {
    let (mut web, page) = first(office, name);
    let page = web.give_code(&page, &office.phone(name).phone.fresh());
    assert_eq!(page.status, 200, "{page:?}");
    web
}

/// What a page's form has in a hidden field.
fn hidden(page: &Page, name: &str) -> String {
    let value = page.body.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let value = value.and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no {name} at {} ({}):\n{}", page.url, page.status, page.body)).to_owned()
}

fn body(token: &str) -> String {
    format!("token={token}&why=for+the+test&how-long=3600")
}

fn post(office: &Office, web: &mut Web, path: &str, body: &str) -> Page {
    let own = office.gate.origin("id");
    web.request("POST", &office.page(path), &[FORM, ("origin", own.as_str())], body)
}

/// All addresses about somebody, and those about everybody.
fn addresses(office: &Office, name: &str) -> Vec<String> {
    let id = office.account(name).id;
    let everybody = ["/people", "/people/people.csv", "/people/people.json"];
    let acts = ACTS.iter().map(|act| format!("/people/{id}/{act}"));
    everybody.into_iter().map(str::to_owned).chain([format!("/people/{id}")]).chain(acts).collect()
}

#[test]
fn every_page_about_people_at_every_level() {
    let office = Office::open();
    let before = office.account("bob");
    let (bob, alice, dave) = (before.id.clone(), office.account("alice").id, office.account("dave").id);
    let any = body("anything");

    // Nobody, and an operator with the first factor alone: led to where they get further.
    for mut web in [office.gate.visitor(), first(&office, "carol").0] {
        for path in addresses(&office, "bob") {
            let page = web.get_once(&office.page(&path));
            let to = page.header("location").unwrap_or_default();
            assert!(page.status == 303 && to.starts_with("/sign-in/"), "{path}: {page:?}");
            let page = post(&office, &mut web, &path, &any);
            let to = page.header("location").unwrap_or_default();
            assert!(page.status == 303 && to.starts_with("/sign-in/"), "{path}: {page:?}");
        }
    }

    // Whoever is in charge of nobody: there is no such page, at no level, and no link to one.
    for mut web in [first(&office, "alice").0, second(&office, "alice"), first(&office, "erin").0] {
        for path in addresses(&office, "bob").into_iter().chain(addresses(&office, "alice")) {
            assert_eq!(web.get_once(&office.page(&path)).status, 404, "{path}");
            assert_eq!(post(&office, &mut web, &path, &any).status, 404, "{path}");
        }
        for path in ["/", "/account"] {
            assert!(!web.get(&office.page(path)).body.contains("/people"), "{path}");
        }
    }

    // An operator: their own group's pages are there, nobody else's are, and forms take what they take.
    let mut carol = second(&office, "carol");
    for path in ["/", "/account"] {
        assert!(carol.get(&office.page(path)).body.contains("href=\"/people\""), "{path}");
    }
    let page = carol.get_once(&office.page("/people"));
    assert!(page.status == 200 && page.body.contains("bob") && page.body.contains("erin"), "{page:?}");
    for other in ["alice", "dave", "frank", "carol"] {
        assert!(!page.body.contains(&format!(">{other}<")), "{other}: {}", page.body);
    }
    let strict = office.gate.page_policy(None);
    assert_eq!(page.header("content-security-policy"), Some(&*strict));
    for fits in ["", "/reset", "/lock", "/require"] {
        let path = format!("/people/{bob}{fits}");
        let page = carol.get_once(&office.page(&path));
        assert_eq!((page.status, page.header("content-security-policy")), (200, Some(&*strict)), "{path}");
    }
    for idle in ["unlock", "reopen", "invite"] {
        let page = carol.get_once(&office.page(&format!("/people/{bob}/{idle}")));
        assert_eq!(page.header("location"), Some(format!("/people/{bob}").as_str()), "nothing to do: {idle}");
    }
    for path in ["/people", "/people/people.csv", "/people/people.json", &format!("/people/{bob}")] {
        assert_eq!(post(&office, &mut carol, path, &any).status, 405, "{path}");
    }
    for path in addresses(&office, "bob") {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let own = office.gate.origin("id");
            let page = carol.request(method, &office.page(&path), &[("origin", own.as_str())], "");
            assert_eq!(page.status, 405, "{method} {path}");
        }
    }
    for odd in ["x", &format!("{bob}/x"), &format!("{bob}/lock/x"), "people.xml", &bob.to_uppercase(), ""] {
        assert_eq!(carol.get_once(&office.page(&format!("/people/{odd}"))).status, 404, "{odd}");
    }
    let lock = carol.get_once(&office.page(&format!("/people/{bob}/lock")));
    let token = hidden(&lock, "token");
    // Somebody else's, another operator, themselves, and nobody at all: none of them is there.
    let own = office.account("carol").id;
    for other in [alice.as_str(), dave.as_str(), own.as_str(), &"0".repeat(32)] {
        assert_eq!(carol.get_once(&office.page(&format!("/people/{other}"))).status, 404);
        for act in ACTS {
            let path = format!("/people/{other}/{act}");
            assert_eq!(carol.get_once(&office.page(&path)).status, 404, "{path}");
            assert_eq!(post(&office, &mut carol, &path, &body(&token)).status, 404, "{path}");
        }
    }

    // Another group's operator sees their own people, and nothing of these.
    let mut frank = second(&office, "frank");
    let page = frank.get_once(&office.page("/people"));
    assert!(page.status == 200 && page.body.contains("Nobody fits"), "{page:?}");
    let stolen = body(&token);
    for path in addresses(&office, "bob").iter().filter(|path| path.contains(&bob)) {
        assert_eq!(frank.get_once(&office.page(path)).status, 404, "{path}");
        // With carol's token: not used. It would do nothing either.
        let page = post(&office, &mut frank, path, &stolen);
        assert!(matches!(page.status, 303 | 405), "{path}: {page:?}");
    }
    // With the token of a page of frank's own: nobody of that number is there.
    office.authority.twofold(&["account", "add", "local:gina", "--group", "kitchen"]).expect_success();
    let gina = office.account("gina").id;
    let own = hidden(&frank.get_once(&office.page(&format!("/people/{gina}/lock"))), "token");
    for act in ACTS {
        let path = format!("/people/{bob}/{act}");
        assert_eq!(post(&office, &mut frank, &path, &body(&own)).status, 404, "{path}");
    }
    let done = post(&office, &mut frank, &format!("/people/{gina}/lock"), &body(&own));
    assert!(done.status == 303 && office.account("gina").locked, "the token was good: {done:?}");

    // From elsewhere, and without a token: refused. With another session's: not used.
    let franks = "x".repeat(65);
    for act in ACTS {
        let path = format!("/people/{bob}/{act}");
        for elsewhere in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let page = carol.request("POST", &office.page(&path), &[FORM, elsewhere], &body(&token));
            assert_eq!(page.status, 403, "{path} {elsewhere:?}");
        }
        assert_eq!(post(&office, &mut carol, &path, &body("")).status, 403, "{path}");
        for token in [franks.as_str(), &token[..token.len() - 1], "x"] {
            let page = post(&office, &mut carol, &path, &body(token));
            assert_eq!((page.status, page.header("location")), (303, Some(path.as_str())), "{path}");
        }
    }
    assert_eq!(office.account("bob"), before, "nothing has happened so far");

    // A code that is older than five minutes: to look goes on, whatever changes or takes everybody along asks for a fresh one.
    office.authority.clock().shift(360);
    for path in ["/people".to_owned(), format!("/people/{bob}")] {
        assert_eq!(carol.get_once(&office.page(&path)).status, 200, "{path}");
    }
    for path in
        [format!("/people/{bob}/lock"), "/people/people.csv".to_owned(), "/people/people.json".to_owned()]
    {
        let page = carol.get_once(&office.page(&path));
        assert!(page.header("location").is_some_and(|to| to.starts_with("/code/")), "{path}: {page:?}");
    }
    for act in ACTS {
        let path = format!("/people/{bob}/{act}");
        let page = post(&office, &mut carol, &path, &body(&token));
        assert!(page.header("location").is_some_and(|to| to.starts_with("/code/")), "{path}: {page:?}");
    }
    let after = office.account("bob");
    assert_eq!((after.locked, after.devices.len(), after.requirement), (false, before.devices.len(), None));
}

#[test]
fn each_form_is_done_once_however_often_it_is_sent() {
    let office = Office::open();
    office.authority.closes("local:bob", &office.phone("bob").phone);
    let mut dave = second(&office, "dave");
    let _session = first(&office, "bob");
    let bob = office.account("bob").id;
    // In an order in which each has something to do.
    for (act, action) in [
        ("reopen", "account_reopen"),
        ("require", "requirement_set"),
        ("end-sessions", "session_revoke"),
        ("lock", "account_lock"),
        ("unlock", "account_unlock"),
        ("reset", "reset"),
        ("invite", "invite"),
    ] {
        let path = format!("/people/{bob}/{act}");
        let page = dave.get_once(&office.page(&path));
        let typed = body(&hidden(&page, "token"));
        let before = office.told("bob", action);
        let answers: Vec<Page> = std::thread::scope(|scope| {
            let sent: Vec<_> = (0..4)
                .map(|_| {
                    let mut web = dave.clone();
                    let (office, path, typed) = (&office, &path, &typed);
                    scope.spawn(move || post(office, &mut web, path, typed))
                })
                .collect();
            sent.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        assert_eq!(office.told("bob", action), before + 1, "{act}");
        let first = &answers[0];
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (first.status, &first.body), "{act}");
        }
        if act == "invite" {
            assert!(first.body.contains(&office.page("/invitation/")), "{}", first.body);
        } else {
            assert_eq!(first.header("location"), Some(format!("/people/{bob}").as_str()), "{act}");
        }
    }
    // Shown anew it is another form.
    let path = format!("/people/{bob}/invite");
    let page = dave.get_once(&office.page(&path));
    let typed = body(&hidden(&page, "token"));
    assert_eq!(post(&office, &mut dave, &path, &typed).status, 200);
    assert_eq!(office.told("bob", "invite"), 2);
}

#[test]
fn what_an_operator_does_is_done_and_says_who_did_it() {
    let office = Office::open();
    let mut carol = second(&office, "carol");
    let bob = office.account("bob").id;
    let acts = |web: &mut Web, act: &str, more: &str| {
        let path = format!("/people/{bob}/{act}");
        let page = web.get_once(&office.page(&path));
        let typed = format!("token={}&{more}", hidden(&page, "token"));
        post(&office, web, &path, &typed)
    };
    acts(&mut carol, "require", "");
    assert_eq!(office.account("bob").requirement, Some(Requirement::Required));
    let long = format!("why={}", "x".repeat(201));
    let page = acts(&mut carol, "lock", &long);
    assert!(page.status == 422 && page.body.contains("at most 200"), "{page:?}");
    acts(&mut carol, "lock", "why=laptop+%3Cstolen%3E&how-long=86400");
    let lock = office.account("bob").lock.unwrap();
    assert_eq!(
        (lock.operator.as_deref(), lock.reason.as_deref()),
        (Some("local:carol"), Some("laptop <stolen>"))
    );
    assert!(lock.until.is_some_and(|until| (86_390..=86_410).contains(&(until - lock.at))), "{lock:?}");
    let page = carol.get(&office.page(&format!("/people/{bob}")));
    assert!(
        page.body.contains("Locked by carol") && page.body.contains("laptop &#60;stolen&#62;"),
        "{}",
        page.body
    );
    let locked = carol.get(&office.page("/people?state=locked"));
    assert!(locked.body.contains(">bob<") && !locked.body.contains(">erin<"), "{}", locked.body);
    acts(&mut carol, "unlock", "");
    acts(&mut carol, "reset", "");
    let after = office.account("bob");
    assert!(!after.locked && !after.enrolled);
    let trail = office.authority.audit();
    let by: Vec<_> = trail
        .iter()
        .filter(|event| {
            event.account.as_ref() == Some(&bob) && event.actor.as_deref() == Some("operator local:carol")
        })
        .map(|event| event.action.as_str())
        .collect();
    assert_eq!(by, ["requirement_set", "account_lock", "account_unlock", "reset"]);
}

#[test]
fn an_export_has_everybody_who_fits_and_nobody_else() {
    let office = Office::open();
    let contacts = ["account", "contacts", "local:erin", "--name", "=HYPERLINK(\"http://evil\")"];
    let _ = office.authority.twofold(&contacts).expect_success();
    // More than a page.
    for number in 0..120 {
        office
            .authority
            .twofold(&["account", "add", &format!("local:u{number:03}"), "--group", "sales"])
            .expect_success();
    }
    let mut carol = second(&office, "carol");
    let csv = carol.get(&office.page("/people/people.csv"));
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"people.csv\""));
    assert_eq!(csv.header("content-length"), None, "it is sent as it is made");
    let lines: Vec<&str> = csv.body.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 1 + 122, "{}", csv.body);
    assert!(
        lines.iter().all(|line| line.starts_with('"') && line.matches("\",\"").count() == 14),
        "{lines:?}"
    );
    assert!(csv.body.contains("\"'=HYPERLINK(\"\"http://evil\"\")\""), "{}", csv.body);
    assert!(!csv.body.contains("local:alice") && !csv.body.contains("local:dave"));

    let json = carol.get(&office.page("/people/people.json"));
    let all: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(all.as_array().map(Vec::len), Some(122));
    let some = carol.get(&office.page("/people/people.json?name=u00&state=off"));
    let some: serde_json::Value = serde_json::from_str(&some.body).unwrap();
    assert_eq!(some.as_array().map(Vec::len), Some(10));
    assert_eq!(some[9]["names"][0], "local:u009");
    let none = carol.get(&office.page("/people/people.json?name=nobody"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&none.body).unwrap(), serde_json::json!([]));
    for secret in ["secret", "digest", "password", office.phone("bob").phone.secret()] {
        assert!(!json.body.contains(secret) && !csv.body.contains(secret), "{secret}");
    }
    // Page after page, each once.
    let (mut url, mut seen) = (office.page("/people"), 0);
    loop {
        let page = carol.get(&url);
        seen += page.body.matches("<tr role=\"row\">\n").count();
        let Some(next) = page.body.split("rel=\"next\" href=\"").nth(1) else { break };
        url = office.page(&next.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&"));
    }
    assert_eq!(seen, 122);
}

#[test]
fn an_invitation_for_who_has_no_way_to_the_web_is_told_to_serve_at_a_login_and_still_does() {
    let host = "shell.example.com";
    let door = Door {
        host: host.to_owned(),
        services: vec!["sshd".to_owned()],
        realm: host.to_owned(),
        enrol: true,
    };
    let more = "[enrolment]\nfirst = \"invitation\"\n".to_owned();
    let office = Office::with(Setup { clock: Clock::fake(), doors: vec![door], more, ..Setup::default() });
    let hank = format!("{host}:hank");
    office.authority.twofold(&["account", "add", &hank, "--group", "sales"]).expect_success();
    let mut carol = second(&office, "carol");
    let path = format!("/people/{}/invite", office.authority.id_of(&hank));
    let typed = body(&hidden(&carol.get_once(&office.page(&path)), "token"));
    let invited = post(&office, &mut carol, &path, &typed);
    let code =
        invited.body.split("id=\"code\"").nth(1).and_then(|rest| rest.split('>').nth(1)).unwrap_or_default();
    let code = code.split('<').next().unwrap_or_default().trim().to_owned();
    assert!(code.len() > 20, "{invited:?}");
    traces::issued("invitation", &code);

    // Opened in a browser by mistake, and pressed: where it serves, however often.
    for _ in 0..2 {
        let mut web = office.gate.visitor();
        let page = web.get(&office.page(&format!("/invitation/{code}")));
        let told = web.submit(&page, &page.form_to("/invitation/"));
        assert!(told.status == 403 && told.body.contains("Log in with SSH"), "{told:?}");
    }
    // There it was spent by none of this.
    let client = office.authority.door(host);
    let begin = |invitation: Option<&str>| {
        client.call(&BeginEnrolmentAtLogin {
            nonce: Nonce::generate().unwrap(),
            login: login("hank", "sshd", address(9)),
            invitation: invitation.map(|code| SecretText::new(code.to_owned())),
        })
    };
    assert!(begin(None).is_err(), "it takes an invitation");
    let begun = begin(Some(&code)).unwrap();
    let phone = Phone::type_in(begun.secret.reveal(), office.authority.clock());
    let confirmed = client.call(&ConfirmEnrolmentAtLogin {
        nonce: Nonce::generate().unwrap(),
        login: login("hank", "sshd", address(9)),
        enrolment: begun.enrolment,
        code: SecretText::new(phone.fresh()),
    });
    let confirmed = confirmed.unwrap();
    assert!(confirmed.approval.is_some() && confirmed.refusal.is_none(), "{confirmed:?}");
}

#[test]
fn without_remote_operators_the_pages_are_gone() {
    let office = Office::with(Setup { operators_at_web: false, ..Setup::default() });
    let mut dave = second(&office, "dave");
    assert_eq!(dave.get_once(&office.page("/people")).status, 404);
    assert!(!dave.get(&office.page("/account")).body.contains("/people"));
}

#[test]
fn people_stand_in_the_order_that_is_asked_for_page_after_page() {
    let office = Office::open();
    // More than a page of people who have never given a code, and three who have: bob first, then alice, then erin.
    for number in 0..60 {
        let name = format!("local:u{number:03}");
        office.authority.twofold(&["account", "add", &name, "--group", "sales"]).expect_success();
    }
    let erin = office.authority.enrol_existing("local:erin");
    for name in ["bob", "alice", "erin"] {
        office.authority.clock().shift(3600);
        let phone = if name == "erin" { &erin.phone } else { &office.phone(name).phone };
        let (mut web, page) = first(&office, name);
        assert_eq!(web.give_code(&page, &phone.fresh()).status, 200);
    }
    office.authority.clock().shift(3600);
    let mut dave = second(&office, "dave");
    let mut names_by = |query: &str| {
        let (mut url, mut names, mut pages) = (office.page(&format!("/people?{query}")), Vec::new(), 0);
        loop {
            let page = dave.get(&url);
            assert!(page.body.contains(" selected>"), "{}", page.body);
            let rows = page.body.split("<th role=\"rowheader\"").skip(1);
            names.extend(
                rows.map(|row| row.split("\">").nth(2).unwrap().split('<').next().unwrap().to_owned()),
            );
            pages += 1;
            let Some(next) = page.body.split("rel=\"next\" href=\"").nth(1) else { break };
            let next = next.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
            assert!(query.is_empty() || next.contains(query), "the order goes along: {next}");
            url = office.page(&next);
        }
        assert_eq!(pages, 2, "{names:?}");
        names
    };
    let by_name = names_by("");
    let recent = names_by("order=recent");
    let idle = names_by("order=idle");
    assert!(by_name.is_sorted() && by_name.len() > 60, "{by_name:?}");
    for names in [&recent, &idle] {
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(sorted, by_name, "everybody once");
    }
    let used = |names: &[String]| {
        let known = ["bob", "alice", "erin"];
        names.iter().filter(|name| known.contains(&name.as_str())).cloned().collect::<Vec<_>>()
    };
    assert_eq!(used(&recent), ["erin", "alice", "bob"]);
    assert_eq!(used(&idle), ["bob", "alice", "erin"]);
    // Whoever never was here is the last of the recent, and the first of the idle.
    assert_eq!(recent[..3], ["erin", "alice", "bob"], "{recent:?}");
    assert!(idle[0].starts_with('u'), "{idle:?}");
    assert!(recent.last().is_some_and(|name| name.starts_with('u')), "{recent:?}");
}
