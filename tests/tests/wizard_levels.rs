//! Every page and every form of the wizard and around it, at every level: nothing a level early, from elsewhere, by another
//! method, or without the page's own token. Whoever has not come far enough goes on to where they get further.

use twofold_tests::web::Page;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Phone, Web, World, traces};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// What is below a flow's `/enrol/ID`: pages first, then what only takes a form.
const PAGES: [&str; 3] = ["", "/verify", "/codes"];
const ACTIONS: [&str; 4] = ["/codes.txt", "/finish", "/cancel", "/again"];

/// A browser in a sign-in of bob's, who has no second factor, and the sign-in's number.
fn bob(world: &World) -> (Web, Page, String) {
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("wiki", "/private"), "bob", PASSWORD);
    let flow = page.url.rsplit('/').next().unwrap().to_owned();
    assert!(page.url.ends_with(&format!("/enrol/{flow}")), "{page:?}");
    (web, page, flow)
}

fn token(page: &Page) -> String {
    let token = page.body.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    token.unwrap_or_else(|| panic!("no token:\n{}", page.body)).to_owned()
}

fn phone(world: &World, page: &Page) -> Phone {
    let uri = page.body.split("href=\"otpauth:").nth(1).unwrap().split('"').next().unwrap();
    let uri = uri.replace("&amp;", "&").replace("&#38;", "&");
    Phone::scan(&format!("otpauth:{uri}"), world.authority.clock())
}

/// Where an answer leads, without the number of its sign-in.
fn leads(page: &Page) -> String {
    let to = page.header("location").unwrap_or_default();
    let to = to.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map_or(to, |(_, path)| path);
    let first = to.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    format!("{} {first}", page.status)
}

/// Everything of a sign-in that may be posted, with this token.
fn body(token: &str, more: &str) -> String {
    format!("token={token}&label=x&kept=yes&algorithm=sha512&digits=8&{more}")
}

fn post(world: &World, web: &mut Web, path: &str, body: &str) -> Page {
    let own = world.gate.origin("id");
    web.request(
        "POST",
        &world.page("id", path),
        &[FORM, ("origin", &own), ("sec-fetch-site", "same-origin")],
        body,
    )
}

/// The same form, sent by a page of somebody else's: each of them is told that it may not.
fn refuse_from_elsewhere(world: &World, web: &mut Web, path: &str, body: &str) {
    for elsewhere in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = web.request("POST", &world.page("id", path), &[FORM, elsewhere], body);
        assert_eq!(answer.status, 403, "{path} {elsewhere:?}");
        assert!(answer.header("content-disposition").is_none(), "{path}: {answer:?}");
    }
}

