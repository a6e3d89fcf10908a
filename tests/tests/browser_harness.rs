//! Chromium itself, before any page of ours is blamed.

use twofold_tests::{Browser, Upstream, traces};

#[tokio::test]
async fn chromium_shows_an_app_on_a_name_under_localhost() {
    let app = Upstream::start("An app");
    let browser = Browser::start(1000, 700).await;
    browser.client.goto(&format!("http://wiki.localhost:{}/page", app.address().port())).await.unwrap();
    assert_eq!(browser.client.title().await.unwrap(), "An app");
    assert!(app.seen().iter().any(|seen| seen.line == "GET /page HTTP/1.1"));
    browser.close().await;
}

#[tokio::test]
async fn every_cookie_that_chromium_is_given_is_noted_also_the_one_that_is_taken_back() {
    let app = Upstream::answering(|seen| {
        let cookie = match seen.line.split(' ').nth(1) {
            Some("/first") => "Set-Cookie: s=the-first-cookies-value; HttpOnly\r\n",
            Some("/second") => "Set-Cookie: s=the-second-cookies-value; HttpOnly\r\n",
            Some("/out") => "Set-Cookie: s=; Max-Age=0\r\n",
            _ => "",
        };
        let page = "<title>An app</title>";
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n{cookie}\r\n{page}",
            page.len()
        )
        .into_bytes()
    });
    let browser = Browser::start(1000, 700).await;
    for path in ["first", "second", "out"] {
        let address = format!("http://wiki.localhost:{}/{path}", app.address().port());
        browser.client.goto(&address).await.unwrap();
    }
    browser.close().await;
    let issued = traces::all_issued();
    for value in ["the-first-cookies-value", "the-second-cookies-value"] {
        assert!(issued.contains(&("cookie".to_owned(), value.to_owned())), "{value} is not noted");
    }
}
