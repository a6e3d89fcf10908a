//! States of the portal's pages that no other walk shows to everybody, on the smallest screen that WCAG asks for; and the way in
//! and the wizard in German there. Each fits, and axe finds nothing.

use std::fs;

use fantoccini::Locator;
use twofold_shared::wire::{ApiKeyGrant, CreateApiKey, SuspendApiKey};
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, Phone, World, traces};

/// The portal lets people be without a phone, and the mail sets none up and takes trusted browsers; the wiki's vault takes a fresh
/// code, and the post a code alone. gina needs an invitation.
fn world() -> World {
    let rules = "[[enrolment]]\nhosts = [\"id.localhost\"]\npolicy = \"optional\"\n\
                 [[enrolment]]\nhosts = [\"mail.localhost\"]\npolicy = \"off\"\n\
                 [[rule]]\nhosts = [\"wiki.localhost\"]\npaths = [\"/vault\"]\npolicy = \"second\"\nmax_age = \"1m\"\n";
    let mut world = World::with("[enrolment]\ngroups = { guests = \"invitation\" }\n", rules);
    world.gate.stop();
    let file = world.gate.configuration();
    let mut text = fs::read_to_string(&file).unwrap() + "trusted_browsers = \"30days\"\n";
    let (origin, upstream) = (world.gate.origin("post"), world.mail.address());
    text += &format!("[[site]]\norigin = \"{origin}\"\nupstream = \"{upstream}\"\nfirst_factor = \"code\"\n");
    fs::write(&file, text).unwrap();
    world.gate.restart();
    world.authority.twofold(&["account", "add", "local:gina", "--group", "guests"]).expect_success();
    world.authority.set_password("local:gina", PASSWORD);
    world
}

/// Somebody on a small phone, in one language.
struct Reader<'a> {
    world: &'a World,
    person: Person<'a>,
    lang: &'static str,
}

impl Reader<'_> {
    async fn fits(&self, page: &str) {
        self.person.fits(&format!("{page} in {}", self.lang), self.lang).await;
    }

    /// Signs in on the way to a page.
    async fn comes_to(&self, site: &str, path: &str, name: &str, there: &str) {
        self.person.goes_to(&self.world.page(site, path)).await;
        self.person.gives(name, PASSWORD).await;
        self.person.sees(there).await;
    }

    async fn leaves(&self) {
        self.person.goes_to(&self.world.page("id", "/sign-out")).await;
        if !self.person.is_at().await.ends_with("/signed-out") {
            self.person.presses_the_button().await;
        }
        self.person.arrives_at(&self.world.page("id", "/signed-out")).await;
    }
}

/// One key that is suspended and one that has ended, of alice's.
fn give_keys(world: &World) {
    let now = world.authority.clock().now();
    for (label, ends_at) in [("suspended", None), ("ended", Some(now + 60))] {
        let grant = ApiKeyGrant { sites: vec!["wiki.localhost".to_owned()], ..ApiKeyGrant::default() };
        let account = Some("local:alice".to_owned());
        let request = CreateApiKey { account, label: label.to_owned(), grant, ends_at, code: None };
        let made = world.authority.call(&request).unwrap();
        traces::issued("API key", made.key.reveal());
        if ends_at.is_none() {
            let suspend = SuspendApiKey { account: Some("local:alice".to_owned()), id: made.api_key.id };
            world.authority.call(&suspend).unwrap();
        }
    }
    world.authority.clock().shift(61);
}

#[tokio::test]
async fn rare_states_of_a_sign_in_and_of_an_account_fit_a_small_phone() {
    let world = world();
    let browser = Browser::phone(&[]).await;
    let person = Person(&browser.client);
    let reader = Reader { world: &world, person, lang: "en" };
    person.goes_to(&world.page("post", "/")).await;
    person.sees("input[name=code]").await;
    reader.fits("name and code").await;
    // bob has no phone: the mail says how he gets one, and the portal lets him be.
    reader.comes_to("mail", "/", "bob", ".who").await;
    reader.fits("not enrolled").await;
    person.goes_to(&world.page("id", "/")).await;
    person.sees(".sites").await;
    person.sees("a[href='/enrol']").await;
    reader.fits("home with a phone to set up").await;
    person.goes_to(&world.page("id", "/account")).await;
    person.sees("a[href='/enrol']").await;
    reader.fits("account that is off").await;
    reader.leaves().await;
    // alice, in a browser that she trusts; and once more where a fresh code is asked for.
    reader.comes_to("mail", "/", "alice", "#trust").await;
    reader.fits("code with the box that trusts").await;
    person.ticks("trust").await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The mail").await;
    give_keys(&world);
    person.goes_to(&world.page("wiki", "/vault")).await;
    person.sees("#code").await;
    assert!(person.reads().await.contains("asks for a fresh code"), "{}", person.reads().await);
    reader.fits("fresh code").await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.sees_app("The wiki").await;
    for code in world.alice.backup_codes.iter().take(7) {
        assert!(world.authority.lets_in("local:alice", code));
    }
    person.goes_to(&world.page("id", "/account")).await;
    person.sees("#devices").await;
    let read = person.reads().await;
    for state in ["3 of 10 left", "suspended", "ended", "needs no code until"] {
        assert!(read.contains(state), "{state}: {read}");
    }
    reader.fits("account in every state").await;
    person.presses("a[href^='/account/activity/']", ".events").await;
    reader.fits("older activity").await;
    for _ in 0..7 {
        let _ = world.authority.enrol_existing("local:alice");
    }
    world.authority.twofold(&["operator", "add", "local:alice", "--everybody"]).expect_success();
    person.goes_to(&world.page("id", "/enrol")).await;
    if person.sees_field("code").await {
        person.gives_code(&world.alice.phone.fresh()).await;
    }
    assert!(person.reads().await.contains("as many devices as"), "{}", person.reads().await);
    reader.fits("too many devices").await;
    person.goes_to(&world.page("id", "/")).await;
    person.sees("a[href='/people']").await;
    reader.fits("home with people").await;
    browser.close().await;
}

