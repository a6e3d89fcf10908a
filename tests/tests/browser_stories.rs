//! Four products' stories of a second factor, each walked whole in a real Chromium: one test per story, one person with one
//! account from the first step to the last, with scripts and once more without. The numbers are those of the products' own
//! steps. Pictures are read from the screen by zbarimg and answered by oathtool or by pyotp, which have nothing in common.
//! The fifth product's are in `browser_sendgrid.rs`, and where others are in charge in `browser_operators.rs`.

use std::process::Command;

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, Phone, World, run};

/// Whoever has no second factor may do without: they turn it on themselves.
const OPTIONAL: &str = "[[enrolment]]\npolicy = \"optional\"\n";

/// Bob, who has a password and no second factor yet.
struct Bob<'a> {
    browser: &'a Browser,
    person: Person<'a>,
    world: World,
}

impl<'a> Bob<'a> {
    fn at(browser: &'a Browser) -> Self {
        Self { browser, person: Person(&browser.client), world: World::with("", OPTIONAL) }
    }

    fn is_on(&self) -> bool {
        self.world.account("bob").enrolled
    }

    /// Signs in with the password alone, and comes to the account over the page that lists the sites: two-factor is off.
    async fn comes_to_the_account(&self) {
        self.person.goes_to(&self.world.page("id", "/")).await;
        self.person.gives("bob", PASSWORD).await;
        let title = self.person.sees_title().await;
        assert!(title.starts_with("You are signed in"), "{}", self.person.reads().await);
        self.person.presses("main a[href='/account']", "a[href='/enrol']").await;
        let read = self.person.reads().await;
        assert!(read.contains("Two-factor is off") && !self.is_on(), "{read}");
    }

    /// From there to the wizard's picture.
    async fn turns_it_on(&self) {
        self.person.presses("main a.button", "svg.qr").await;
        assert!(self.person.reads().await.contains("Step 1 of 3"), "{}", self.person.reads().await);
    }

    async fn scans(&self, picture: &str) -> Phone {
        self.browser.scans(picture, self.world.authority.clock()).await
    }

    /// Out, and in again as far as the second page.
    async fn signs_in_again(&self) {
        self.person.signs_out(&self.world.gate, "id").await;
        self.person.goes_to(&self.world.page("id", "/account")).await;
        self.person.gives("bob", PASSWORD).await;
        self.person.sees("input[name=code]").await;
        assert!(!self.person.reads().await.contains("Two-factor is on"));
    }

    /// Gives a code that opens the account, and returns what there was to learn before.
    async fn gets_in_with(&self, code: &str) -> String {
        self.person.gives_code(code).await;
        let learnt = self.person.reads_notices().await;
        self.person.sees("#devices").await;
        learnt
    }

    /// Gives a code that opens nothing, and is told this.
    async fn stays_out_with(&self, code: &str, told: &str) {
        self.person.gives_code(code).await;
        let read = self.person.reads_error().await;
        assert!(read.contains(told) && self.person.sees_field("code").await, "{code}: {read}");
    }

    /// To the page that asks who is there before something about two-factor changes.
    async fn is_asked_before(&self, change: &str) {
        self.person.presses(&format!("a[href='/account/{change}']"), "#password").await;
    }

    /// Confirms by the password, after no answer and a wrong one have changed nothing.
    async fn confirms_by_password(&self, there: &str) {
        self.person.presses_the_button_that("main form button").await;
        assert!(self.person.reads_error().await.contains("confirm that it's you"));
        self.person.types("password", "wrong password").await;
        self.person.presses_the_button_that("main form button").await;
        assert!(self.person.reads_error().await.contains("didn't match") && self.is_on());
        self.person.types("password", PASSWORD).await;
        self.person.presses("main form button", there).await;
    }
}

