//! The stories of setting up a second factor, walked in a real Chromium: pictures are read from the screen by zbarimg and
//! answered by oathtool or by pyotp. The numbers are those of the products' own steps.

use std::process::Command;

use fantoccini::Locator;
use twofold_tests::{Authority, Browser, Gate, Person, Phone, Setup, Upstream, run, traces};

const PASSWORD: &str = "correct horse battery";

/// A wiki behind a gate, and bob, who has a password and nothing else.
struct World {
    wiki: Upstream,
    gate: Gate,
    authority: Authority,
}

impl World {
    fn start() -> Self {
        Self::with("", "")
    }

    /// With more of the authority's and of the gate's configuration.
    fn with(authority: &str, gate: &str) -> Self {
        let authority = Authority::with(Setup { more: authority.to_owned(), ..Setup::default() });
        authority.add("local:bob");
        authority.set_password("local:bob", PASSWORD);
        let wiki = Upstream::start("The wiki");
        let mut gate = Gate::prepare(&authority, &[("wiki", wiki.address())], gate);
        gate.restart();
        Self { wiki, gate, authority }
    }

    fn page(&self, site: &str, path: &str) -> String {
        format!("{}{path}", self.gate.origin(site))
    }

    /// Whether two-factor is on for bob.
    fn is_on(&self) -> bool {
        let view = self.authority.twofold(&["--json", "status", "--account", "local:bob"]).expect_success();
        serde_json::from_str::<serde_json::Value>(&view).unwrap()["enrolled"] == true
    }
}

/// Signs in as bob for the wiki, as far as the wizard.
async fn signs_in(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
}

/// Scans the picture on the page.
async fn scans(browser: &Browser, world: &World, name: &str) -> Phone {
    Phone::scan(&browser.read_qr(name).await, world.authority.clock())
}

/// From the picture to the backup codes, with this code.
async fn verifies(person: &Person<'_>, code: &str, there: &str) {
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("code", code).await;
    person.presses("main button", there).await;
}

/// The backup codes on the page.
async fn reads_codes(browser: &Browser) -> Vec<String> {
    let mut codes = Vec::new();
    for item in browser.client.find_all(Locator::Css(".codes li")).await.unwrap() {
        let code = item.text().await.unwrap();
        traces::issued("backup code", &code);
        traces::issued("backup code", &code.replace(' ', ""));
        codes.push(code);
    }
    codes
}

/// Says that the codes are put away, and goes on.
async fn finishes(person: &Person<'_>) {
    person.ticks("kept").await;
    person.presses_the_button_that("form[action$='/finish'] button").await;
}

/// The file that the button gives, as any program gets it with this browser's cookies.
async fn downloads(browser: &Browser) -> String {
    let form = "form[action$='/codes.txt']";
    let form = browser.client.find(Locator::Css(form)).await.unwrap();
    let action = form.attr("action").await.unwrap().unwrap();
    let token = form.find(Locator::Css("input[name=token]")).await.unwrap();
    let token = token.attr("value").await.unwrap().unwrap();
    let mut cookies = String::new();
    for cookie in browser.client.get_all_cookies().await.unwrap() {
        cookies += &format!("{}={}; ", cookie.name(), cookie.value());
    }
    let at = browser.client.current_url().await.unwrap();
    let url = at.join(&action).unwrap();
    let port = url.port().unwrap();
    let host = url.host_str().unwrap().to_owned();
    let resolve = format!("{host}:{port}:127.0.0.1");
    run(Command::new("curl")
        .args(["-sf", "--resolve", &resolve, "-H", &format!("Cookie: {cookies}")])
        .args(["--data-urlencode", &format!("token={token}"), url.as_str()]))
    .expect_success()
}

/// A second authenticator that has nothing in common with the first: pyotp, a step ahead so that no code is given twice.
fn pyotp(phone: &Phone, world: &World, ahead: u64) -> String {
    let now = world.authority.clock().now() + ahead;
    let script = "import sys, pyotp; print(pyotp.TOTP(sys.argv[1]).at(int(sys.argv[2])))";
    let code = run(Command::new("/usr/bin/python3").args(["-c", script, phone.secret(), &now.to_string()]))
        .expect_success();
    let code = code.trim().to_owned();
    traces::issued("code", &code);
    code
}