#[test]
fn every_step_of_the_wizard_at_every_level_by_every_method_and_token() {
    let world = World::start();
    let (mut bobs, scan, flow) = bob(&world);
    let secret = phone(&world, &scan).secret().to_owned();
    let at = |step: &str| format!("/enrol/{flow}{step}");
    let all = || PAGES.into_iter().chain(ACTIONS);
    let right = token(&scan);
    let none_of_it = |page: &Page, what: &str| {
        assert!(!page.body.contains(&secret) && !page.body.contains("class=\"codes\""), "{what}: {page:?}");
    };

    // Nobody, with bob's address: the way in, whatever they send. alice at the first level, in bob's sign-in: her own code.
    let mut alices = world.gate.visitor();
    alices.give_password(&world.page("wiki", "/private"), "alice", PASSWORD);
    for (who, web, further) in
        [("nobody", &mut world.gate.visitor(), "303 sign-in"), ("alice", &mut alices, "303 code")]
    {
        for step in all() {
            for answer in [
                web.get_once(&world.page("id", &at(step))),
                post(&world, web, &at(step), &body(&right, "code=123456")),
            ] {
                assert_eq!(leads(&answer), further, "{who} {step}");
                none_of_it(&answer, step);
            }
        }
    }
    // alice at the second level gets a picture of her own where she asks for one, and not bob's.
    let asked = alices.get(&world.page("id", "/account"));
    alices.give_code(&asked, &world.alice.phone.fresh());
    for step in all() {
        let answer = alices.get_once(&world.page("id", &at(step)));
        assert_eq!(leads(&answer), "303 continue", "{step}");
        none_of_it(&answer, step);
    }

    // bob himself: pages are pages, and the rest are forms; nothing else is there, and no other method.
    let strict = world.gate.page_policy(Some("wiki"));
    for (step, expected) in [("", "200 "), ("/verify", "200 "), ("/codes", "303 code")] {
        let page = bobs.get_once(&world.page("id", &at(step)));
        assert_eq!(leads(&page), expected, "{step}");
        assert!(page.status != 200 || page.header("content-security-policy") == Some(&strict), "{page:?}");
    }
    for step in ACTIONS {
        assert_eq!(bobs.get_once(&world.page("id", &at(step))).status, 405, "{step}");
    }
    for step in ["/nothing", "/codes/x", "/verify/", "/codes.pdf"] {
        assert_eq!(bobs.get_once(&world.page("id", &at(step))).status, 404, "{step}");
        assert_eq!(post(&world, &mut bobs, &at(step), &body(&right, "")).status, 404, "{step}");
    }
    assert_eq!(post(&world, &mut bobs, &at("/codes"), &body(&right, "")).status, 405);
    for step in all() {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let own = world.gate.origin("id");
            let answer = bobs.request(method, &world.page("id", &at(step)), &[("origin", own.as_str())], "");
            assert_eq!(answer.status, 405, "{method} {step}");
        }
    }

    // From elsewhere: refused. With no token, or one of another page's purpose or of another browser: nothing is done.
    let enrolment = bobs.get(&world.page("id", &at("/verify")));
    let number = enrolment
        .body
        .split("name=\"enrolment\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let code = phone(&world, &scan).fresh();
    let given = format!("enrolment={number}&code={code}");
    let (_, others_page, _) = bob(&world);
    for step in ["", "/verify", "/cancel", "/again"] {
        refuse_from_elsewhere(&world, &mut bobs, &at(step), &body(&right, &given));
        let language = bobs.get(&world.page("id", "/sign-out"));
        assert_eq!(post(&world, &mut bobs, &at(step), &body("", &given)).status, 403, "{step}");
        for odd in ["x", &token(&others_page), &token(&language)] {
            let answer = post(&world, &mut bobs, &at(step), &body(odd, &given));
            assert!([303, 403].contains(&answer.status), "{step} {odd}: {answer:?}");
        }
    }
    assert!(!world.account("bob").enrolled);
    assert_eq!(phone(&world, &bobs.get(&world.page("id", &at("")))).secret(), secret, "it waits as it did");

    // On. Another session of bob's at the first level, in this sign-in or its own, sees nothing of the codes.
    let (mut elsewhere, _, _) = bob(&world);
    let done = post(&world, &mut bobs, &at("/verify"), &format!("token={right}&label=x&{given}"));
    assert_eq!(leads(&done), "303 enrol", "{done:?}");
    let codes = bobs.get(&world.page("id", &at("/codes")));
    let first = codes.body.split("<li>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    traces::issued("backup code", &first);
    for web in [&mut elsewhere, &mut alices, &mut world.gate.visitor()] {
        for step in all() {
            for answer in [
                web.get_once(&world.page("id", &at(step))),
                post(&world, web, &at(step), &body(&token(&codes), "")),
            ] {
                assert!(!answer.body.contains(&first) && answer.status != 200, "{step}: {answer:?}");
            }
        }
    }
    // From elsewhere, with no token or an odd one the codes are neither given as a file nor thrown away.
    for step in ["/codes.txt", "/finish"] {
        refuse_from_elsewhere(&world, &mut bobs, &at(step), &body(&token(&codes), ""));
        assert_eq!(post(&world, &mut bobs, &at(step), &body("", "")).status, 403, "{step}");
        for odd in ["x", &token(&others_page)] {
            let answer = post(&world, &mut bobs, &at(step), &body(odd, ""));
            assert!(answer.status == 422 && answer.body.contains(&first), "{step} {odd}: {answer:?}");
            assert!(answer.header("content-disposition").is_none(), "{step}: {answer:?}");
        }
        assert!(bobs.get(&world.page("id", &at("/codes"))).body.contains(&first), "they wait as they did");
    }
    // His own: every page of before leads to the codes, and the file takes the page's token.
    for step in ["", "/verify"] {
        assert_eq!(leads(&bobs.get_once(&world.page("id", &at(step)))), "303 enrol", "{step}");
    }
    let file = post(&world, &mut bobs, &at("/codes.txt"), &body(&token(&codes), ""));
    assert!(file.status == 200 && file.body.contains(&first), "{file:?}");
    let finished = post(&world, &mut bobs, &at("/finish"), &body(&token(&codes), ""));
    assert_eq!(leads(&finished), "303 continue");
    // Put away: nobody sees them again, he neither; and the secret was seen for the last time.
    for step in all() {
        for answer in [
            bobs.get_once(&world.page("id", &at(step))),
            post(&world, &mut bobs, &at(step), &body(&token(&codes), &given)),
        ] {
            assert!(!answer.body.contains(&first) && !answer.body.contains(&secret), "{step}: {answer:?}");
        }
    }
    assert_eq!(world.account("bob").devices.len(), 1);
}

#[test]
fn a_first_factor_that_is_stale_and_a_code_that_is_stale_begin_nothing() {
    let world = World::start();
    // bob looks at his picture for longer than a first factor counts: it is asked for again, and the old picture is void.
    let (mut bobs, scan, flow) = bob(&world);
    let secret = phone(&world, &scan).secret().to_owned();
    world.authority.clock().shift(601);
    for step in ["", "/verify"] {
        let answer = bobs.get_once(&world.page("id", &format!("/enrol/{flow}{step}")));
        assert!(answer.status >= 400 && !answer.body.contains(&secret), "{step}: {answer:?}");
    }
    let begun =
        post(&world, &mut bobs, &format!("/enrol/{flow}/verify"), &body(&token(&scan), "code=123456"));
    assert!(begun.status >= 400 && !world.account("bob").enrolled, "{begun:?}");

    // alice has given a code, six minutes ago: a further device takes a fresh one, whatever she opens or sends.
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("id", "/account"), "alice", PASSWORD);
    web.give_code(&page, &world.alice.phone.fresh());
    world.authority.clock().shift(301);
    let asked = web.get(&world.page("id", "/enrol"));
    let flow = asked.url.rsplit('/').next().unwrap().to_owned();
    assert!(asked.asks_for("one-time-code"), "{asked:?}");
    for step in PAGES.into_iter().chain(ACTIONS) {
        let path = format!("/enrol/{flow}{step}");
        let sent = post(&world, &mut web, &path, &body(&token(&asked), "code=123456"));
        assert!(
            !sent.body.contains("class=\"qr\"") && !sent.body.contains("class=\"codes\""),
            "{step}: {sent:?}"
        );
    }
    let shown = web.get(&world.page("id", &format!("/enrol/{flow}")));
    assert!(shown.asks_for("one-time-code"), "{shown:?}");
    let picture = web.give_code(&shown, &world.alice.phone.fresh());
    assert!(picture.body.contains("class=\"qr\""), "{picture:?}");
    assert_eq!(world.account("alice").devices.len(), 1);
}

