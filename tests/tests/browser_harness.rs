//! Chromium itself, before any page of ours is blamed.

use twofold_tests::{Browser, Upstream};

#[tokio::test]
async fn chromium_shows_an_app_on_a_name_under_localhost() {
    let app = Upstream::start("An app");
    let browser = Browser::start(1000, 700).await;
    browser.client.goto(&format!("http://wiki.localhost:{}/page", app.address().port())).await.unwrap();
    assert_eq!(browser.client.title().await.unwrap(), "An app");
    assert!(app.seen().iter().any(|seen| seen.line == "GET /page HTTP/1.1"));
    browser.close().await;
}
