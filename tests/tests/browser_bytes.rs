//! What real apps send reaches their people as it is: styles, scripts, pictures, pages, downloads and what scripts ask for, byte for
//! byte, and every header but those that are the gate's business.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

use twofold_tests::cgit::Cgit;
use twofold_tests::dokuwiki::DokuWiki;
use twofold_tests::orders::Orders;
use twofold_tests::phpmyadmin::PhpMyAdmin;
use twofold_tests::roundcube::Roundcube;
use twofold_tests::{
    Authority, Browser, Enrolled, Gate, Person, Setup, cgit, dokuwiki, orders, phpmyadmin, roundcube, run,
    traces,
};

/// What one connection needs, and what the gate has a say in: how long something may be kept, and by whom.
const GATES: [&str; 9] = [
    "age",
    "cache-control",
    "connection",
    "content-length",
    "date",
    "expires",
    "keep-alive",
    "pragma",
    "transfer-encoding",
];

/// One thing that is asked of an app.
struct Asked {
    target: String,
    body: Option<String>,
    /// What the answer has to be, so that no two login pages are compared.
    kind: &'static str,
    has: &'static str,
}

fn get(target: &str, kind: &'static str, has: &'static str) -> Asked {
    Asked { target: target.to_owned(), body: None, kind, has }
}

fn post(target: &str, body: &str, kind: &'static str, has: &'static str) -> Asked {
    Asked { body: Some(body.to_owned()), ..get(target, kind, has) }
}

/// An answer, as far as it is the app's.
#[derive(Debug, PartialEq)]
struct Answer {
    status: String,
    headers: BTreeMap<String, Vec<String>>,
    body: Vec<u8>,
}

/// What a browser has for the page's host.
struct Held {
    agent: String,
    cookies: String,
    /// Name and password, where it sends them with everything.
    basic: Option<String>,
}

/// An app behind a gate, with somebody who has signed in to it.
struct World {
    gate: Gate,
    alice: Enrolled,
    app: SocketAddr,
    name: &'static str,
    _authority: Authority,
}

impl World {
    fn start(name: &'static str, example: &str, app: SocketAddr, alice: &str) -> Self {
        let realm = format!("{name}.localhost");
        let authority = Authority::with(Setup { gate_realms: vec![realm.clone()], ..Setup::default() });
        let alice = authority.enrol(&format!("{realm}:{alice}"));
        let gate = Gate::of_examples(&authority, &[(example, name, app)]);
        Self { gate, alice, app, name, _authority: authority }
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin(self.name))
    }

    /// Asks as the browser would that has these: the gate, or the app itself under the same address.
    fn asks(&self, asked: &Asked, browser: &Held, direct: bool) -> Answer {
        let folder = tempfile::tempdir().unwrap();
        let (head, body) = (folder.path().join("head"), folder.path().join("body"));
        let at = if direct { self.app.to_string() } else { format!("127.0.0.1:{}", self.gate.port()) };
        let host = format!("{}.localhost:{}:{at}", self.name, self.gate.port());
        let mut curl = Command::new("curl");
        curl.args(["-s", "-A", &browser.agent, "-H", &format!("Cookie: {}", browser.cookies)]);
        curl.args(["--connect-to", &host]);
        if let Some(basic) = &browser.basic {
            curl.args(["--user", basic]);
        }
        curl.args(["-H", "X-Requested-With: XMLHttpRequest"]).arg("-D").arg(&head).arg("-o").arg(&body);
        if let Some(form) = &asked.body {
            curl.args(["--data", form]);
        }
        run(curl.arg(self.page(&asked.target))).expect_success();
        let head = std::fs::read_to_string(head).unwrap();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(':')) {
            let name = name.to_lowercase();
            // A cookie's value is drawn anew each time; that it is set, and how, is compared.
            let value = match (name.as_str(), value.split_once('=')) {
                ("set-cookie", Some((cookie, rest))) => {
                    let attributes = rest.split_once(';').map_or("", |(_, attributes)| attributes);
                    format!("{cookie}; {}", attributes.to_lowercase())
                }
                _ => value.trim().to_owned(),
            };
            if !GATES.contains(&name.as_str()) {
                headers.entry(name).or_default().push(value);
            }
        }
        let status =
            head.lines().next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
        Answer { status, headers, body: std::fs::read(body).unwrap_or_default() }
    }

    /// Asks for each with the gate and without. Some pages have the second or a number in them that counts: they are asked for
    /// again until the app itself has said the same twice.
    fn compares(&self, all: &[Asked], browser: &Held) {
        for asked in all {
            let mut tries = 0;
            let (before, through) = loop {
                let before = self.asks(asked, browser, true);
                let through = self.asks(asked, browser, false);
                let after = self.asks(asked, browser, true);
                tries += 1;
                if before == after {
                    break (before, through);
                }
                assert!(tries < 30, "{}: the app never says the same twice", asked.target);
            };
            let kind = before.headers.get("content-type").cloned().unwrap_or_default().concat();
            let text = String::from_utf8_lossy(&before.body);
            assert!(
                before.status == "200" && kind.starts_with(asked.kind) && text.contains(asked.has),
                "{}: {} {kind} {text:.2000}",
                asked.target,
                before.status
            );
            assert_eq!(
                (&through.status, &through.headers),
                (&before.status, &before.headers),
                "{}",
                asked.target
            );
            assert!(
                through.body == before.body,
                "{}: {} and {} bytes",
                asked.target,
                before.body.len(),
                through.body.len()
            );
        }
    }
}

