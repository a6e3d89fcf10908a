//! A code that came as a whole is sent at once: after a paste or an autofill of exactly the device's length, and after nothing
//! else. In a real Chromium, on every page that asks for a code.

use fantoccini::Client;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World};

/// Counts what the page would send, and keeps it from being sent.
const WATCHES: &str = "
window.sent = 0;
document.querySelector('input.code').form.addEventListener('submit', event => { window.sent += 1; event.preventDefault(); });
";

/// Puts texts into the field of the code, each in its own way, and says how often the form was sent for each.
const GIVES: &str = "
const field = document.querySelector('input.code');
return arguments[0].map(([text, how]) => {
  const before = window.sent;
  field.value = text;
  field.dispatchEvent(how ? new InputEvent('input', {inputType: how, bubbles: true}) : new Event('input', {bubbles: true}));
  return window.sent - before;
});
";

/// By pasting, by the keyboard's suggestion, and by a password manager or the phone's own autofill.
const WHOLE: [&str; 3] = ["insertFromPaste", "insertReplacementText", ""];

/// How text comes in pieces, and how it goes.
const IN_PIECES: [&str; 4] = ["insertText", "insertCompositionText", "deleteContentBackward", "historyUndo"];

async fn gives(client: &Client, given: &[(String, &str)]) -> Vec<u64> {
    let sent = client.execute(GIVES, vec![serde_json::json!(given)]).await.unwrap();
    serde_json::from_value(sent).unwrap()
}

/// Tries texts in every way on the page that is open: those of this many digits are sent, and no others; none where it is not
/// known.
async fn sends_whole_codes(client: &Client, digits: Option<usize>) {
    client.execute(WATCHES, vec![]).await.unwrap();
    let (mut given, mut expected) = (Vec::new(), Vec::new());
    let mut expects = |text: &str, how: &'static str, is_sent: bool| {
        given.push((text.to_owned(), how));
        expected.push(u64::from(is_sent));
    };
    for length in 4..=9 {
        let code = &"1234567890"[..length];
        WHOLE.into_iter().for_each(|how| expects(code, how, digits == Some(length)));
        IN_PIECES.into_iter().for_each(|how| expects(code, how, false));
    }
    if let Some(digits) = digits {
        let code = &"12345678"[..digits];
        let (head, tail) = code.split_at(digits / 2);
        for how in WHOLE {
            // As apps show it.
            for shown in [format!("{head} {tail}"), format!("{head}-{tail}"), format!(" {code}\n")] {
                expects(&shown, how, true);
            }
            let letters = [format!("{}a", &code[1..]), format!("{head}.{}", &tail[1..]), "a".repeat(digits)];
            for odd in letters.iter().map(String::as_str).chain(["", "Your code is 123456"]) {
                expects(odd, how, false);
            }
        }
    }
    let sent = gives(client, &given).await;
    let told: Vec<_> = given.iter().zip(&sent).collect();
    assert_eq!(sent, expected, "where {digits:?} digits are asked for: {told:?}");
}

#[tokio::test]
async fn a_first_code_is_sent_by_itself_when_it_came_whole_and_has_the_devices_length() {
    let world = World::start();
    let browser = Browser::start(1100, 900).await;
    let (client, person) = (&browser.client, Person(&browser.client));
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
    person.presses("main a.button", "#code").await;
    sends_whole_codes(client, Some(6)).await;
    // An app that was told to make eight digits makes eight.
    client.back().await.unwrap();
    person.presses("details summary", "#digits").await;
    client.execute("document.getElementById('digits').value = '8'", vec![]).await.unwrap();
    person.presses_the_button_that("details form button").await;
    person.sees("svg.qr").await;
    let phone = browser.scans("autosend", world.authority.clock()).await;
    person.presses("main a.button", "#code[data-length='8']").await;
    sends_whole_codes(client, Some(8)).await;
    // Without the watch it arrives: as an autofill puts it there.
    client.refresh().await.unwrap();
    person.sees("#code").await;
    client.execute("window.sent = 0", vec![]).await.unwrap();
    let _ = gives(client, &[(phone.fresh(), "")]).await;
    person.sees("#codes").await;
    person.reads_codes().await;
    assert!(world.account("bob").enrolled);
    browser.close().await;
}

#[tokio::test]
async fn a_code_is_sent_by_itself_where_the_browser_knows_its_length_and_nowhere_else() {
    let world = World::start();
    let browser = Browser::start(1100, 900).await;
    let (client, person) = (&browser.client, Person(&browser.client));
    // A browser that has seen no code of a device, and the page for a lost one: nothing is sent by itself.
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("alice", PASSWORD).await;
    person.sees("#code").await;
    sends_whole_codes(client, None).await;
    person.goes_to(&person.is_at().await.replace("/code/", "/lost/")).await;
    person.sees("input[name=code]").await;
    assert!(
        client.execute("return document.querySelector('[data-length]')", vec![]).await.unwrap().is_null()
    );
    person.goes_to(&person.is_at().await.replace("/lost/", "/code/")).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
    // One that has.
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("alice", PASSWORD).await;
    person.sees("#code[data-length='6']").await;
    sends_whole_codes(client, Some(6)).await;
    client.refresh().await.unwrap();
    person.sees("#code").await;
    client.execute("window.sent = 0", vec![]).await.unwrap();
    let _ = gives(client, &[(world.alice.phone.fresh(), "insertReplacementText")]).await;
    person.sees_app("The wiki").await;
    browser.close().await;
}
