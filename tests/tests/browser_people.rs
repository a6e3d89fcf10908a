//! The pages about other people in every state, as everybody sees them, and without a mouse; and an account that strangers
//! have closed, opened again by its owner and by somebody in charge.

use fantoccini::Locator;
use twofold_shared::wire::AddAccount;
use twofold_tests::office::PASSWORD;
use twofold_tests::{Browser, Office, Person, traces};

/// Signs in on the way to a page of the portal.
async fn comes_to(person: &Person<'_>, office: &Office, name: &str, path: &str, there: &str) {
    person.goes_to(&office.page(path)).await;
    person.gives(name, PASSWORD).await;
    person.gives_code(&office.phone(name).phone.fresh()).await;
    person.reads_notices().await;
    person.sees(there).await;
}

async fn text(person: &Person<'_>, selector: &str) -> String {
    let found = person.0.find(Locator::Css(selector)).await;
    found.unwrap_or_else(|why| panic!("no {selector}: {why}")).text().await.unwrap()
}

/// The names in the table.
async fn names(person: &Person<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for link in person.0.find_all(Locator::Css(".people tbody th a")).await.unwrap() {
        names.push(link.text().await.unwrap());
    }
    names
}

/// One with somebody in every state: bob is closed to strangers and called something, erin is locked, hank has no way to the web,
/// iris has few backup codes; and more people than fit on a page.
fn full_office() -> Office {
    let office = Office::open();
    let twofold = |arguments: &[&str]| drop(office.authority.twofold(arguments).expect_success());
    office.authority.closes("local:bob", &office.phone("bob").phone);
    let called = "Robert Of-A-Long-And-Winding-Name";
    twofold(&["account", "contacts", "local:bob", "--name", called, "--phone", "+4930123456"]);
    twofold(&["account", "lock", "local:erin", "--reason", "laptop stolen at the airport", "--until", "7d"]);
    for name in ["shell.example.com:hank", "local:iris"] {
        twofold(&["account", "add", name, "--group", "sales"]);
    }
    office.authority.set_password("local:iris", PASSWORD);
    let iris = office.authority.enrol_existing("local:iris");
    for code in iris.backup_codes.iter().take(8) {
        assert!(office.authority.lets_in("local:iris", code));
    }
    for number in 0..50 {
        let (name, groups) = (format!("local:u{number:02}"), vec!["sales".to_owned()]);
        office.authority.call(&AddAccount { name, groups }).unwrap();
    }
    office
}