/// What a browser calls itself, and the cookies that it sends to the page's host.
async fn held(browser: &Browser) -> Held {
    let agent = browser.client.execute("return navigator.userAgent", vec![]).await.unwrap();
    let mut cookies = Vec::new();
    for cookie in browser.client.get_all_cookies().await.unwrap() {
        cookies.push(format!("{}={}", cookie.name(), cookie.value()));
    }
    Held { agent: agent.as_str().unwrap().to_owned(), cookies: cookies.join("; "), basic: None }
}

#[tokio::test]
async fn dokuwikis_pages_styles_scripts_pictures_and_downloads_are_as_without_the_gate() {
    let wiki = DokuWiki::start();
    traces::issued("password", dokuwiki::PASSWORD);
    let example = include_str!("../../examples/dokuwiki/gate.toml");
    let world = World::start("wiki", example, wiki.address(), "alice");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("/doku.php?id=start")).await;
    person.fills("#dw__login input[name=u]", "alice").await;
    person.fills("#dw__login input[name=p]", dokuwiki::PASSWORD).await;
    person.presses("#dw__login button[type=submit]", "input[name=code]").await;
    person.gives_first_code(&world.alice.phone.fresh(), "li.user").await;
    let all = [
        get("/lib/exe/css.php?t=dokuwiki", "text/css", "dokuwiki"),
        get("/lib/exe/js.php?t=dokuwiki", "application/javascript", "DOKU_BASE"),
        get("/lib/exe/jquery.php", "application/javascript", "jQuery"),
        get("/lib/tpl/dokuwiki/images/logo.png", "image/png", "PNG"),
        get("/lib/tpl/dokuwiki/images/favicon.ico", "image/", ""),
        get("/lib/exe/opensearch.php", "application/opensearchdescription+xml", "OpenSearchDescription"),
        get("/doku.php?id=wiki:syntax", "text/html", "Logged in as"),
        get("/doku.php?id=wiki:dokuwiki&do=index", "text/html", "Logged in as"),
        get("/doku.php?id=wiki:syntax&do=export_xhtml", "text/html", "Formatting Syntax"),
        get("/doku.php?id=wiki:syntax&do=export_raw", "text/plain", "Formatting Syntax"),
        get("/lib/exe/fetch.php?media=wiki:dokuwiki-128.png", "image/png", "PNG"),
        post("/lib/exe/ajax.php", "call=linkwiz&q=wiki:", "text/html", "wiki:syntax"),
        post("/lib/exe/ajax.php", "call=linkwiz&q=wiki:sy", "text/html", "wiki:syntax"),
    ];
    world.compares(&all, &held(&browser).await);
    browser.close().await;
}

#[tokio::test]
async fn roundcubes_pages_styles_scripts_pictures_and_downloads_are_as_without_the_gate() {
    let mail = Roundcube::start();
    traces::issued("password", roundcube::PASSWORD);
    let boundary = "--x\r\nContent-Type: text/plain\r\n\r\nHello alice.\r\n--x\r\nContent-Type: application/octet-stream\r\n\
                    Content-Disposition: attachment; filename=\"numbers.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                    AAECAwQFBgcICQoLDA0ODw==\r\n--x--\r\n";
    mail.deliver(
        "alice",
        &format!(
            "From: bob@example.com\r\nTo: alice@example.com\r\nSubject: Numbers\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000\r\n\
             Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n{boundary}"
        ),
    );
    let example = include_str!("../../examples/roundcube/gate.toml");
    let world = World::start("mail", example, mail.address(), "alice@example.com");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("/?_task=settings")).await;
    person.fills("#rcmloginuser", "alice").await;
    person.fills("#rcmloginpwd", roundcube::PASSWORD).await;
    person.presses("#rcmloginsubmit", "input[name=code]").await;
    person.gives_first_code(&world.alice.phone.fresh(), "#taskmenu").await;
    // What is downloaded takes the session's own token.
    let token = browser.client.execute("return rcmail.env.request_token", vec![]).await.unwrap();
    let download = format!("/?_task=mail&_mbox=INBOX&_uid=1&_token={}", token.as_str().unwrap());
    let all = [
        get("/skins/elastic/styles/styles.min.css", "text/css", "body"),
        get("/program/js/app.min.js", "application/javascript", "rcube"),
        get("/skins/elastic/ui.min.js", "application/javascript", "rcube"),
        get("/skins/elastic/images/logo.svg", "image/svg+xml", "svg"),
        get("/skins/elastic/images/favicon.ico", "image/", ""),
        get("/?_task=settings", "text/html", "taskmenu"),
        get("/?_task=settings&_action=edit-identity&_iid=1&_framed=1", "text/html", "alice@example.com"),
        get("/?_task=mail&_action=list&_mbox=INBOX&_remote=1", "application/json", "Numbers"),
        get(&format!("{download}&_action=viewsource&_save=1"), "text/plain", "Hello alice."),
        get(
            &format!("{download}&_action=get&_part=2&_download=1"),
            "application/octet-stream",
            "\u{1}\u{2}\u{3}",
        ),
    ];
    world.compares(&all, &held(&browser).await);
    browser.close().await;
}