#[test]
fn what_stands_around_the_wizard_at_every_level() {
    let world = World::start();
    let (_, _, flow) = bob(&world);
    let mut first = world.gate.visitor();
    first.give_password(&world.page("wiki", "/private"), "alice", PASSWORD);
    let mut second = world.gate.visitor();
    let page = second.give_password(&world.page("wiki", "/private"), "alice", PASSWORD);
    second.give_code(&page, &world.alice.phone.fresh());
    // Each address, and where nobody, the first and the second level get from it; its other methods are refused.
    for (path, expected) in [
        (format!("/sign-in/{flow}"), ["200 ", "303 code", "303 continue"]),
        (format!("/code/{flow}"), ["303 sign-in", "200 ", "303 continue"]),
        (format!("/lost/{flow}"), ["303 sign-in", "200 ", "200 "]),
        (format!("/join/{flow}"), ["303 sign-in", "303 code", "303 continue"]),
        (format!("/enter/{flow}"), ["303 sign-in", "303 code", "303 continue"]),
        (format!("/notices/{flow}"), ["303 sign-in", "303 continue", "303 continue"]),
        (format!("/continue/{flow}"), ["303 sign-in", "303 code", "303 .twofold"]),
        ("/enrol".to_owned(), ["303 enrol", "303 enrol", "303 enrol"]),
        ("/".to_owned(), ["303 sign-in", "303 sign-in", "200 "]),
        ("/sign-out".to_owned(), ["303 signed-out", "200 ", "200 "]),
        ("/invitation/abcd-efgh".to_owned(), ["200 ", "200 ", "200 "]),
    ] {
        for (web, expected) in [&mut world.gate.visitor(), &mut first, &mut second].into_iter().zip(expected)
        {
            let answer = web.get_once(&world.page("id", &path));
            assert_eq!(leads(&answer), expected, "{path}");
            for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
                let answer = web.request(method, &world.page("id", &path), &[], "");
                assert_eq!(answer.status, 405, "{method} {path}");
            }
        }
    }
    for path in ["/continue", "/notices", "/enter"] {
        let answer = post(&world, &mut second, &format!("{path}/{flow}"), "");
        assert_eq!(answer.status, 405, "{path}");
    }
    assert_eq!(second.get_once(&world.page("id", "/language")).status, 405);
    for unknown in ["code", "join", "lost", "enrol", "continue", "sign-in"] {
        let path = format!("/{unknown}/{}", "a".repeat(22));
        assert_eq!(
            second.get_once(&world.page("id", &path)).status,
            410,
            "{unknown}: no such sign-in, or not any more"
        );
    }
}

