//! The wizard at the portal, as a person walks it: the picture is read from the screen, nothing is asked of the page's code.

use std::process::Command;

use fantoccini::Locator;

use crate::{Browser, Clock, Person, Phone, run, traces};

impl Browser {
    /// Scans the picture on the page, which is kept under `name`.
    pub async fn scans(&self, name: &str, clock: &Clock) -> Phone {
        Phone::scan(&self.read_qr(name).await, clock)
    }
}

impl Person<'_> {
    /// From the picture on, with this code, to the page that has `there`.
    pub async fn verifies(&self, code: &str, there: &str) {
        self.presses("main a.button", "input[name=enrolment]").await;
        self.types("code", code).await;
        self.presses("form[action$='/verify'] button", there).await;
    }

    /// The backup codes on the page, as they stand there.
    pub async fn reads_codes(&self) -> Vec<String> {
        self.sees(".codes").await;
        let mut codes = Vec::new();
        for item in self.0.find_all(Locator::Css(".codes li")).await.expect("the browser answers") {
            let code = item.text().await.expect("the browser answers");
            traces::issued("backup code", &code);
            traces::issued("backup code", &code.replace(' ', ""));
            codes.push(code);
        }
        codes
    }

    /// The API key on the page, which is shown this once.
    pub async fn reads_key(&self) -> String {
        let key = self.reads_at("#key").await;
        traces::issued("API key", &key);
        key
    }

    /// Says that the codes are put away, and goes on.
    pub async fn finishes(&self) {
        self.ticks("kept").await;
        self.presses_the_button_that("form[action$='/finish'] button").await;
    }

    /// Walks the wizard from the picture to its end: the phone, and the backup codes.
    pub async fn sets_up(&self, browser: &Browser, name: &str, clock: &Clock) -> (Phone, Vec<String>) {
        self.sees("svg.qr").await;
        let phone = browser.scans(name, clock).await;
        self.verifies(&phone.fresh(), ".codes").await;
        let codes = self.reads_codes().await;
        self.finishes().await;
        (phone, codes)
    }

    /// Downloads these codes as a file, made so that a person can write the date next to a used one.
    ///
    /// # Panics
    /// When they are not in it, each on a line of its own with room for the date.
    pub async fn keeps_as_a_file(&self, name: &str, codes: &[String]) {
        let file = self.downloads().await;
        assert!(codes.len() == 10 && file.contains(name) && file.contains("Twofold"), "{file}");
        for code in codes {
            let is_in = |line: &str| line.contains(code) && line.ends_with("used on: ______________");
            assert!(file.lines().any(is_in), "{code}: {file}");
        }
    }

    /// The file that the page's button gives, as any program gets it with this browser's cookies.
    ///
    /// # Panics
    /// When there is no such button.
    pub async fn downloads(&self) -> String {
        // Without a script, for the browser may have none.
        let attribute = async |selector: &str, name: &str| {
            let found = self.0.find(Locator::Css(selector)).await.expect("the page has it");
            found.attr(name).await.expect("the browser answers").expect("it has one")
        };
        let action = attribute("form[action$='/codes.txt']", "action").await;
        let fields = self.0.find_all(Locator::Css("form[action$='/codes.txt'] input")).await;
        let mut sent = Vec::new();
        for field in fields.expect("the browser answers") {
            let name = field.attr("name").await.expect("the browser answers").expect("it has one");
            let value = field.attr("value").await.expect("the browser answers").expect("it has one");
            sent.extend(["--data-urlencode".to_owned(), format!("{name}={value}")]);
        }
        let mut cookies = String::new();
        for cookie in self.0.get_all_cookies().await.expect("the browser answers") {
            cookies += &format!("{}={}; ", cookie.name(), cookie.value());
        }
        let url = self.0.current_url().await.expect("the browser answers").join(&action).expect("an address");
        let host = url.host_str().expect("it has one").to_owned();
        let resolve = format!("{host}:{}:127.0.0.1", url.port().expect("it has one"));
        run(Command::new("curl")
            .args(["-sf", "--resolve", &resolve, "-H", &format!("Cookie: {cookies}")])
            .args(sent)
            .arg(url.as_str()))
        .expect_success()
    }
}