#[tokio::test]
async fn phpmyadmins_pages_styles_scripts_pictures_and_downloads_are_as_without_the_gate() {
    let database = PhpMyAdmin::start();
    traces::issued("password", phpmyadmin::PASSWORD);
    let example = include_str!("../../examples/phpmyadmin/gate.toml");
    let world = World::start("db", example, database.address(), "alice");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("/index.php?route=/database/structure&db=shop")).await;
    person.fills("#input_username", "alice").await;
    person.fills("#input_password", phpmyadmin::PASSWORD).await;
    person.presses("#input_go", "input[name=code]").await;
    person.gives_first_code(&world.alice.phone.fresh(), "#tablesForm").await;
    let token = browser.client.execute("return CommonParams.get('token')", vec![]).await.unwrap();
    let token = token.as_str().unwrap();
    let export = format!(
        "db=shop&table=orders&export_type=table&export_method=quick&quick_or_custom=quick&what=csv&output_format=sendit\
         &filename_template=orders&csv_separator=,&csv_enclosed=%22&csv_escaped=%22&csv_terminated=AUTO&csv_null=NULL\
         &csv_structure_or_data=data&token={token}"
    );
    let all = [
        get("/themes/pmahomme/css/theme.css", "text/css", "body"),
        get("/js/vendor/jquery/jquery.min.js", "application/javascript", "jQuery"),
        get("/js/dist/common.js", "application/javascript", "CommonParams"),
        get("/themes/pmahomme/img/logo_left.png", "image/png", "PNG"),
        get("/favicon.ico", "image/", ""),
        get("/index.php?route=/database/structure&db=shop", "text/html", "orders"),
        get("/index.php?route=/table/structure&db=shop&table=orders", "text/html", "what"),
        get("/index.php?route=/database/structure&db=shop&ajax_request=true", "application/json", "orders"),
        post("/index.php?route=/export", &export, "text/", "coffee"),
    ];
    world.compares(&all, &held(&browser).await);
    browser.close().await;
}

#[tokio::test]
async fn cgits_pages_styles_pictures_and_downloads_are_as_without_the_gate() {
    let apache = Cgit::start();
    traces::issued("password", cgit::PASSWORD);
    let example = include_str!("../../examples/apache-cgit/gate.toml");
    let world = World::start("git", example, apache.address(), "alice");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    let basic = format!("alice:{}", cgit::PASSWORD);
    person.goes_to(&world.page("/notes.git/log/").replace("http://", &format!("http://{basic}@"))).await;
    person.gives_first_code(&world.alice.phone.fresh(), "#cgit").await;
    let all = [
        get("/cgit-css/cgit.css", "text/css", "cgit"),
        get("/cgit-css/cgit.png", "", "PNG"),
        get("/", "text/html", "notes.git"),
        get("/notes.git/log/", "text/html", "a note of ours"),
        get("/notes.git/tree/note", "text/html", "what was committed"),
        get("/notes.git/commit/", "text/html", "a note of ours"),
        get("/notes.git/atom/?h=main", "text/xml", "a note of ours"),
        get("/notes.git/plain/note", "text/plain", "what was committed"),
        get("/notes.git/patch/", "text/plain", "Subject: a note of ours"),
    ];
    world.compares(&all, &Held { basic: Some(basic), ..held(&browser).await });
    browser.close().await;
}

#[tokio::test]
async fn the_orders_pages_scripts_and_what_these_ask_for_are_as_without_the_gate() {
    let app = Orders::start();
    let world = World::start("orders", orders::EXAMPLE, app.address(), "alice");
    let browser = Browser::start(1100, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("/?month=11")).await;
    orders::signs_in(&person, "alice", "input[name=code]").await;
    person.gives_first_code(&world.alice.phone.fresh(), "#who:not(:empty)").await;
    let all = [
        get("/?month=11", "text/html", "Sign out"),
        get("/sign-in", "text/html", "Orders: sign in"),
        get("/static/sign-in.js", "text/javascript", "/api/login"),
        get("/static/orders.js", "text/javascript", "/api/logout"),
        get("/api/me", "application/json", "{\"user\": {\"name\": \"alice\"}}"),
    ];
    world.compares(&all, &held(&browser).await);
    browser.close().await;
}