#[test]
fn a_code_serves_only_from_its_own_page_at_every_level() {
    let world = World::start();
    let given = |page: &Page| page.url.rsplit('/').next().unwrap().to_owned();
    let (wiki, account) = (world.page("wiki", "/private"), world.page("id", "/account"));
    let mut first = world.gate.visitor();
    let asked = first.give_password(&wiki, "alice", PASSWORD);
    let mut second = world.gate.visitor();
    let page = second.give_password(&account, "alice", PASSWORD);
    second.give_code(&page, &world.alice.phone.fresh());
    // At the second level for longer than a further device takes: it has a code page again.
    let mut stale = world.gate.visitor();
    let page = stale.give_password(&account, "alice", PASSWORD);
    stale.give_code(&page, &world.alice.phone.fresh());
    world.authority.clock().shift(301);
    let afresh = stale.get(&world.page("id", "/enrol"));
    assert!(afresh.asks_for("one-time-code"), "{afresh:?}");

    let mut nobody = world.gate.visitor();
    let codes = &world.alice.backup_codes;
    let sent = |token: &str| format!("token={token}&code={}", codes[0]);
    for (who, web, flow) in [
        ("nobody", &mut nobody, given(&asked)),
        ("first", &mut first, given(&asked)),
        ("second", &mut second, given(&asked)),
        ("stale", &mut stale, given(&afresh)),
    ] {
        for page in ["code", "lost"] {
            let path = format!("/{page}/{flow}");
            // Where there is nothing to give, a form leads on whatever it says, and spends nothing.
            let further = match (who, page) {
                ("nobody", _) => Some("303 sign-in"),
                ("second", "code") => Some("303 continue"),
                _ => None,
            };
            if let Some(further) = further {
                for token in ["", "x"] {
                    assert_eq!(leads(&post(&world, web, &path, &sent(token))), further, "{who} {path}");
                }
                continue;
            }
            let own = token(&web.get(&world.page("id", &path)));
            refuse_from_elsewhere(&world, web, &path, &sent(&own));
            for none in [sent(""), format!("code={}", codes[0]), format!("token={own}&{}", sent(&own))] {
                assert_eq!(post(&world, web, &path, &none).status, 403, "{who} {path} {none}");
            }
            let odd = post(&world, web, &path, &sent("x"));
            assert!(odd.status == 403 && odd.body.contains("out of date"), "{who} {path}: {odd:?}");
        }
    }
    assert_eq!(world.account("alice").backup_codes_left, 10, "no code was looked at");
    assert!(
        !world.authority.audit().iter().any(|event| event.action == "verify" && event.outcome == "refused")
    );

    // With the page's own token it serves.
    let own = token(&first.get(&world.page("id", &format!("/lost/{}", given(&asked)))));
    let lost = post(&world, &mut first, &format!("/lost/{}", given(&asked)), &sent(&own));
    assert_eq!(leads(&lost), "303 enrol", "{lost:?}");
    assert_eq!(world.account("alice").backup_codes_left, 9);
}
