//! Ways through the portal that few people go: what they typed is odd, they turn round half-way, or the policy is another.
//! Before the real authority.

use twofold_shared::wire::RegenerateBackupCodes;
use twofold_tests::web::{Form, Page};
use twofold_tests::world::PASSWORD;
use twofold_tests::{Phone, Web, World, traces};

/// Fills in the page's form with this action.
fn form(page: &Page, action: &str, fields: &[(&str, &str)]) -> Form {
    let mut form = page.form_to(action);
    for (name, value) in fields {
        form.fill(name, value);
    }
    form
}

/// The device that the page's link sets up.
fn phone(world: &World, page: &Page) -> Phone {
    let uri = page.body.split("href=\"otpauth:").nth(1).unwrap().split('"').next().unwrap();
    let uri = uri.replace("&amp;", "&").replace("&#38;", "&");
    Phone::scan(&format!("otpauth:{uri}"), world.authority.clock())
}

/// From the picture to the page for the first code, and what this code and name lead to there.
fn verifies(web: &mut Web, page: &Page, code: &str, label: &str) -> Page {
    let asked = web.get(&format!("{}/verify", page.url));
    let given = form(&asked, "/enrol/", &[("code", code), ("label", label)]);
    web.submit(&asked, &given)
}

/// Ten backup codes of alice's.
fn backup_codes(world: &World) -> Vec<String> {
    let request = RegenerateBackupCodes { account: Some("local:alice".to_owned()), code: None };
    let codes = world.authority.call(&request).unwrap().backup_codes;
    let codes: Vec<String> = codes.iter().map(|code| code.reveal().to_owned()).collect();
    codes.iter().for_each(|code| traces::issued("backup code", code));
    codes
}

/// alice has lost her phone and gives a backup code: what comes then.
fn loses_her_phone(world: &World, web: &mut Web, code: &str) -> Page {
    let page = web.give_password(&world.page("wiki", "/private"), "alice", PASSWORD);
    let lost = web.get(&page.url.replace("/code/", "/lost/"));
    web.submit(&lost, &form(&lost, "/lost/", &[("code", code)]))
}

#[test]
fn a_phone_may_be_called_what_its_owner_likes_and_otherwise_the_page_says_what_is_wrong() {
    let world = World::start();
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("wiki", "/private"), "bob", PASSWORD);
    let device = phone(&world, &page);
    let odd = verifies(&mut web, &page, &device.fresh(), "a\u{202e}b");
    assert!(odd.status == 422 && odd.body.contains("Take 1 to 64 letters"), "{odd:?}");
    assert!(
        odd.body.contains("aria-describedby=\"label-hint error\" autofocus"),
        "the name is what is wrong: {odd:?}"
    );
    assert!(!world.account("bob").enrolled);
    let label = "\u{1f4f1}\u{fe0f} \u{1f469}\u{200d}\u{1f4bb}";
    let codes = verifies(&mut web, &page, &device.fresh(), label);
    assert!(codes.url.ends_with("/codes"), "{codes:?}");
    assert_eq!(world.account("bob").devices[0].label, label);
}

#[test]
fn who_turns_round_after_a_backup_code_learns_how_many_are_left_and_what_else_there_is() {
    let world = World::start();
    let codes = backup_codes(&world);
    let mut web = world.gate.visitor();
    let wizard = loses_her_phone(&world, &mut web, &codes[0]);
    assert!(wizard.body.contains("class=\"qr\""), "{wizard:?}");
    let given_up = web.submit(&wizard, &wizard.form_to(&format!("{}/cancel", path(&wizard))));
    assert!(given_up.body.contains("Nothing was turned on"), "{given_up:?}");
    let on = given_up.body.split("href=\"/notices/").nth(1).unwrap().split('"').next().unwrap();
    let told = web.get(&world.page("id", &format!("/notices/{on}")));
    assert!(told.body.contains("You used a backup code; 9 are left."), "{told:?}");
    assert!(told.body.contains("was set up as your second factor"), "{told:?}");
    assert_eq!(world.account("alice").devices.len(), 1, "she keeps what she had");

    // On to the end: the codes of before are gone, so nothing is told of them; the rest is.
    let mut web = world.gate.visitor();
    let wizard = loses_her_phone(&world, &mut web, &codes[1]);
    let device = phone(&world, &wizard);
    let fresh = verifies(&mut web, &wizard, &device.fresh(), "New");
    let mut finish = fresh.form_to(&format!("{}/finish", path(&wizard)));
    let landed = web.submit(&fresh, finish.tick("kept"));
    assert!(!landed.body.contains("You used a backup code"), "{landed:?}");
}

#[test]
fn somebody_with_as_many_devices_as_there_can_be_still_sets_up_anew_what_was_lost() {
    let world = World::start();
    while world.account("alice").devices.len() < 8 {
        world.authority.enrol_existing("local:alice");
    }
    let codes = backup_codes(&world);
    // One more takes a place that is not there; the page leads to where one is made.
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("id", "/enrol"), "alice", PASSWORD);
    let full = web.give_code(&page, &codes[0]);
    let full =
        web.get(&if full.body.contains("as many devices") { full.url } else { world.page("id", "/enrol") });
    assert!(full.status == 403 && full.body.contains("as many devices as there can be"), "{full:?}");
    assert!(full.body.contains("href=\"/account\""), "{full:?}");
    // In place of all of them there is room.
    let mut web = world.gate.visitor();
    let wizard = loses_her_phone(&world, &mut web, &codes[1]);
    let device = phone(&world, &wizard);
    let fresh = verifies(&mut web, &wizard, &device.fresh(), "New");
    assert!(fresh.body.contains("class=\"codes\""), "{fresh:?}");
    let devices = world.account("alice").devices;
    assert!(devices.len() == 1 && devices[0].label == "New", "{devices:?}");
}

