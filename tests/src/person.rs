//! What a person does in a [`crate::Browser`]: reads, types, presses the button. A page that lacks what a test wants of it
//! ends the test.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, Locator};

use crate::{Gate, place};

/// The script of axe-core, from the wheel that `./dev` installs for the tests.
fn axe() -> String {
    let libraries = place::target().join("dev/python/lib");
    let mut versions = std::fs::read_dir(&libraries).into_iter().flatten().flatten();
    let script = versions.find_map(|version| {
        let file = version.path().join("site-packages/axe_playwright_python/axe.min.js");
        std::fs::read_to_string(file).ok()
    });
    script.unwrap_or_else(|| panic!("no axe in {}: run the tests through ./dev", libraries.display()))
}

/// What a person does on a page.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a>(pub &'a Client);

impl Person<'_> {
    /// Types an address.
    pub async fn goes_to(&self, url: &str) {
        self.0.goto(url).await.expect("the browser answers");
    }

    /// Ticks a box.
    pub async fn ticks(&self, field: &str) {
        self.finds(&format!("label[for={field}]")).await.click().await.expect("the browser answers");
    }

    /// Fills in the field of this name.
    pub async fn types(&self, field: &str, text: &str) {
        self.fills(&format!("input[name={field}]"), text).await;
    }

    /// Fills in the field that a selector finds.
    pub async fn fills(&self, selector: &str, text: &str) {
        let field = self.finds(selector).await;
        field.clear().await.expect("the browser answers");
        field.send_keys(text).await.expect("the browser answers");
    }

    /// Presses what a selector finds, and waits for the page that has `there`.
    pub async fn presses(&self, selector: &str, there: &str) {
        self.finds(selector).await.click().await.expect("the browser answers");
        self.sees(there).await;
    }

    /// Waits until the page has this.
    ///
    /// # Panics
    /// When it takes longer than twenty seconds.
    pub async fn sees(&self, selector: &str) {
        let wait = self.0.wait().at_most(Duration::from_secs(20));
        if let Err(why) = wait.for_element(Locator::Css(selector)).await {
            panic!("no {selector}: {why}; at {}:\n{}", self.is_at().await, self.reads().await);
        }
    }

    async fn finds(&self, selector: &str) -> Element {
        match self.0.find(Locator::Css(selector)).await {
            Ok(found) => found,
            Err(why) => {
                panic!("no {selector}: {why}; at {}:\n{}", self.is_at().await, self.reads().await)
            }
        }
    }

    /// What a script of the page gets: status and text. A body is posted, as `kind`.
    ///
    /// # Panics
    /// When the script cannot run.
    pub async fn fetches(&self, target: &str, kind: &str, body: Option<&str>) -> (u64, String) {
        let script = "const [target, kind, body, done] = arguments; fetch(target, body === null ? {} : \
                      {method: 'POST', body, headers: {'Content-Type': kind}})\
                      .then(async answer => done([answer.status, await answer.text()]));";
        let arguments = vec![serde_json::json!(target), serde_json::json!(kind), serde_json::json!(body)];
        let answer = self.0.execute_async(script, arguments).await.expect("a script runs");
        let parts = answer.as_array().map(Vec::as_slice);
        let Some([status, text]) = parts else { panic!("a script answered {answer}") };
        (status.as_u64().expect("a status"), text.as_str().unwrap_or_default().to_owned())
    }

    /// Returns on the next page: a click by itself only begins to lead there.
    pub async fn presses_the_button(&self) {
        self.presses_the_button_that("main button, main a.button").await;
    }

    /// The same with the button that a selector finds.
    pub async fn presses_the_button_that(&self, selector: &str) {
        let page = self.page().await;
        self.finds(selector).await.click().await.expect("the browser answers");
        self.leaves(&page).await;
    }

    /// The page that there is now, to wait for the next.
    pub(crate) async fn page(&self) -> Element {
        self.0.find(Locator::Css("html")).await.expect("the browser answers")
    }

    /// Waits until the next page is there.
    pub(crate) async fn leaves(&self, page: &Element) {
        for _ in 0..400 {
            if page.is_displayed().await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.0.wait().for_element(Locator::Css("body")).await.expect("the browser answers");
    }

    /// Gives name and password.
    pub async fn gives(&self, name: &str, password: &str) {
        self.types("name", name).await;
        self.types("password", password).await;
        self.presses_the_button().await;
    }

    /// Gives a code.
    pub async fn gives_code(&self, code: &str) {
        self.types("code", code).await;
        self.presses_the_button().await;
    }

    /// Gives a code at an app's first sign-in, reads that a device was set up, and goes on to the page that has `there`.
    pub async fn gives_first_code(&self, code: &str, there: &str) {
        self.types("code", code).await;
        self.presses("main button", ".notice").await;
        self.presses("main a.button", there).await;
    }

    /// Goes on past what there is to learn, and returns it.
    pub async fn reads_notices(&self) -> String {
        let notices = self.0.find_all(Locator::Css(".notice")).await.expect("the browser answers");
        let mut read = String::new();
        for notice in &notices {
            read += &notice.text().await.expect("the browser answers");
        }
        if !notices.is_empty() {
            self.presses_the_button().await;
        }
        read
    }

    /// The page's text.
    pub async fn reads(&self) -> String {
        self.0
            .find(Locator::Css("body"))
            .await
            .expect("the browser answers")
            .text()
            .await
            .expect("the browser answers")
    }

    /// The text of what a selector finds.
    pub async fn reads_at(&self, selector: &str) -> String {
        self.finds(selector).await.text().await.expect("the browser answers")
    }

    /// What went wrong, as the page says it.
    pub async fn reads_error(&self) -> String {
        self.0
            .find(Locator::Css("[aria-live] .error"))
            .await
            .expect("the browser answers")
            .text()
            .await
            .expect("the browser answers")
    }

    /// Whether the page has such a field.
    pub async fn sees_field(&self, field: &str) -> bool {
        !self
            .0
            .find_all(Locator::Css(&format!("input[name={field}]")))
            .await
            .expect("the browser answers")
            .is_empty()
    }

    /// Nothing hangs over the side, every target can be hit with a thumb, every field has a label, one button leads, nothing
    /// is inline, and the page is in this language.
    ///
    /// # Panics
    /// When that is not so.
    pub async fn fits(&self, page: &str, lang: &str) {
        let script = r#"
            const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
            const visible = element => element.getClientRects().length > 0;
            const all = selector => [...document.querySelectorAll(selector)].filter(visible);
            const targets = all("button, a.button, summary, select, input:not([type=hidden])");
            const small = targets.filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML);
            const fields = all("select, input:not([type=hidden])");
            const unlabelled = fields.filter(e => !e.labels.length).map(e => e.outerHTML);
            return {
                wide, small, unlabelled,
                primary: all("main button:not(.quiet):not(.plain):not(.link), main a.button").length,
                scripts: [...document.scripts].filter(e => !e.src || e.text).length,
                inline: document.querySelectorAll("[style], style, [onclick]").length,
                headings: document.querySelectorAll("h1").length,
                lang: document.documentElement.lang,
            };
        "#;
        let report = self.0.execute(script, vec![]).await.expect("a script runs");
        let expected = serde_json::json!({
            "wide": 0, "small": [], "unlabelled": [], "scripts": 0, "inline": 0, "headings": 1, "lang": lang,
            "primary": report["primary"],
        });
        assert_eq!(report, expected, "{page}");
        assert!(
            report["primary"].as_u64().is_some_and(|count| count <= 1),
            "{page} has one thing to do: {report}"
        );
        self.finds_it_accessible(page).await;
    }

    /// Deque's axe finds nothing against WCAG 2.2 AA, nor against its own best practices.
    ///
    /// # Panics
    /// When it does, or is not there.
    pub async fn finds_it_accessible(&self, page: &str) {
        let script = format!(
            "{}\nconst done = arguments[0]; axe.run(document).then(found => done(found.violations.map(violation => \
             [violation.id, violation.help, violation.nodes.map(node => node.html)])), why => done([String(why)]));",
            axe()
        );
        let found = self.0.execute_async(&script, vec![]).await.expect("a script runs");
        assert_eq!(found, serde_json::json!([]), "{page}");
    }

    /// The page's address.
    pub async fn is_at(&self) -> String {
        self.0.current_url().await.expect("the browser answers").to_string()
    }

    /// The page's title.
    pub async fn sees_title(&self) -> String {
        self.0.title().await.expect("the browser answers")
    }

    /// Waits until the redirects have led somewhere.
    pub async fn arrives_at(&self, url: &str) {
        let arrived = self.0.wait().for_url(&url.parse().expect("the browser answers")).await;
        assert!(arrived.is_ok(), "at {} instead of {url}: {}", self.is_at().await, self.reads().await);
    }

    /// Waits until the redirects have led to an app.
    pub async fn sees_app(&self, title: &str) {
        for _ in 0..100 {
            if self.sees_title().await == title {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("at {} instead of {title}: {}", self.is_at().await, self.reads().await);
    }

    /// Signs out with the address that every site and the portal have. It asks first, unless the page before was the
    /// site's own, which is how Chromium's driver goes to an address.
    pub async fn signs_out(&self, gate: &Gate, site: &str) {
        let path = if site == "id" { "/sign-out" } else { "/.twofold/sign-out" };
        self.goes_to(&format!("{}{path}", gate.origin(site))).await;
        if !self.is_at().await.ends_with("/signed-out") {
            self.presses_the_button().await;
        }
        self.arrives_at(&format!("{}/signed-out", gate.origin("id"))).await;
        assert!(self.reads().await.contains("You are signed out"), "{}", self.reads().await);
    }
}
