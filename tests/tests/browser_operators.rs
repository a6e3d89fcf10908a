//! Those in charge, in a real Chromium: SendGrid's overview of everybody one is responsible for, and the way back for somebody
//! who is locked out.

use fantoccini::Locator;
use twofold_tests::office::PASSWORD;
use twofold_tests::{Browser, Office, Person, Phone, traces};

const DAY: &str = "--blink-settings=preferredColorScheme=1";
const NIGHT: &str = "--blink-settings=preferredColorScheme=0";

/// A reader who looks at every page that they come to.
struct Walker<'a> {
    browser: &'a Browser,
    person: Person<'a>,
    office: &'a Office,
    /// What its pictures are called; none: pages are walked and not looked at.
    look: Option<&'a str>,
    lang: &'a str,
}

impl<'a> Walker<'a> {
    fn new(browser: &'a Browser, office: &'a Office, look: Option<&'a str>) -> Self {
        Self { browser, person: Person(&browser.client), office, look, lang: "en" }
    }

    async fn looks_at(&self, page: &str) {
        if let Some(look) = self.look {
            self.browser.screenshot(&format!("{look}-{page}")).await;
            self.person.fits(page, self.lang).await;
        }
    }

    async fn comes_to(&self, name: &str, path: &str, there: &str) {
        self.person.goes_to(&self.office.page(path)).await;
        self.person.gives(name, PASSWORD).await;
        self.person.gives_code(&self.office.phone(name).phone.fresh()).await;
        self.person.reads_notices().await;
        self.person.sees(there).await;
    }

    async fn reads(&self) -> String {
        self.person.reads().await
    }

    /// The names in the table.
    async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for link in self.browser.client.find_all(Locator::Css(".people tbody th a")).await.unwrap() {
            names.push(link.text().await.unwrap());
        }
        names
    }

    /// From somebody's page to what is done, and back there.
    async fn acts(&self, act: &str, page: &str, there: &str) {
        self.person.presses(&format!(".acts a[href$='/{act}']"), "form[action^='/people/']").await;
        self.looks_at(page).await;
        self.person.presses("main form[action^='/people/'] button", there).await;
    }
}

/// SendGrid 1: an overview of one's own settings and of every user one is responsible for; users of a team each create their
/// own. And the way in for one of them.
async fn sendgrid_1(browser: &Browser, other: &Browser, look: Option<&str>) {
    let office = Office::open();
    let carol = Walker::new(browser, &office, look);
    // One's own settings, and from there to those of the team.
    carol.comes_to("carol", "/account", "#devices").await;
    carol.person.presses("a[href='/people']", ".people").await;
    carol.looks_at("people").await;
    let read = carol.reads().await;
    assert!(read.contains("In your charge: sales."), "{read}");
    assert_eq!(carol.names().await, ["bob", "erin"]);
    assert!(read.contains("1 device, 10 backup codes") && read.contains("Off"), "{read}");
    // A name that is searched, a state, and nobody.
    carol.person.types("name", "ER").await;
    carol.person.presses_the_button_that("form.filter button").await;
    assert_eq!(carol.names().await, ["erin"]);
    carol.person.types("name", "zz").await;
    carol.person.presses("form.filter button", ".nobody").await;
    carol.looks_at("people-nobody").await;
    carol.person.presses(".nobody a", ".people").await;
    let off = "#state option[value=off]";
    browser.client.find(Locator::Css(off)).await.unwrap().click().await.unwrap();
    carol.person.presses_the_button_that("form.filter button").await;
    assert_eq!(carol.names().await, ["erin"]);

    // Erin has none, so she is invited; she creates her own.
    carol.person.presses(".people tbody th a", "#actions").await;
    carol.looks_at("person-off").await;
    carol.acts("invite", "person-invite", "#link").await;
    carol.looks_at("person-invited").await;
    let link = browser.client.find(Locator::Css("#link")).await.unwrap().text().await.unwrap();
    assert!(link.starts_with(&office.page("/invitation/")), "{link}");
    traces::issued("invitation", link.rsplit('/').next().unwrap());
    let phone = sets_up(other, &office, &link, "erin").await;

    // The overview says so, and what carol sees is no secret.
    carol.person.presses("main a.button", "#actions").await;
    let read = carol.reads().await;
    assert!(read.contains("10 of 10 left") && !read.contains("Invite"), "{read}");
    let source = browser.client.source().await.unwrap();
    assert!(!source.contains(phone.secret()));
    carol.looks_at("person-on").await;
}