fn path(page: &Page) -> String {
    page.url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap()
}

#[test]
fn the_account_of_somebody_without_a_phone_says_what_the_policy_is() {
    for (policy, says, offers) in [
        ("", "Your password alone opens nothing here", true),
        ("[[enrolment]]\npolicy = \"optional\"", "Your password alone opens what is open to you", true),
        ("[[enrolment]]\npolicy = \"off\"", "run twofold enroll", false),
    ] {
        let world = World::with("", policy);
        let mut web = world.gate.visitor();
        web.give_password(&world.page("wiki", "/private"), "bob", PASSWORD);
        let account = web.get(&world.page("id", "/account"));
        assert!(account.status == 200 && account.body.contains(says), "{policy}: {account:?}");
        assert_eq!(account.body.contains("href=\"/enrol\""), offers, "{policy}");
        // What is not offered is not there either.
        let wizard = web.get(&world.page("id", "/enrol"));
        assert_eq!(wizard.body.contains("class=\"qr\""), offers, "{policy}: {wizard:?}");
        assert!(offers || wizard.body.contains("twofold enroll"), "{wizard:?}");
    }
}

#[test]
fn the_language_is_switched_on_pages_and_never_where_something_is_shown_this_once() {
    const SWITCH: &str = "action=\"/language\"";
    let world = World::start();
    let mut web = world.gate.visitor();
    let account = world.page("id", "/account");
    let page = web.give_password(&account, "alice", PASSWORD);
    assert!(page.body.contains(SWITCH));
    let wrong = web.submit(&page, &form(&page, "/code/", &[("code", "000000")]));
    assert!(wrong.body.contains("match") && wrong.body.contains(SWITCH), "{wrong:?}");
    web.give_code(&page, &world.alice.phone.fresh());
    let asked = web.get(&format!("{account}/codes"));
    let shown = web.submit(&asked, &form(&asked, "/account/codes", &[("password", PASSWORD)]));
    assert!(shown.body.contains("class=\"codes\"") && !shown.body.contains(SWITCH), "{shown:?}");
    let asked = web.get(&format!("{account}/key"));
    let key = web.submit(&asked, form(&asked, "/account/key", &[("label", "nightly")]).tick("site"));
    assert!(key.body.contains("<code>") && !key.body.contains(SWITCH), "{key:?}");
    shown.body.split("<li>").skip(1).for_each(|rest| {
        traces::issued("backup code", rest.split('<').next().unwrap());
    });
    traces::issued("API key", key.body.split("<code>").nth(1).unwrap().split('<').next().unwrap());
    // It leads back to the very page.
    let page = web.get(&format!("{account}?from=mail&to=me"));
    let switch = form(&page, "/language", &[]);
    let back = web.submit_once(&page, &switch);
    assert_eq!(back.header("location"), Some("/account?from=mail&to=me"), "{back:?}");
}

#[test]
fn days_that_are_none_are_said_and_a_key_says_when_it_ends() {
    let world = World::start();
    let mut web = world.gate.visitor();
    let account = world.page("id", "/account");
    let page = web.give_password(&account, "alice", PASSWORD);
    web.give_code(&page, &world.alice.phone.fresh());
    let asked = web.get(&format!("{account}/key"));
    for days in ["abc", "0", "36501", "-1", "1.5"] {
        let given =
            form(&asked, "/account/key", &[("label", "nightly"), ("days", days)]).tick("site").clone();
        let odd = web.submit(&asked, &given);
        assert!(odd.status == 422 && odd.body.contains("from 1 to 36500"), "{days}: {odd:?}");
    }
    let given = form(&asked, "/account/key", &[("label", "nightly"), ("days", "30")]).tick("site").clone();
    let key = web.submit(&asked, &given);
    traces::issued("API key", key.body.split("<code>").nth(1).unwrap().split('<').next().unwrap());
    let page = web.get(&account);
    assert!(page.body.contains("nightly") && page.body.contains("ends on "), "{page:?}");
}

#[test]
fn the_service_has_the_name_that_its_people_gave_it() {
    let world = World::with("", "product = \"Acme\"");
    let mut web = world.gate.visitor();
    let sign_in = web.get(&world.page("wiki", "/private"));
    let page = web.give_password(&world.page("wiki", "/private"), "bob", PASSWORD);
    for page in [&sign_in, &page] {
        assert!(page.body.contains("· Acme</title>") && page.body.contains("\"product\">Acme<"), "{page:?}");
        assert!(
            !page.body.replace("Twofold%20", "").contains("Twofold"),
            "but for what the phone shows: {page:?}"
        );
    }
    let device = phone(&world, &page);
    let codes = verifies(&mut web, &page, &device.fresh(), "");
    let file = web.submit(&codes, &codes.form_to(&format!("{}/codes.txt", path(&page))));
    assert!(file.body.starts_with("Acme: backup codes of bob\r\n"), "{file:?}");
    file.body.lines().filter_map(|line| line.split("  ").find(|part| part.len() == 9)).for_each(|code| {
        traces::issued("backup code", code.trim());
    });
}