#[tokio::test]
async fn the_pages_about_people_fit_everybody() {
    let office = full_office();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    let fits = async |page: &str| browser.fits_everybody(page, "en").await;
    let goes_to = async |path: &str, there: &str| {
        person.goes_to(&office.page(path)).await;
        person.sees(there).await;
    };
    let id = |name: &str| office.authority.id_of(name);
    comes_to(&person, &office, "carol", "/people", ".people").await;
    fits("people").await;
    person.presses("a[rel=next]", "nav a:not([rel])").await;
    fits("people-last").await;
    for (state, found) in [("locked", "erin"), ("closed", "bob"), ("few-codes", "iris")] {
        goes_to(&format!("/people?state={state}"), ".people").await;
        assert_eq!(names(&person).await, [found]);
        fits(&format!("people-{state}")).await;
    }
    goes_to("/people?name=zz", ".nobody").await;
    fits("people-nobody").await;
    for (name, page) in [("bob", "closed"), ("erin", "locked"), ("iris", "few-codes"), ("u01", "off")] {
        goes_to(&format!("/people/{}", id(&format!("local:{name}"))), "#actions").await;
        fits(&format!("person-{page}")).await;
    }
    for (name, act) in [
        ("local:u01", "invite"),
        ("local:iris", "reset"),
        ("local:bob", "lock"),
        ("local:bob", "reopen"),
        ("local:bob", "require"),
    ] {
        goes_to(&format!("/people/{}/{act}", id(name)), "main form[action^='/people/']").await;
        fits(&format!("person-{act}")).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn what_is_done_to_people_and_what_cannot_be_fits_everybody() {
    let office = full_office();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    let fits = async |page: &str| browser.fits_everybody(page, "en").await;
    let id = |name: &str| office.authority.id_of(name);
    let opens = async |name: &str, act: &str| {
        person.goes_to(&office.page(&format!("/people/{}/{act}", id(name)))).await;
        person.sees("main form[action^='/people/']").await;
    };
    let button = "main form[action^='/people/'] button";
    comes_to(&person, &office, "carol", "/people", ".people").await;
    // Whoever has a session can have it ended.
    let mut web = office.gate.visitor();
    web.give_password(&office.page("/account"), "iris", PASSWORD);
    opens("local:iris", "end-sessions").await;
    fits("person-end-sessions").await;
    // Too long a reason, where a browser lets it be typed.
    opens("local:bob", "lock").await;
    browser.client.execute("document.querySelector('#why').maxLength = 1000", vec![]).await.unwrap();
    person.types("why", &"because ".repeat(30)).await;
    person.presses(button, ".error").await;
    assert!(person.reads_error().await.contains("at most 200"), "{}", person.reads().await);
    fits("person-lock-refused").await;
    person.types("why", "laptop stolen").await;
    person.presses(button, "#lock").await;
    fits("person-locked-by-carol").await;
    opens("local:bob", "unlock").await;
    fits("person-unlock").await;
    // Somebody else was quicker.
    office.authority.twofold(&["account", "unlock", "local:bob"]).expect_success();
    opens("local:u01", "invite").await;
    office.authority.twofold(&["account", "lock", "local:u01"]).expect_success();
    person.presses(button, ".error").await;
    fits("person-not-possible").await;
    // With a link, and for who has no way to the web: shown once.
    office.authority.set_password("local:u02", PASSWORD);
    for (name, there, page) in
        [("local:u02", "#link", "person-invited"), ("shell.example.com:hank", "#code", "person-invited-code")]
    {
        opens(name, "invite").await;
        person.presses(button, there).await;
        let code = text(&person, "#code").await;
        traces::issued("invitation", &code);
        fits(page).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn helping_somebody_by_keyboard_alone() {
    let office = Office::open();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    // In, and from one's own account to those of others.
    person.goes_to(&office.page("/account")).await;
    person.keys("carol").await;
    person.tabs_to("#password").await;
    person.keys(PASSWORD).await;
    person.enters("input[name=code]").await;
    person.keys(&office.phone("carol").phone.fresh()).await;
    person.enters(".notice").await;
    person.tabs_to("main a.button").await;
    person.enters("#devices").await;
    person.tabs_to("a[href='/people']").await;
    person.enters(".people").await;
    // Those who are off: the third in the list.
    person.tabs_to("#state").await;
    person.goes_down(2).await;
    person.tabs_to("form.filter button").await;
    person.presses_enter().await;
    person.sees("option[value=off][selected]").await;
    assert_eq!(names(&person).await, ["erin"]);
    person.tabs_to(".people tbody th a").await;
    person.enters("#actions").await;
    // Locked, with a reason, for a week.
    person.tabs_to(".acts a[href$='/lock']").await;
    person.enters("#why").await;
    person.tabs_to("#why").await;
    person.keys("on leave").await;
    person.tabs_to("#how-long").await;
    person.goes_down(3).await;
    person.tabs_to("main form button").await;
    person.enters("#lock").await;
    let lock = text(&person, "#lock").await;
    assert!(lock.contains("on leave") && lock.contains("ends by itself"), "{lock}");
    // And unlocked, and invited: the link can be come by and copied.
    person.tabs_to(".acts a[href$='/unlock']").await;
    person.enters("form[action$='/unlock']").await;
    person.tabs_to("main form button").await;
    person.enters(".acts a[href$='/invite']").await;
    person.tabs_to(".acts a[href$='/invite']").await;
    person.enters("form[action$='/invite']").await;
    person.tabs_to("main form button").await;
    person.enters("#link").await;
    traces::issued("invitation", text(&person, "#link").await.rsplit('/').next().unwrap());
    person.tabs_to("main a.button").await;
    person.enters("#actions").await;
    person.tabs_to("a[href='/people']").await;
    person.enters(".people").await;
    // Nobody is found, and everybody again.
    person.tabs_to("#name").await;
    person.keys("zz").await;
    person.enters(".nobody").await;
    person.tabs_to(".nobody a").await;
    person.enters(".people").await;
    assert_eq!(names(&person).await, ["bob", "erin"]);
    browser.close().await;
}

#[tokio::test]
async fn an_owner_whom_strangers_closed_out_comes_in_with_a_backup_code_and_opens_the_account_again() {
    let office = Office::open();
    let alice = office.phone("alice");
    office.authority.closes("local:alice", &alice.phone);
    for (tour, switches) in [&[][..], &["--blink-settings=scriptEnabled=false"]].into_iter().enumerate() {
        let browser = Browser::with(1280, 900, switches).await;
        let person = Person(&browser.client);
        person.goes_to(&office.page("/account")).await;
        person.gives("alice", PASSWORD).await;
        if tour == 0 {
            // From a place that nobody knows the phone's own code opens nothing; the paper does.
            person.gives_code(&alice.phone.fresh()).await;
            assert!(person.reads_error().await.contains("Use a backup code"), "{}", person.reads().await);
            browser.fits_everybody("code-closed", "en").await;
        }
        person.gives_code(&alice.backup_codes[tour]).await;
        person.reads_notices().await;
        person.sees("form[action='/account/reopen']").await;
        let told = text(&person, "form[action='/account/reopen']").await;
        assert!(told.contains("Too many wrong codes came from places we don't know"), "{told}");
        if tour == 0 {
            browser.fits_everybody("account-closed", "en").await;
        }
        assert!(office.account("alice").closed_to_strangers);
        person.presses_the_button_that("form[action='/account/reopen'] button").await;
        person.sees("#activity").await;
        assert!(!office.account("alice").closed_to_strangers);
        let read = person.reads().await;
        assert!(
            !read.contains("Too many wrong codes came")
                && read.contains("codes are taken from everywhere again"),
            "{read}"
        );
        browser.close().await;
        // A stranger's browser takes the phone's code again.
        let other = Browser::with(1280, 900, switches).await;
        comes_to(&Person(&other.client), &office, "alice", "/account", "#devices").await;
        other.close().await;
        if tour == 0 {
            office.authority.closes("local:alice", &alice.phone);
        }
    }
}

#[tokio::test]
async fn somebody_in_charge_finds_who_is_closed_out_and_opens_their_account_again() {
    let office = Office::open();
    let bob = office.phone("bob");
    office.authority.closes("local:bob", &bob.phone);
    let (browser, other) = (Browser::start(1280, 900).await, Browser::start(1280, 900).await);
    let (carol, person) = (Person(&browser.client), Person(&other.client));
    person.goes_to(&office.page("/account")).await;
    person.gives("bob", PASSWORD).await;
    person.gives_code(&bob.phone.fresh()).await;
    assert!(person.reads_error().await.contains("places we don't know"), "{}", person.reads().await);

    comes_to(&carol, &office, "carol", "/people?state=closed", ".people").await;
    // A sign-in leads back to the page, and the choice is made there.
    carol.goes_to(&office.page("/people?state=closed")).await;
    assert_eq!(names(&carol).await, ["bob"]);
    carol.presses(".people tbody th a", "#closed").await;
    carol.presses(".acts a[href$='/reopen']", "form[action$='/reopen']").await;
    assert!(carol.reads().await.contains("Codes are taken from everywhere again"), "{}", carol.reads().await);
    carol.presses("form[action$='/reopen'] button", "#actions").await;
    let read = carol.reads().await;
    assert!(!read.contains("Too many wrong codes") && !read.contains("Reopen"), "{read}");
    assert!(!office.account("bob").closed_to_strangers);
    carol.goes_to(&office.page("/people?state=closed")).await;
    carol.sees(".nobody").await;
    // Her own activity has what she did, and to whom; his, who did it.
    carol.goes_to(&office.page("/account")).await;
    carol.sees("#activity").await;
    let own = text(&carol, ".events").await;
    assert!(own.contains("had codes of bob taken from everywhere again"), "{own}");

    person.gives_code(&bob.phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#activity").await;
    let told = text(&person, ".events").await;
    assert!(told.contains("codes are taken from everywhere again, by operator carol"), "{told}");
    browser.close().await;
    other.close().await;
}