/// SparkPost: 2 a picture and the key as text, 3 a warning, 4 on only with a passcode, 6 codes as a file, 7 a second page.
async fn sparkpost(browser: &Browser) {
    let world = World::start();
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    // 2
    let phone = scans(browser, &world, "sparkpost-2").await;
    let mut key = String::new();
    for group in browser.client.find_all(Locator::Css("#key span")).await.unwrap() {
        let group = group.text().await.unwrap();
        assert_eq!(group.len(), 4);
        key += &group;
    }
    assert_eq!(key, phone.secret());
    let link = browser.client.find(Locator::Css("a[href^='otpauth:']")).await.unwrap();
    assert!(link.attr("href").await.unwrap().unwrap().contains(&key));
    // 3
    assert!(person.reads().await.contains("whoever has it can make your codes"));
    // 4
    assert!(!world.is_on());
    verifies(&person, &phone.wrong(), ".error li").await;
    assert!(person.reads_error().await.contains("clock is off") && !world.is_on());
    person.types("code", &phone.fresh()).await;
    person.presses("main button", ".codes").await;
    assert!(world.is_on());
    // 6
    let codes = reads_codes(browser).await;
    let file = downloads(browser).await;
    assert!(codes.len() == 10 && file.contains("bob") && file.contains("Twofold"), "{file}");
    for code in &codes {
        assert!(
            file.lines().any(|line| line.contains(code) && line.ends_with("used on: ______________")),
            "{file}"
        );
    }
    finishes(&person).await;
    person.sees_app("The wiki").await;
    // 7
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.reads().await.contains("s left"), "{}", person.reads().await);
    person.gives_code(&phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.gives_code(&codes[0]).await;
    let notices = person.reads_notices().await;
    assert!(notices.contains("9 are left"), "{notices}");
    person.sees_app("The wiki").await;
}

