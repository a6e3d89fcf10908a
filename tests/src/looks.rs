//! A page as different people see it: on a desk and on a small phone, by night, with the colours that the system forces, at twice
//! the size. Nothing is loaded anew in between: what is looked at is the same page.

use std::process::Command;

use serde_json::{Value, json};

use crate::{Browser, Person, run};

/// How somebody looks at a page.
struct Look {
    name: &'static str,
    /// CSS pixels, and how many of the screen's make one.
    width: u32,
    height: u32,
    ratio: u32,
    features: &'static [(&'static str, &'static str)],
}

/// A window of 1280 pixels at 200 % is 640 wide to the page. Phones of 320 pixels are the least that WCAG asks for.
const LOOKS: [Look; 6] = [
    Look {
        name: "desk-light",
        width: 1280,
        height: 900,
        ratio: 1,
        features: &[("prefers-color-scheme", "light")],
    },
    Look {
        name: "desk-dark",
        width: 1280,
        height: 900,
        ratio: 1,
        features: &[("prefers-color-scheme", "dark")],
    },
    Look {
        name: "desk-forced",
        width: 1280,
        height: 900,
        ratio: 1,
        features: &[("forced-colors", "active")],
    },
    Look {
        name: "desk-twice",
        width: 640,
        height: 450,
        ratio: 2,
        features: &[("prefers-color-scheme", "light")],
    },
    Look {
        name: "phone-light",
        width: 320,
        height: 640,
        ratio: 2,
        features: &[("prefers-color-scheme", "light")],
    },
    Look {
        name: "phone-dark",
        width: 320,
        height: 640,
        ratio: 2,
        features: &[("prefers-color-scheme", "dark")],
    },
];

impl Browser {
    /// Gives an order by Chromium's own protocol.
    async fn orders(&self, command: &str, parameters: &Value) {
        let session = self.client.session_id().await.expect("the browser answers").expect("it has one");
        let url = format!("http://127.0.0.1:{}/session/{session}/goog/cdp/execute", self.port());
        let order = json!({ "cmd": command, "params": parameters }).to_string();
        let said = run(Command::new("curl").args([
            "-sf",
            "-H",
            "Content-Type: application/json",
            "-d",
            &order,
            &url,
        ]));
        said.expect_success();
    }

    async fn looks_like(&self, look: &Look) {
        let Look { width, height, ratio, .. } = look;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": ratio, "mobile": false });
        self.orders("Emulation.setDeviceMetricsOverride", &metrics).await;
        let features: Vec<Value> =
            look.features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.orders("Emulation.setEmulatedMedia", &json!({ "features": features })).await;
    }

    /// Looks at the page in every way: it fits, and axe finds nothing. Each is pictured. And goes through it without a mouse,
    /// on the smallest screen.
    pub async fn fits_everybody(&self, page: &str, lang: &str) {
        let person = Person(&self.client);
        for look in &LOOKS {
            self.looks_like(look).await;
            let name = format!("{}-{page}", look.name);
            self.screenshot(&name).await;
            person.fits(&name, lang).await;
        }
        person.tabs_through(page).await;
        self.orders("Emulation.clearDeviceMetricsOverride", &json!({})).await;
        self.orders("Emulation.setEmulatedMedia", &json!({ "features": [] })).await;
    }
}
