//! What a person does without a mouse.

use std::time::Duration;

use fantoccini::key::Key;

use crate::Person;

/// What the tabulator stops at: of a group of buttons of which one is chosen, that one.
const STOPS: &str = r#"
    const visible = element => element.getClientRects().length > 0 && getComputedStyle(element).visibility !== "hidden";
    const stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
        .filter(element => visible(element) && !element.disabled && element.tabIndex >= 0)
        .filter(element => element.type !== "radio" || element.checked
            || !document.querySelector(`input[type=radio][name="${element.name}"]:checked`));
"#;

/// Where the focus is, whether it can be seen there, and what that is.
const FOCUS: &str = r#"
    const at = document.activeElement, style = getComputedStyle(at);
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const box = at.getBoundingClientRect();
    const inside = box.bottom > 0 && box.top < innerHeight;
"#;

/// What the page says of a mistake, and whether that leads to where the focus is.
const MISTAKE: &str = r#"
    const said = document.querySelector("[aria-live] .error");
    const told = (at.getAttribute("aria-describedby") || "").split(" ").map(id => document.getElementById(id));
    return {
        title: document.title.startsWith("Error: "),
        at: at.matches(arguments[0]), seen: seen && inside,
        invalid: at.getAttribute("aria-invalid"), refers: told.includes(said), said: said.textContent,
    };
"#;

impl Person<'_> {
    /// Presses keys wherever the focus is.
    pub async fn keys(&self, keys: &str) {
        let focused = self.0.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("the browser answers");
    }

    /// Types in place of what is in the field that has the focus.
    pub async fn types_over(&self, text: &str) {
        let (control, all_up) = (char::from(Key::Control), char::from(Key::Null));
        self.keys(&format!("{control}a{all_up}{text}")).await;
    }

    /// Presses Enter.
    pub async fn presses_enter(&self) {
        self.keys(&char::from(Key::Enter).to_string()).await;
    }

    /// The same, and waits for the page that has `there`.
    pub async fn enters(&self, there: &str) {
        self.presses_enter().await;
        self.sees(there).await;
        self.is_led().await;
    }

    /// The same, and waits for the next page, whichever it is.
    pub async fn enters_and_leaves(&self) {
        let page = self.page().await;
        self.presses_enter().await;
        self.leaves(&page).await;
        self.is_led().await;
    }

    /// Waits until a page that leads the focus somewhere has done so, which is when it is first drawn.
    async fn is_led(&self) {
        let script =
            "return document.activeElement !== document.body || !document.querySelector('[autofocus]');";
        for _ in 0..40 {
            if self.0.execute(script, vec![]).await.is_ok_and(|is_led| is_led == true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Presses the arrow downwards so often: further in a list, or in a group of buttons.
    pub async fn goes_down(&self, times: usize) {
        self.keys(&char::from(Key::Down).to_string().repeat(times)).await;
    }

    /// After a mistake: the title begins with it; the page says aloud what is wrong; the field that it is about has the focus,
    /// says that it is wrong, and refers to what was said.
    ///
    /// # Panics
    /// When that is not so.
    pub async fn may_mend(&self, field: &str, said: &str) {
        let script = format!("{FOCUS} {MISTAKE}");
        let found = self.0.execute(&script, vec![field.into()]).await.expect("a script runs");
        let expected = serde_json::json!({
            "title": true, "at": true, "seen": true, "invalid": "true", "refers": true, "said": found["said"],
        });
        assert_eq!(found, expected, "{field}: {}", self.reads().await);
        assert!(found["said"].as_str().is_some_and(|text| text.contains(said)), "{found}");
    }

    /// Goes on by the tabulator to what a selector finds. Every stop on the way can be seen.
    ///
    /// # Panics
    /// When there is no way, or one in the dark.
    pub async fn tabs_to(&self, selector: &str) {
        let script = format!("{FOCUS} return [at.matches(arguments[0]), seen && inside, at.outerHTML];");
        for presses in 0..80 {
            let stop = self.0.execute(&script, vec![selector.into()]).await.expect("a script runs");
            assert!(presses == 0 || stop[1] == true, "the focus cannot be seen: {stop}");
            if stop[0] == true {
                return;
            }
            self.keys(&char::from(Key::Tab).to_string()).await;
        }
        panic!("no way to {selector} by the tabulator: {}", self.reads().await);
    }

    /// Goes through the whole page by the tabulator: everything that can be used is come by, in the order in which it is
    /// read, and every stop can be seen.
    ///
    /// # Panics
    /// When that is not so.
    pub async fn tabs_through(&self, page: &str) {
        let count = format!("{STOPS} return stops.length;");
        let count = self.0.execute(&count, vec![]).await.expect("a script runs").as_u64().expect("a number");
        let script = format!("{STOPS} {FOCUS} return [stops.indexOf(at), seen && inside, at.outerHTML];");
        let mut order = Vec::new();
        // Once around from wherever the focus is.
        for _ in 0..2 * count + 10 {
            self.keys(&char::from(Key::Tab).to_string()).await;
            let stop = self.0.execute(&script, vec![]).await.expect("a script runs");
            let is_page =
                stop[2].as_str().is_some_and(|at| at.starts_with("<body") || at.starts_with("<html"));
            assert!(is_page || stop[1] == true, "{page}: the focus cannot be seen: {stop}");
            // Besides, the browser stops at what can be scrolled.
            let Some(index) = stop[0].as_u64() else { continue };
            if order.first() == Some(&index) {
                break;
            }
            order.push(index);
        }
        let begin = order.iter().position(|index| *index == 0).unwrap_or(0);
        order.rotate_left(begin);
        let all: Vec<u64> = (0..count).collect();
        assert_eq!(order, all, "{page}: not everything is come by, or not in order");
    }
}