#[tokio::test]
async fn sparkpost_2_3_4_6_7_a_picture_a_key_a_passcode_a_file_and_a_second_page() {
    let browser = Browser::start(1280, 900).await;
    sparkpost(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn sparkpost_2_3_4_6_7_without_javascript() {
    let browser = Browser::with(1280, 900, &["--blink-settings=scriptEnabled=false"]).await;
    sparkpost(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn boomi_2_3_4_a_setup_code_six_digits_ten_backup_codes_and_finish() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    // 2: the setup code typed by hand, then Next.
    let key = browser.client.find(Locator::Css("#key")).await.unwrap().text().await.unwrap();
    let phone = Phone::type_in(&key, world.authority.clock());
    person.presses("main a.button", "input[name=enrolment]").await;
    // 3
    assert!(person.reads().await.contains("Enter the 6 digits"));
    person.types("code", &phone.fresh()).await;
    person.types("label", "Boomi's phone").await;
    person.presses("main button", ".codes").await;
    // 4
    assert!(person.reads().await.contains("like a password"));
    assert_eq!(reads_codes(&browser).await.len(), 10);
    // Without the box ticked the browser itself stays on the page.
    browser.client.find(Locator::Css("form[action$='/finish'] button")).await.unwrap().click().await.unwrap();
    person.sees(".codes").await;
    finishes(&person).await;
    person.sees_app("The wiki").await;
    let status = world.authority.twofold(&["status", "--account", "local:bob"]).expect_success();
    assert!(status.contains("Boomi's phone"), "{status}");
    browser.close().await;
}

#[tokio::test]
async fn mailersend_2_3_4_set_up_recovery_codes_and_a_lost_phone() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    // 2
    let phone = scans(&browser, &world, "mailersend-2").await;
    verifies(&person, &pyotp(&phone, &world, 0), ".codes").await;
    // 3
    let codes = reads_codes(&browser).await;
    assert!(codes.iter().all(|code| code.len() == 9));
    finishes(&person).await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;
    // 4
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.presses("a[href^='/lost/']", "form[action^='/lost/']").await;
    assert!(person.reads().await.contains("set up a new phone"));
    person.types("code", &codes[4]).await;
    person.presses("main button", "svg.qr").await;
    let new = scans(&browser, &world, "mailersend-4").await;
    assert_ne!(new.secret(), phone.secret());
    verifies(&person, &pyotp(&new, &world, 30), ".codes").await;
    let fresh = reads_codes(&browser).await;
    assert!(fresh.iter().all(|code| !codes.contains(code)));
    finishes(&person).await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;
    // The lost one's codes and the old recovery codes are dead, the new phone's are not.
    world.authority.clock().shift(90);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    for dead in [pyotp(&phone, &world, 0), codes[5].clone()] {
        person.gives_code(&dead).await;
        assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    }
    person.gives_code(&pyotp(&new, &world, 0)).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
    browser.close().await;
}

#[tokio::test]
async fn northstack_3_a_picture_a_verification_code_and_secured() {
    let world = World::start();
    let browser = Browser::phone(&[]).await;
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    let phone = scans(&browser, &world, "northstack-3").await;
    verifies(&person, &phone.fresh(), ".codes").await;
    reads_codes(&browser).await;
    assert!(person.reads().await.contains("Two-factor is on"));
    finishes(&person).await;
    person.sees_app("The wiki").await;
    let told = world.authority.audit();
    assert!(
        told.iter().any(|event| event.action == "enrol" && event.door == "web wiki.localhost"),
        "{told:?}"
    );
    browser.close().await;
}

#[tokio::test]
async fn two_tabs_of_one_browser_show_one_picture_and_either_may_finish() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let (client, person) = (&browser.client, Person(&browser.client));
    signs_in(&person, &world).await;
    let first = client.window().await.unwrap();
    let phone = scans(&browser, &world, "two-tabs-1").await;
    let second = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(second).await.unwrap();
    person.goes_to(&world.page("wiki", "/other")).await;
    person.sees("svg.qr").await;
    assert_eq!(scans(&browser, &world, "two-tabs-2").await.secret(), phone.secret());
    verifies(&person, &phone.fresh(), ".codes").await;
    reads_codes(&browser).await;
    finishes(&person).await;
    person.sees_app("The wiki").await;
    // The other tab's Next leads on to where it wanted, without another code.
    client.switch_to_window(first).await.unwrap();
    person.presses_the_button_that("main a.button").await;
    person.sees_app("The wiki").await;
    assert!(person.is_at().await.ends_with("/private"));
    browser.close().await;
}

#[tokio::test]
async fn a_code_sent_twice_is_one_device_and_its_codes_are_seen() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    let phone = scans(&browser, &world, "twice").await;
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("code", &phone.fresh()).await;
    // Beside the page's own guard against it, as a browser without scripts would.
    let twice =
        "const form = document.querySelector(\"form[action$='/verify']\"); form.submit(); form.submit();";
    browser.client.execute(twice, vec![]).await.unwrap();
    person.sees(".codes").await;
    assert_eq!(reads_codes(&browser).await.len(), 10);
    finishes(&person).await;
    person.sees_app("The wiki").await;
    let enrolled = world.authority.audit().into_iter().filter(|event| event.action == "enrol").count();
    assert_eq!(enrolled, 1);
    browser.close().await;
}