/// Somebody follows an invitation, gives their password and sets up a phone.
async fn sets_up(browser: &Browser, office: &Office, link: &str, name: &str) -> Phone {
    let person = Person(&browser.client);
    person.goes_to(link).await;
    person.presses_the_button_that("form[action^='/invitation/'] button").await;
    person.goes_to(&format!("{}/private", office.gate.origin("wiki"))).await;
    person.gives(name, PASSWORD).await;
    person.sees("svg.qr").await;
    let phone = Phone::scan(&browser.read_qr(&format!("{name}-invited")).await, office.authority.clock());
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("code", &phone.fresh()).await;
    person.presses("main button", ".codes").await;
    for code in browser.client.find_all(Locator::Css(".codes li")).await.unwrap() {
        let code = code.text().await.unwrap();
        traces::issued("backup code", &code);
        traces::issued("backup code", &code.replace(' ', ""));
    }
    person.ticks("kept").await;
    person.presses_the_button_that("form[action$='/finish'] button").await;
    person.sees_app("The wiki").await;
    phone
}

#[tokio::test]
async fn sendgrid_1_an_overview_of_ones_own_settings_and_of_everybody_one_is_responsible_for() {
    for (switch, look) in [(DAY, Some("operators-desk-light")), (Browser::NO_SCRIPTS, None)] {
        let (browser, other) = two_browsers(switch).await;
        sendgrid_1(&browser, &other, look).await;
        browser.close().await;
        other.close().await;
    }
}

async fn two_browsers(switch: &str) -> (Browser, Browser) {
    (Browser::with(1280, 900, &[switch]).await, Browser::with(1280, 900, &[switch]).await)
}

/// SendGrid 8: locked out, and a route back through the people in charge. On the way every action there is, on one person.
async fn sendgrid_8(browser: &Browser, other: &Browser, look: Option<&str>) {
    let office = Office::open();
    let bob = Walker::new(other, &office, None);
    bob.comes_to("bob", "/account", "#devices").await;
    let carol = Walker::new(browser, &office, look);
    let id = office.account("bob").id;
    carol.comes_to("carol", &format!("/people/{id}"), "#actions").await;
    // His bag is stolen. Nothing gets in until he has his laptop again.
    carol.acts("end-sessions", "person-end-sessions", "#actions").await;
    bob.person.goes_to(&office.page("/account")).await;
    assert!(bob.person.sees_field("password").await, "{}", bob.reads().await);
    carol.acts("require", "person-require", "#actions").await;
    assert!(carol.reads().await.contains("Always"), "{}", carol.reads().await);
    locks(&carol).await;
    bob.person.gives("bob", PASSWORD).await;
    assert!(bob.person.sees_field("password").await, "nothing gets in: {}", bob.reads().await);
    unlocks(&carol).await;
    // His phone and his codes he has not. The page says who helps.
    bob.person.gives("bob", PASSWORD).await;
    bob.person.presses("a[href^='/lost/']", "form[action^='/lost/']").await;
    let read = bob.reads().await;
    assert!(read.contains("No backup code left? Ask the people who run this service"), "{read}");
    let phone = lets_in_again(&carol, &bob, &id).await;
    what_was_lost_opens_nothing(&bob, &phone).await;
    reads_who_helped(&bob).await;
}

async fn locks(carol: &Walker<'_>) {
    carol.person.presses(".acts a[href$='/lock']", "#why").await;
    carol.person.types("why", "laptop <stolen>").await;
    let week = "#how-long option[value='604800']";
    carol.browser.client.find(Locator::Css(week)).await.unwrap().click().await.unwrap();
    carol.looks_at("person-lock").await;
    carol.person.presses("main form[action^='/people/'] button", "#lock").await;
    carol.looks_at("person-locked").await;
    let read = carol.reads().await;
    assert!(read.contains("Locked by carol on") && read.contains("ends by itself"), "{read}");
    assert!(read.contains("laptop <stolen>"), "{read}");
}

