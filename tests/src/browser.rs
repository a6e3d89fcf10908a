//! A real Chromium, headless, driven over WebDriver.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use tempfile::TempDir;

use crate::gate::free_port;
use crate::{Process, place, qr, traces};

/// The shortest cookie that is noted as issued: what somebody could guess, such as a language, is no secret.
const SHORTEST: usize = 16;

/// A browser with a fresh profile. Every cookie that it is given is noted as issued. End it with [`Browser::close`]; a test that panics ends it, too.
#[derive(Debug)]
pub struct Browser {
    /// The page and everything on it.
    pub client: Client,
    port: u16,
    // Dropped after the client, and after it was told to take its browser with it.
    _driver: Process,
    profile: TempDir,
}

impl Browser {
    /// Chromium's switch that lets it run no script of any page.
    pub const NO_SCRIPTS: &str = "--blink-settings=scriptEnabled=false";

    /// Starts one whose window has this size.
    ///
    /// # Panics
    /// When chromium or chromedriver is missing.
    pub async fn start(width: u32, height: u32) -> Self {
        Self::with(width, height, &[]).await
    }

    /// The same with more of Chromium's switches, such as `--force-dark-mode`.
    ///
    /// # Panics
    /// When chromium or chromedriver is missing.
    pub async fn with(width: u32, height: u32, switches: &[&str]) -> Self {
        let size = format!("--window-size={width},{height}");
        Self::launch(&[switches, &[&size]].concat(), &serde_json::json!({})).await
    }

    /// One on a small phone: 320 CSS pixels, narrower than any window can be made.
    ///
    /// # Panics
    /// When chromium or chromedriver is missing.
    pub async fn phone(switches: &[&str]) -> Self {
        let screen = serde_json::json!({ "width": 320, "height": 640, "pixelRatio": 2.0, "touch": true });
        Self::launch(switches, &serde_json::json!({ "deviceMetrics": screen })).await
    }

    /// Walks `walk` in a browser on a desk, and once more in one that runs no script of any page.
    pub async fn with_and_without_scripts(walk: impl AsyncFn(&Self)) {
        for switches in [&[][..], &[Self::NO_SCRIPTS]] {
            let browser = Self::with(1280, 900, switches).await;
            walk(&browser).await;
            browser.close().await;
        }
    }

    async fn launch(switches: &[&str], emulation: &serde_json::Value) -> Self {
        let profile = tempfile::tempdir().expect("there is room for a folder");
        let port = free_port();
        let mut driver = Process::start(
            "chromedriver",
            Command::new("chromedriver").arg(format!("--port={port}")).env("HOME", profile.path()),
        );
        driver.until("chromedriver listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        let mut all = vec![
            "--headless=new".to_owned(),
            // Tests run as root in a throw-away machine, where Chromium's own sandbox cannot start.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--no-first-run".to_owned(),
            "--no-proxy-server".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
            // For the cookies: those that a page replaces or takes back are in no jar when the browser ends.
            format!("--log-net-log={}", net_log(&profile).display()),
            "--net-log-capture-mode=IncludeSensitive".to_owned(),
        ];
        all.extend(switches.iter().map(|&switch| switch.to_owned()));
        let mut options = serde_json::json!({ "args": all });
        if emulation.get("deviceMetrics").is_some() {
            options["mobileEmulation"] = emulation.clone();
        }
        let capabilities = serde_json::json!({ "goog:chromeOptions": options });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().expect("it is one").clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|why| panic!("chromium does not start: {why}\n{}", driver.log()));
        Self { client, port, _driver: driver, profile }
    }

    /// Where its driver listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A picture of the page, kept in the run's folder as `NAME.png`.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let folder = place::run_folder().join("screenshots");
        std::fs::create_dir_all(&folder).expect("the run's folder can be written");
        let file = folder.join(format!("{name}.png"));
        let picture = self.client.screenshot().await.expect("a page can be pictured");
        std::fs::write(&file, picture).expect("the run's folder can be written");
        file
    }

    /// What the QR code on the page says.
    pub async fn read_qr(&self, name: &str) -> String {
        qr::read_picture(&self.screenshot(name).await)
    }

    /// Ends the browser.
    pub async fn close(self) {
        let _ = self.client.clone().close().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let log = std::fs::read(net_log(&self.profile)).unwrap_or_default();
        cookies_in(&String::from_utf8_lossy(&log))
            .into_iter()
            .for_each(|value| traces::issued("cookie", value));
        shut_down(self.port);
    }
}

/// Tells a driver to end, and its browser with it: killed, it would leave that behind.
fn shut_down(port: u16) {
    let Ok(mut driver) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let request = format!("GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let _ = driver.set_read_timeout(Some(Duration::from_secs(5)));
    let _ = driver.write_all(request.as_bytes()).and_then(|()| driver.read_to_end(&mut Vec::new()));
}

fn net_log(profile: &TempDir) -> PathBuf {
    profile.path().join("net.json")
}

/// The values of the cookies that a network log of Chromium's has heard of, where they are long enough to be secrets.
fn cookies_in(log: &str) -> BTreeSet<&str> {
    let lines = log.match_indices("et-cookie: ").chain(log.match_indices("et-Cookie: "));
    let pairs = lines.filter_map(|(at, name)| log.get(at + name.len()..)?.split([';', '"']).next());
    let values = pairs.filter_map(|pair| Some(pair.split_once('=')?.1));
    values.filter(|value| value.len() >= SHORTEST).collect()
}