#[tokio::test]
async fn an_enrolment_that_runs_out_under_ones_eyes_leaves_nothing() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    let phone = scans(&browser, &world, "expired").await;
    person.presses("main a.button", "input[name=enrolment]").await;
    world.authority.clock().shift(601);
    person.types("code", &phone.fresh()).await;
    person.presses_the_button_that("form[action$='/verify'] button").await;
    assert!(!person.sees_field("kept").await && !world.is_on(), "{}", person.reads().await);
    // Signing in once more, which is asked for by now, begins anew with another picture.
    person.goes_to(&world.page("wiki", "/private")).await;
    assert!(person.reads().await.contains("no older than five minutes"), "{}", person.reads().await);
    person.presses("main form button", "input[name=password]").await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
    let fresh = scans(&browser, &world, "expired-again").await;
    assert_ne!(fresh.secret(), phone.secret());
    verifies(&person, &fresh.fresh(), ".codes").await;
    reads_codes(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn an_invitation_lets_one_browser_set_up_a_phone_after_the_password() {
    let world = World::with("[enrolment]\nfirst = \"invitation\"\n", "");
    let invited = world.authority.twofold(&["--json", "invite", "local:bob"]).expect_success();
    let invited: serde_json::Value = serde_json::from_str(&invited).unwrap();
    let code = invited["code"].as_str().unwrap();
    traces::issued("invitation", code);
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.reads().await.contains("You need an invitation"), "{}", person.reads().await);
    person.goes_to(&world.page("id", &format!("/invitation/{code}"))).await;
    assert!(person.reads().await.contains("You are invited"));
    person.presses_the_button_that("form[action^='/invitation/'] button").await;
    assert!(person.reads().await.contains("Now sign in"), "{}", person.reads().await);
    // Another browser comes too late.
    let other = Browser::start(1280, 900).await;
    let late = Person(&other.client);
    late.goes_to(&world.page("id", &format!("/invitation/{code}"))).await;
    late.presses_the_button_that("form[action^='/invitation/'] button").await;
    assert!(late.reads().await.contains("isn't good any more"), "{}", late.reads().await);
    other.close().await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.sees("svg.qr").await;
    let phone = scans(&browser, &world, "invited").await;
    verifies(&person, &phone.fresh(), ".codes").await;
    reads_codes(&browser).await;
    finishes(&person).await;
    person.sees_app("The wiki").await;
    assert_eq!(world.wiki.seen().last().unwrap().header("remote-user"), ["bob"]);
    browser.close().await;
}

#[tokio::test]
async fn before_the_day_the_wizard_can_wait_and_then_not() {
    let rule = "[[enrolment]]\npolicy = \"required\"\nfrom = \"2999-01-01\"\nsign_ins = 1\n";
    let world = World::with("", rule);
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.reads().await.contains("last time"), "{}", person.reads().await);
    browser.screenshot("soon").await;
    person.presses_the_button_that("main form button").await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;
    signs_in(&person, &world).await;
    browser.close().await;
}

/// Each page of the wizard and around it, by what its screenshot is called.
async fn walk(browser: &Browser, look: &str) {
    let world = World::start();
    let person = Person(&browser.client);
    let picture = async |page: &str| {
        browser.screenshot(&format!("{look}-{page}")).await;
        person.fits(page, "en").await;
    };
    signs_in(&person, &world).await;
    picture("enrol-scan").await;
    let phone = scans(browser, &world, &format!("{look}-enrol-scan")).await;
    person.presses("main a.button", "input[name=enrolment]").await;
    picture("enrol-verify").await;
    person.types("code", &phone.wrong()).await;
    person.presses("main button", ".error li").await;
    picture("enrol-verify-refused").await;
    person.types("code", &phone.fresh()).await;
    person.presses("main button", ".codes").await;
    picture("enrol-codes").await;
    reads_codes(browser).await;
    finishes(&person).await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    picture("enrol-code").await;
    person.presses("a[href^='/lost/']", "form[action^='/lost/']").await;
    picture("enrol-lost").await;
    person.goes_to(&world.page("id", "/invitation/abcd-efgh")).await;
    picture("enrol-invitation").await;
    person.presses_the_button_that("form[action^='/invitation/'] button").await;
    picture("enrol-invitation-over").await;
}

#[tokio::test]
async fn every_page_of_the_wizard_fits_a_phone_and_a_desk_by_day_and_by_night() {
    let (day, night) = ("--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0");
    for (look, scheme) in [("light", day), ("dark", night)] {
        let desk = Browser::with(1280, 900, &[scheme]).await;
        walk(&desk, &format!("desk-{look}")).await;
        desk.close().await;
        let phone = Browser::phone(&[scheme]).await;
        walk(&phone, &format!("phone-{look}")).await;
        phone.close().await;
    }
}