async fn unlocks(carol: &Walker<'_>) {
    carol.person.goes_to(&carol.office.page("/people?state=locked")).await;
    carol.looks_at("people-locked").await;
    assert_eq!(carol.names().await, ["bob"]);
    carol.person.presses(".people tbody th a", "#lock").await;
    carol.acts("unlock", "person-unlock", ".acts a[href$='/lock']").await;
}

/// Bob says to carol, who knows his voice, that everything is lost: she turns it off and invites him, and sees no secret.
async fn lets_in_again(carol: &Walker<'_>, bob: &Walker<'_>, id: &str) -> Phone {
    carol.acts("reset", "person-reset", ".acts a[href$='/invite']").await;
    carol.acts("invite", "person-invite-again", "#link").await;
    let link = carol.person.reads_at("#link").await;
    traces::issued("invitation", link.rsplit('/').next().unwrap());
    // A look at the same page again does not show it again.
    carol.person.goes_to(&carol.office.page(&format!("/people/{id}/invite"))).await;
    assert!(!carol.browser.client.source().await.unwrap().contains(&link));
    sets_up(bob.browser, bob.office, &link, "bob").await
}

async fn what_was_lost_opens_nothing(bob: &Walker<'_>, phone: &Phone) {
    let lost = bob.office.phone("bob");
    assert_ne!(phone.secret(), lost.phone.secret());
    bob.person.signs_out(&bob.office.gate, "id").await;
    bob.person.goes_to(&bob.office.page("/account")).await;
    bob.person.gives("bob", PASSWORD).await;
    for dead in [&lost.phone.fresh(), &lost.backup_codes[0]] {
        bob.person.gives_code(dead).await;
        assert!(bob.person.reads_error().await.contains("didn't match"), "{}", bob.reads().await);
    }
    bob.person.gives_code(&phone.fresh()).await;
    bob.person.reads_notices().await;
    bob.person.sees("#activity").await;
}

async fn reads_who_helped(bob: &Walker<'_>) {
    let mut told = bob.reads().await;
    bob.person.presses("a[href^='/account/activity/']", ".events").await;
    told += &bob.reads().await;
    for said in ["removed all devices and codes", "was invited to set up a device", "the account was locked"]
    {
        assert!(told.contains(&format!("{said}, by operator carol")), "{said}: {told}");
    }
}

#[tokio::test]
async fn sendgrid_8_the_people_in_charge_do_all_that_helps_and_the_person_sees_it() {
    for (switch, look) in [(NIGHT, Some("operators-desk-dark")), (Browser::NO_SCRIPTS, None)] {
        let (browser, other) = two_browsers(switch).await;
        sendgrid_8(&browser, &other, look).await;
        browser.close().await;
        other.close().await;
    }
}

#[tokio::test]
async fn the_pages_about_people_fit_a_phone_twice_the_size_and_german() {
    let office = Office::open();
    let locked = ["account", "lock", "local:bob", "--reason", "laptop stolen", "--until", "7d"];
    let _ = office.authority.twofold(&locked).expect_success();
    let contacts = [
        "account",
        "contacts",
        "local:erin",
        "--name",
        "Erin Of-A-Long-And-Winding-Name",
        "--phone",
        "+4930123456",
    ];
    let _ = office.authority.twofold(&contacts).expect_success();
    let (bob, erin) = (office.account("bob").id, office.account("erin").id);
    let phone = Browser::phone(&[NIGHT]).await;
    // 1280 pixels at 200 % are 640.
    let zoomed = Browser::with(640, 900, &[DAY]).await;
    let german = Browser::with(1280, 1000, &[DAY, "--accept-lang=de"]).await;
    for (browser, look, lang) in [
        (&phone, "operators-phone-dark", "en"),
        (&zoomed, "operators-zoomed", "en"),
        (&german, "operators-german", "de"),
    ] {
        let mut carol = Walker::new(browser, &office, Some(look));
        carol.lang = lang;
        carol.comes_to("carol", "/people", ".people").await;
        carol.looks_at("people").await;
        for (page, path) in [
            ("person-locked", format!("/people/{bob}")),
            ("person-off", format!("/people/{erin}")),
            ("person-lock", format!("/people/{erin}/lock")),
            ("person-invite", format!("/people/{erin}/invite")),
        ] {
            carol.person.goes_to(&office.page(&path)).await;
            carol.person.sees("h1").await;
            carol.looks_at(page).await;
        }
    }
    for browser in [phone, zoomed, german] {
        browser.close().await;
    }
}
