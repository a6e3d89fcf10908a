//! An app whose pages are somebody else's: what its scripts, and a service worker of theirs, get of the portal.

use std::process::Command;

use serde_json::{Value, json};
use twofold_tests::upstream::{Upstream, answer};
use twofold_tests::world::PASSWORD;
use twofold_tests::{Authority, Browser, Gate, Person, Setup, run};

/// Notes every address that the site's pages ask for, as long as the browser is used.
const WORKER: &str = "
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', event => event.waitUntil(caches.open('seen').then(
    seen => seen.put('/seen?' + encodeURIComponent(event.request.url), new Response('')))));
";

/// What a page of the app can try at the portal, and what comes of it.
const TRIES: &str = "
const [portal, done] = arguments;
const fetched = more => fetch(portal + '/account', {credentials: 'include', ...more})
    .then(answer => answer.type + ' ' + answer.status, () => 'refused');
const framed = () => new Promise(tell => {
    const frame = document.createElement('iframe');
    const end = () => { try { tell(frame.contentDocument ? 'readable' : 'closed') } catch { tell('closed') } };
    frame.onload = end;
    setTimeout(end, 3000);
    frame.src = portal + '/account';
    document.body.append(frame);
});
const posted = path => fetch(portal + path, {method: 'POST', credentials: 'include', mode: 'no-cors',
    headers: {'Content-Type': 'application/x-www-form-urlencoded'}, body: 'token=x'})
    .then(answer => answer.type, () => 'refused');
const registered = () => navigator.serviceWorker.register('/worker.js', {scope: '/'})
    .then(() => navigator.serviceWorker.ready).then(() => 'there', why => String(why));
(async () => done({
    read: await fetched({}), blind: await fetched({mode: 'no-cors'}), framed: await framed(),
    posted: [await posted('/sign-out'), await posted('/account/sessions'), await posted('/account/off')],
    cookies: document.cookie, worker: await registered(),
}))();
";

const SEEN: &str = "
const done = arguments[0];
caches.open('seen').then(seen => seen.keys()).then(
    keys => done(keys.map(key => decodeURIComponent(key.url.split('/seen?')[1]))));
";

#[tokio::test]
async fn an_apps_scripts_and_its_service_worker_get_nothing_of_the_portal() {
    let authority = Authority::with(Setup::default());
    authority.add("local:alice");
    authority.set_password("local:alice", PASSWORD);
    let alice = authority.enrol_existing("local:alice");
    let app = Upstream::answering(|request| match request.line.split(' ').nth(1) {
        Some("/worker.js") => answer("200 OK", "text/javascript", WORKER.as_bytes()),
        _ => answer("200 OK", "text/html", b"<!doctype html><title>The app</title><h1>The app</h1>"),
    });
    let gate = Gate::start(&authority, &[("wiki", app.address())]);
    let (site, portal) = (gate.origin("wiki"), gate.origin("id"));
    let browser = Browser::start(1100, 800).await;
    let person = Person(&browser.client);
    person.goes_to(&format!("{site}/")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The app").await;

    let tried: Value = browser.client.execute_async(TRIES, vec![json!(portal)]).await.unwrap();
    assert_eq!(tried["read"], "refused", "{tried}");
    // `Cross-Origin-Resource-Policy`: not even to be shown and never read.
    assert_eq!(tried["blind"], "refused", "{tried}");
    assert_eq!(tried["framed"], "closed", "{tried}");
    assert_eq!(tried["posted"], json!(["refused", "refused", "refused"]), "{tried}");
    assert_eq!((&tried["cookies"], &tried["worker"]), (&json!(""), &json!("there")), "{tried}");
    // Nothing of it was done: alice is still in, at the portal as well, and has her phone.
    person.goes_to(&format!("{portal}/account")).await;
    assert!(person.reads().await.contains("alice"), "{}", person.reads().await);
    assert!(authority.twofold(&["status", "--account", "local:alice"]).expect_success().contains("phone"));

    // The worker stays in the browser and looks on when she signs in anew: what it sees is of no use to anybody.
    person.signs_out(&gate, "wiki").await;
    person.goes_to(&format!("{site}/again")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&alice.phone.fresh()).await;
    person.sees_app("The app").await;
    let seen: Value = browser.client.execute_async(SEEN, vec![]).await.unwrap();
    let seen: Vec<&str> = seen.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(seen.iter().any(|url| url.ends_with("/again")), "it looks on: {seen:?}");
    for url in seen.into_iter().filter(|url| url.contains("/.twofold/")) {
        let answered = run(Command::new("curl").args(["-si", url])).expect_success();
        assert!(!answered.to_lowercase().contains("set-cookie: __host-twofold="), "{url}: {answered}");
    }
    browser.close().await;
}