/// Ten of eight digits each, and none of the earlier ones.
fn are_new(codes: &[String], earlier: &[String]) {
    assert_eq!(codes.len(), 10);
    for code in codes {
        let digits = code.replace(' ', "");
        assert!(digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        assert!(!earlier.contains(code), "{code}");
    }
}

async fn sparkpost(browser: &Browser) {
    let bob = Bob::at(browser);
    let person = bob.person;
    // 1. Account menu → Profile → Enable 2FA.
    bob.comes_to_the_account().await;
    bob.turns_it_on().await;
    // 2. A QR code and, for those who can't scan, the key as text in groups that are easy to type.
    let phone = bob.scans("sparkpost-2").await;
    assert_eq!(reads_the_key_in_groups(browser).await, phone.secret());
    // 3. A warning that the key and codes must be kept safe.
    assert!(person.reads().await.contains("whoever has it can make your codes"));
    // 4. Enter a generated passcode → Enable 2FA. Only now is it on.
    person.verifies(&phone.wrong(), ".error li").await;
    assert!(person.reads_error().await.contains("clock is off") && !bob.is_on());
    person.types("code", &phone.fresh()).await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    assert!(person.reads().await.contains("somewhere safe now, like a password") && bob.is_on());
    let first = person.reads_codes().await;
    are_new(&first, &[]);
    person.finishes().await;
    person.sees("#devices").await;
    assert!(person.is_at().await.ends_with("/account") && person.reads().await.contains("Two-factor is on"));
    let codes = sparkpost_5_and_6(&bob, &first).await;
    sparkpost_7(&bob, &phone, &first[0], &codes[0]).await;
    sparkpost_8(&bob).await;
}

/// The key as it stands beside the picture, and in the link that opens the app on a phone.
async fn reads_the_key_in_groups(browser: &Browser) -> String {
    let mut key = String::new();
    for group in browser.client.find_all(Locator::Css("#key span")).await.unwrap() {
        let group = group.text().await.unwrap();
        assert_eq!(group.len(), 4);
        key += &group;
    }
    let link = browser.client.find(Locator::Css("a[href^='otpauth:']")).await.unwrap();
    assert!(link.attr("href").await.unwrap().unwrap().contains(&key));
    key
}

async fn sparkpost_5_and_6(bob: &Bob<'_>, earlier: &[String]) -> Vec<String> {
    let person = bob.person;
    // 5. Generate backup codes after entering the password: eight digits each.
    bob.is_asked_before("codes").await;
    bob.confirms_by_password(".codes").await;
    let codes = person.reads_codes().await;
    are_new(&codes, earlier);
    // 6. Download them as a text file, made so that a person can write the date next to a used one.
    person.keeps_as_a_file("bob", &codes).await;
    // They are shown this once: the same address asks again.
    person.goes_to(&bob.world.page("id", "/account/codes")).await;
    assert!(!person.reads().await.contains(&codes[0]) && person.sees_field("password").await);
    codes
}

async fn sparkpost_7(bob: &Bob<'_>, phone: &Phone, dead: &str, code: &str) {
    // 7. Name and password, then a second page for the six digits, with the time that is left; the same field takes a backup
    // code. One that was replaced (5) opens nothing, and one that was used opens nothing more.
    bob.signs_in_again().await;
    let read = bob.person.reads().await;
    assert!(read.contains("Enter the 6 digits") && read.contains("s left"), "{read}");
    bob.stays_out_with(dead, "didn't match").await;
    let learnt = bob.gets_in_with(code).await;
    assert!(learnt.contains("9 are left"), "{learnt}");
    assert!(bob.person.reads().await.contains("9 of 10 left"), "{}", bob.person.reads().await);
    bob.signs_in_again().await;
    bob.stays_out_with(code, "backup code was already used").await;
    bob.gets_in_with(&phone.fresh()).await;
}

/// What the wiki's gate answers to a program with this key that comes from this address.
fn asks(world: &World, key: &str, from: &str, method: &str, path: &str) -> String {
    let host = format!("wiki.localhost:{}:127.0.0.1", world.gate.port());
    let bearer = format!("Authorization: Bearer {key}");
    let quiet = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
    let answer = run(Command::new("curl")
        .args(quiet)
        .args(["--interface", from, "--resolve", &host, "-X", method, "-H", &bearer])
        .arg(world.page("wiki", path)));
    answer.expect_success()
}

async fn sparkpost_8(bob: &Bob<'_>) {
    let (person, world) = (bob.person, &bob.world);
    // 8. API keys follow least privilege: only the grants that they need…
    person.presses("a[href='/account/key']", "#label").await;
    person.types("label", "nightly backup").await;
    person.presses_the_button_that("main form button").await;
    assert!(person.reads_error().await.contains("at least one site"), "{}", person.reads().await);
    person.ticks("site-1").await;
    person.ticks("read-only").await;
    person.fills("#paths", "/api").await;
    person.fills("#networks", "not a network").await;
    person.presses_the_button_that("main form button").await;
    assert!(person.reads_error().await.contains("network"), "{}", person.reads().await);
    // …and restricted to source addresses.
    person.fills("#networks", "127.0.0.1").await;
    person.presses("main form button", "#key").await;
    let key = person.reads_key().await;
    assert!(key.starts_with("tf_"), "{key}");
    for (from, method, path, answer) in [
        ("127.0.0.1", "GET", "/api/x", "200"),
        ("127.0.0.1", "POST", "/api/x", "401"),
        ("127.0.0.1", "GET", "/other", "401"),
        ("127.0.0.2", "GET", "/api/x", "401"),
    ] {
        assert_eq!(asks(world, &key, from, method, path), answer, "{method} {path} from {from}");
    }
    person.presses("main a.button", "#keys").await;
    let read = person.reads().await;
    assert!(!read.contains(&key) && read.contains("nightly backup"), "it is shown once: {read}");
    a_key_is_suspended_rotated_and_revoked(bob, &key).await;
}

async fn a_key_is_suspended_rotated_and_revoked(bob: &Bob<'_>, key: &str) {
    let (person, world) = (bob.person, &bob.world);
    let answers = |key: &str| asks(world, key, "127.0.0.1", "GET", "/api/x");
    person.presses("form[action^='/account/suspend/'] button", "form[action^='/account/resume/']").await;
    assert_eq!(answers(key), "401");
    person.presses("form[action^='/account/resume/'] button", "form[action^='/account/suspend/']").await;
    assert_eq!(answers(key), "200");
    person.presses("a[href^='/account/rotate/']", "#code").await;
    person.types("password", PASSWORD).await;
    person.presses("main form button", "#key").await;
    let newer = person.reads_key().await;
    assert_eq!((&*answers(key), &*answers(&newer)), ("401", "200"), "the old secret is dead");
    person.presses("main a.button", "#keys").await;
    person.presses("a[href^='/account/revoke/']", "button.danger").await;
    person.presses("button.danger", "#keys").await;
    assert!(person.reads().await.contains("A program that should get in"), "{}", person.reads().await);
    assert_eq!(answers(&newer), "401");
    assert!(world.wiki.seen().iter().all(|seen| seen.header("authorization").is_empty()));
}

#[tokio::test]
async fn sparkpost_1_to_8_from_the_account_over_the_passcode_and_the_codes_to_keys_for_programs() {
    Browser::with_and_without_scripts(sparkpost).await;
}

async fn mailersend(browser: &Browser) {
    let bob = Bob::at(browser);
    let person = bob.person;
    // 1. My profile → toggle two-factor on → a window with the QR code.
    bob.comes_to_the_account().await;
    bob.turns_it_on().await;
    // 2. Scan → enter the code → Set up.
    let phone = bob.scans("mailersend-2").await;
    person.verifies(&phone.by_pyotp(0), ".codes").await;
    // 3. Download recovery codes: a .txt…
    let codes = person.reads_codes().await;
    person.keeps_as_a_file("bob", &codes).await;
    person.finishes().await;
    person.sees("#devices").await;
    // …each of which works once.
    bob.signs_in_again().await;
    let learnt = bob.gets_in_with(&codes[0]).await;
    assert!(learnt.contains("9 are left"), "{learnt}");
    bob.signs_in_again().await;
    bob.stays_out_with(&codes[0], "backup code was already used").await;
    let (new, fresh) = mailersend_4(&bob, &phone, &codes).await;
    mailersend_5(&bob, &new, &fresh).await;
}

async fn mailersend_4(bob: &Bob<'_>, lost: &Phone, codes: &[String]) -> (Phone, Vec<String>) {
    let person = bob.person;
    // 4. Phone lost: sign in with a recovery code, turn two-factor off, set it up again on the new device.
    person.presses("a[href^='/lost/']", "form[action^='/lost/']").await;
    assert!(person.reads().await.contains("set up a new phone"), "{}", person.reads().await);
    person.types("code", &codes[4]).await;
    person.presses("main form button", "svg.qr").await;
    let phone = bob.scans("mailersend-4").await;
    assert_ne!(phone.secret(), lost.secret());
    person.verifies(&phone.by_pyotp(30), ".codes").await;
    let fresh = person.reads_codes().await;
    are_new(&fresh, codes);
    person.finishes().await;
    person.sees("#devices").await;
    // The lost one's codes and the old recovery codes are dead, the new phone's are not.
    bob.world.authority.clock().shift(90);
    bob.signs_in_again().await;
    for dead in [&lost.by_pyotp(0), &codes[5]] {
        bob.stays_out_with(dead, "didn't match").await;
    }
    bob.gets_in_with(&phone.by_pyotp(0)).await;
    (phone, fresh)
}

async fn mailersend_5(bob: &Bob<'_>, phone: &Phone, codes: &[String]) {
    let person = bob.person;
    // 5. Toggle off → enter the password → Turn off.
    bob.is_asked_before("off").await;
    assert!(person.reads().await.contains("stop working at once"), "{}", person.reads().await);
    bob.confirms_by_password("main a.button").await;
    assert!(person.sees_title().await.starts_with("Two-factor is off"), "{}", person.reads().await);
    let left = bob.world.account("bob");
    assert_eq!((left.enrolled, left.devices.len(), left.backup_codes_left), (false, 0, 0));
    // The session that rested on it is over. Turning it on again starts from a new QR code.
    bob.comes_to_the_account().await;
    bob.turns_it_on().await;
    let next = bob.scans("mailersend-5").await;
    assert_ne!(next.secret(), phone.secret());
    // The app's codes and the recovery codes stopped working at once.
    person.verifies(&phone.fresh(), ".error").await;
    for dead in [&phone.fresh(), &codes[1]] {
        person.types("code", dead).await;
        person.presses_the_button_that("form[action$='/verify'] button").await;
        assert!(person.reads_error().await.contains("didn't match") && !bob.is_on());
    }
    person.types("code", &next.fresh()).await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    are_new(&person.reads_codes().await, codes);
}

#[tokio::test]
async fn mailersend_1_to_5_on_with_a_file_of_codes_a_lost_phone_and_off_and_on_again() {
    Browser::with_and_without_scripts(mailersend).await;
}

async fn boomi(browser: &Browser) {
    let bob = Bob::at(browser);
    let person = bob.person;
    // 1. Settings → Authentication → toggle on → a wizard opens.
    bob.comes_to_the_account().await;
    bob.turns_it_on().await;
    // 2. Scan the QR code, or follow setup code to type it → Next.
    let scanned = bob.scans("boomi-2").await;
    let phone = Phone::type_in(&person.reads_at("#key").await, bob.world.authority.clock());
    assert_eq!(phone.secret(), scanned.secret());
    person.presses("main a.button", "input[name=enrolment]").await;
    // 3. Verify: six digits → Next.
    let read = person.reads().await;
    assert!(read.contains("Step 2 of 3") && read.contains("Enter the 6 digits"), "{read}");
    person.types("code", &phone.fresh()).await;
    person.types("label", "Boomi's phone").await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    // 4. Download ten backup codes → Finish. The page urges to do it now, and to guard them like a password.
    let read = person.reads().await;
    assert!(read.contains("Step 3 of 3") && read.contains("somewhere safe now, like a password"), "{read}");
    let codes = person.reads_codes().await;
    person.keeps_as_a_file("bob", &codes).await;
    // Without the box ticked the browser itself stays on the page.
    browser.client.find(Locator::Css("form[action$='/finish'] button")).await.unwrap().click().await.unwrap();
    person.sees(".codes").await;
    person.finishes().await;
    person.sees("#devices").await;
    assert!(person.reads().await.contains("Boomi's phone"), "{}", person.reads().await);
    boomi_5(&bob, &phone, &codes).await;
}

async fn boomi_5(bob: &Bob<'_>, old: &Phone, codes: &[String]) {
    let person = bob.person;
    // 5. Later: reconfigure: another phone, and the first one goes…
    person.presses("a[href='/enrol']", "svg.qr").await;
    let phone = bob.scans("boomi-5").await;
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("label", "The new one").await;
    person.types("code", &phone.fresh()).await;
    person.presses("form[action$='/verify'] button", "form[action$='/finish']").await;
    person.presses("form[action$='/finish'] button", "#devices").await;
    let devices = bob.world.account("bob").devices;
    let first = devices.iter().find(|device| device.label == "Boomi's phone").unwrap();
    person.presses(&format!("a[href='/account/remove/{}']", first.id), "#password").await;
    person.types("code", &phone.fresh()).await;
    person.presses("main button.danger", "#devices").await;
    assert_eq!(bob.world.account("bob").devices.len(), 1);
    // …regenerate the codes: the old ones are dead.
    bob.is_asked_before("codes").await;
    person.types("password", PASSWORD).await;
    person.presses("main form button", ".codes").await;
    let fresh = person.reads_codes().await;
    are_new(&fresh, codes);
    bob.signs_in_again().await;
    for dead in [&codes[0], &old.fresh()] {
        bob.stays_out_with(dead, "didn't match").await;
    }
    bob.gets_in_with(&fresh[0]).await;
    // Disabling means doing it all again.
    bob.is_asked_before("off").await;
    person.types("code", &phone.fresh()).await;
    person.presses("main button.danger", "main a.button").await;
    bob.comes_to_the_account().await;
    bob.turns_it_on().await;
    person.sets_up(bob.browser, "boomi-5-again", bob.world.authority.clock()).await;
    person.sees("#devices").await;
}

#[tokio::test]
async fn boomi_1_to_5_a_wizard_a_setup_code_ten_codes_and_later_all_of_it_is_changed() {
    Browser::with_and_without_scripts(boomi).await;
}

async fn northstack(browser: &Browser) {
    let bob = Bob::at(browser);
    let person = bob.person;
    let contacts = ["account", "contacts", "local:bob", "--phone", "+49 30 1234567"];
    bob.world.authority.twofold(&contacts).expect_success();
    // 1. User icon → User Settings → Manage Multi-Factor Authentication.
    bob.comes_to_the_account().await;
    // 2. The phone number is filled in already: check it → Enable 2FA.
    assert!(person.reads().await.contains("Phone: +49301234567"), "{}", person.reads().await);
    bob.turns_it_on().await;
    // 3. QR code → scan → Verification Code → Verify → secured.
    let phone = bob.scans("northstack-3").await;
    person.verifies(&phone.by_pyotp(0), ".codes").await;
    assert!(person.reads().await.contains("Two-factor is on") && bob.is_on());
    person.reads_codes().await;
    person.finishes().await;
    person.sees("#devices").await;
    let told = bob.world.authority.audit();
    assert!(told.iter().any(|event| event.action == "enrol" && event.door == "web portal"), "{told:?}");
    bob.signs_in_again().await;
    bob.gets_in_with(&phone.by_pyotp(30)).await;
}

#[tokio::test]
async fn northstack_1_to_3_from_the_number_over_the_picture_to_secured() {
    for browser in [Browser::phone(&[]).await, Browser::with(1280, 900, &[Browser::NO_SCRIPTS]).await] {
        northstack(&browser).await;
        browser.close().await;
    }
}
