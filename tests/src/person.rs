//! Somebody at a browser, before an app behind the gate.

use std::time::Duration;

use fantoccini::Locator;

use crate::Browser;

/// A person and their browser.
#[derive(Debug)]
pub struct Person {
    /// What they look at.
    pub browser: Browser,
}

/// What a person does; each of these panics when the page is another than it should be.
#[expect(clippy::missing_panics_doc, reason = "said above")]
impl Person {
    /// Sits down.
    pub async fn new() -> Self {
        Self { browser: Browser::start(1100, 900).await }
    }

    /// Opens an address.
    pub async fn goes_to(&self, url: &str) {
        self.browser.client.goto(url).await.expect("the page is there");
    }

    /// The address of the page.
    pub async fn is_at(&self) -> String {
        self.browser.client.current_url().await.expect("there is a page").to_string()
    }

    /// The text of the page.
    pub async fn reads(&self) -> String {
        let body = self.browser.client.find(Locator::Css("body")).await.expect("a page has a body");
        body.text().await.expect("a body has text")
    }

    /// Fills in a field.
    pub async fn types(&self, field: &str, text: &str) {
        let found = self.browser.client.find(Locator::Css(field)).await;
        let Ok(found) = found else {
            panic!("no {field} at {}:\n{}", self.is_at().await, self.reads().await)
        };
        found.clear().await.expect("a field can be emptied");
        found.send_keys(text).await.expect("a field can be filled in");
    }

    /// Presses a button and waits for the page that has `there`.
    pub async fn presses(&self, button: &str, there: &str) {
        let found = self.browser.client.find(Locator::Css(button)).await;
        let Ok(found) = found else {
            panic!("no {button} at {}:\n{}", self.is_at().await, self.reads().await)
        };
        found.click().await.expect("a button can be pressed");
        self.sees(there).await;
    }

    /// Waits until the page has this.
    pub async fn sees(&self, there: &str) {
        let wait = self.browser.client.wait().at_most(Duration::from_secs(20));
        if let Err(why) = wait.for_element(Locator::Css(there)).await {
            self.browser.screenshot("not-seen").await;
            panic!("no {there}: {why}; at {}:\n{}", self.is_at().await, self.reads().await);
        }
    }

    /// Gives the code, reads that a device was set up, and goes on to a page that has `there`.
    pub async fn gives_first_code(&self, code: &str, there: &str) {
        self.types("input[name=code]", code).await;
        self.presses("main button", ".notice").await;
        self.presses("main a.button", there).await;
    }

    /// What a script of the page gets: status and text.
    pub async fn fetches(&self, target: &str, kind: &str, body: Option<&str>) -> (u64, String) {
        let script = "const [target, kind, body, done] = arguments; fetch(target, body === null ? {} : \
                      {method: 'POST', body, headers: {'Content-Type': kind}})\
                      .then(async answer => done([answer.status, await answer.text()]));";
        let arguments = vec![serde_json::json!(target), serde_json::json!(kind), serde_json::json!(body)];
        let answer = self.browser.client.execute_async(script, arguments).await.expect("a script runs");
        let parts = answer.as_array().map(Vec::as_slice);
        let Some([status, text]) = parts else { panic!("a script answered {answer}") };
        (status.as_u64().expect("a status"), text.as_str().unwrap_or_default().to_owned())
    }
}