#[tokio::test]
async fn rare_states_of_the_wizard_and_of_invitations_fit_a_small_phone() {
    let world = world();
    let browser = Browser::phone(&[]).await;
    let person = Person(&browser.client);
    let reader = Reader { world: &world, person, lang: "en" };
    let does = async |script: &str| drop(browser.client.execute(script, vec![]).await.unwrap());
    reader.comes_to("wiki", "/private", "bob", "svg.qr").await;
    let wizard = person.is_at().await;
    // An app that does not do as its picture says.
    does("document.querySelector('details').open = true; document.getElementById('digits').value = '8'")
        .await;
    person.presses_the_button_that("details form button").await;
    person.sees("svg.qr").await;
    let asked = browser.scans("states", world.authority.clock()).await;
    let deaf = Phone::type_in(asked.secret(), world.authority.clock());
    person.verifies(&deaf.fresh(), ".error").await;
    person.sees("input[name=algorithm]").await;
    reader.fits("an app is found out").await;
    // A picture of before.
    does("document.querySelector('input[name=enrolment]').value = '0123456789abcdef'").await;
    person.types("code", &deaf.fresh()).await;
    person.presses("form[action$='/verify'] button", ".notice[role=status]").await;
    reader.fits("an earlier picture is void").await;
    // Too long ago: once more.
    world.authority.clock().shift(601);
    person.goes_to(&wizard).await;
    person.sees("form[action$='/again']").await;
    reader.fits("sign in once more").await;
    person.presses("form[action$='/again'] button", "#password").await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
    let phone = browser.scans("states-again", world.authority.clock()).await;
    person.verifies(&phone.fresh(), ".codes").await;
    person.reads_codes().await;
    does("document.getElementById('kept').required = false").await;
    person.presses("form[action$='/finish'] button", ".error").await;
    reader.fits("codes that are not kept yet").await;
    person.finishes().await;
    person.sees_app("The wiki").await;
    reader.leaves().await;

    reader.comes_to("wiki", "/private", "gina", ".who").await;
    assert!(person.reads().await.contains("invitation"), "{}", person.reads().await);
    reader.fits("an invitation is needed").await;
    world.authority.twofold(&["account", "add", "shell.example.com:hank"]).expect_success();
    for (name, page) in [("local:gina", "accepted"), ("shell.example.com:hank", "good at a login")] {
        let invited = world.authority.twofold(&["--json", "invite", name]).expect_success();
        let invited: serde_json::Value = serde_json::from_str(&invited).unwrap();
        let code = invited["code"].as_str().unwrap();
        traces::issued("invitation", code);
        person.goes_to(&world.page("id", &format!("/invitation/{code}"))).await;
        person.presses_the_button_that("form[action^='/invitation/'] button").await;
        assert!(browser.client.find(Locator::Css("form[action^='/invitation/']")).await.is_err(), "{page}");
        reader.fits(&format!("an invitation that is {page}")).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn the_way_in_and_the_wizard_in_german_fit_a_small_phone() {
    let world = world();
    let browser = Browser::phone(&["--accept-lang=de"]).await;
    let person = Person(&browser.client);
    let reader = Reader { world: &world, person, lang: "de" };
    person.goes_to(&world.page("mail", "/")).await;
    reader.fits("sign-in").await;
    person.gives("alice", "wrong").await;
    reader.fits("sign-in refused").await;
    person.gives("alice", PASSWORD).await;
    person.sees("#trust").await;
    reader.fits("code").await;
    person.gives_code(&world.alice.phone.wrong()).await;
    reader.fits("code refused").await;
    let code = person.is_at().await;
    person.presses("a[href^='/lost/']", "form[action^='/lost/']").await;
    reader.fits("lost").await;
    person.goes_to(&code).await;
    person.gives_code(&world.alice.backup_codes[0]).await;
    person.sees(".notice").await;
    reader.fits("notices").await;
    reader.leaves().await;

    reader.comes_to("wiki", "/private", "bob", "svg.qr").await;
    let phone = browser.scans("german", world.authority.clock()).await;
    person.presses("details summary", "#digits").await;
    reader.fits("scan").await;
    person.verifies(&phone.wrong(), ".error li").await;
    reader.fits("first code refused").await;
    person.types("code", &phone.fresh()).await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    person.reads_codes().await;
    reader.fits("codes").await;
    person.goes_to(&world.page("id", "/invitation/abcd-efgh")).await;
    reader.fits("invitation").await;
    browser.close().await;
}
