//! A small HTTP client with a cookie jar that keeps the rules which matter here: host-only cookies, forms, redirects.
//! Every `*.localhost` is 127.0.0.1.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::traces;

/// An answer.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it came from, after redirects.
    pub url: String,
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Page {
    /// A header's first value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The page's first form with that has a field of this type or name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn form_with(&self, field: &str) -> Form {
        let found = forms(&self.body).into_iter().find(|form| form.input(field).is_some());
        found.unwrap_or_else(|| {
            panic!("no form with {field} at {} ({}):\n{}", self.url, self.status, self.body)
        })
    }

    /// The page's forms that go to an address which begins so.
    #[must_use]
    pub fn forms_to(&self, action: &str) -> Vec<Form> {
        forms(&self.body).into_iter().filter(|form| form.action.starts_with(action)).collect()
    }

    /// The first of them.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn form_to(&self, action: &str) -> Form {
        let mut found = self.forms_to(action);
        assert!(!found.is_empty(), "no form to {action} at {} ({}):\n{}", self.url, self.status, self.body);
        found.swap_remove(0)
    }

    /// Whether it has a form with such a field.
    #[must_use]
    pub fn asks_for(&self, field: &str) -> bool {
        forms(&self.body).iter().any(|form| form.input(field).is_some())
    }
}

/// A form's fields.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    inputs: Vec<BTreeMap<String, String>>,
}

impl Form {
    /// The input whose name, type or autocomplete is `what`.
    fn input(&self, what: &str) -> Option<&BTreeMap<String, String>> {
        let is = |input: &BTreeMap<String, String>, attribute| {
            input.get(attribute).is_some_and(|value| value == what)
        };
        self.inputs.iter().find(|input| ["name", "type", "autocomplete"].iter().any(|&at| is(input, at)))
    }

    /// Fills in a field, found by its name, type or autocomplete.
    ///
    /// # Panics
    /// When there is none.
    pub fn fill(&mut self, what: &str, value: &str) -> &mut Self {
        let name =
            self.input(what).unwrap_or_else(|| panic!("no field {what} in {self:?}")).get("name").cloned();
        for input in self.inputs.iter_mut().filter(|input| input.get("name") == name.as_ref()) {
            input.insert("value".to_owned(), value.to_owned());
        }
        self
    }

    /// Ticks a box, found by its name.
    ///
    /// # Panics
    /// When there is none.
    pub fn tick(&mut self, name: &str) -> &mut Self {
        let is = |input: &&mut BTreeMap<String, String>| input.get("name").is_some_and(|own| own == name);
        let found = self.inputs.iter_mut().find(is).unwrap_or_else(|| panic!("no box {name}"));
        found.insert("ticked".to_owned(), String::new());
        self
    }

    /// As a browser sends it.
    #[must_use]
    pub fn encoded(&self) -> String {
        let is_sent = |input: &&BTreeMap<String, String>| {
            let is_box = input.get("type").is_some_and(|kind| kind == "checkbox" || kind == "radio");
            !is_box || input.contains_key("ticked")
        };
        let pairs = self.inputs.iter().filter(is_sent).filter_map(|input| {
            let value = input.get("value").map_or("", String::as_str);
            Some(format!("{}={}", percent_encode(input.get("name")?), percent_encode(value)))
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// A visitor: a cookie jar, and headers of its own.
#[derive(Clone, Debug, Default)]
pub struct Web {
    /// Host name (without port, as browsers do) to cookie name to value.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// Sent with every request, besides Host, Cookie and what a form needs.
    pub headers: Vec<(String, String)>,
}

impl Web {
    /// One without cookies that looks like a browser.
    #[must_use]
    pub fn new() -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            cookies: BTreeMap::new(),
            headers: vec![
                header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Test/1.0"),
                header("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
                header("sec-fetch-mode", "navigate"),
                header("sec-fetch-dest", "document"),
            ],
        }
    }

    /// The cookies that it would send to a host.
    #[must_use]
    pub fn cookies(&self, host: &str) -> BTreeMap<String, String> {
        self.cookies.get(host).cloned().unwrap_or_default()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&mut self, host: &str, name: &str, value: &str) {
        self.cookies.entry(host.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
    }

    /// GET, following redirects.
    pub fn get(&mut self, url: &str) -> Page {
        let page = self.request("GET", url, &[], "");
        self.follow(page)
    }

    /// GET, keeping a redirect as it is.
    pub fn get_once(&mut self, url: &str) -> Page {
        self.request("GET", url, &[], "")
    }

    /// Sends a form that stands on `page`, following redirects.
    pub fn submit(&mut self, page: &Page, form: &Form) -> Page {
        let page = self.submit_once(page, form);
        self.follow(page)
    }

    /// Sends a form, keeping a redirect as it is.
    pub fn submit_once(&mut self, page: &Page, form: &Form) -> Page {
        let url = resolve(&page.url, &form.action);
        let origin = origin(&page.url).to_owned();
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", &origin),
            ("sec-fetch-site", "same-origin"),
        ];
        self.request("POST", &url, &headers, &form.encoded())
    }

    /// Follows redirects with GET, at most ten.
    pub fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..10 {
            let Some(location) = page.header("location").filter(|_| (300..400).contains(&page.status)) else {
                return page;
            };
            let url = resolve(&page.url, location);
            page = self.request("GET", &url, &[], "");
        }
        panic!("a redirect loop at {}", page.url)
    }

    /// Any request. A header given here replaces the visitor's own of that name.
    pub fn request(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let (host, port, target) = parts(url);
        let mut message =
            format!("{method} {target} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n");
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let own = own.filter(|(name, _)| !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        for (name, value) in own.chain(headers.iter().copied()) {
            message += &format!("{name}: {value}\r\n");
        }
        let cookies = self.cookies(host);
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            message += &format!("cookie: {}\r\n", pairs.join("; "));
        }
        if !body.is_empty() || method == "POST" {
            message += &format!("content-length: {}\r\n", body.len());
        }
        let answer = send(port, &(message + "\r\n" + body));
        let page = read_page(url, &answer);
        for (_, value) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            self.keep(host, value);
        }
        page
    }

    fn keep(&mut self, host: &str, set_cookie: &str) {
        let mut attributes = set_cookie.split(';').map(str::trim);
        let (name, value) =
            attributes.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name");
        let gone = attributes.any(|attribute| {
            let attribute = attribute.to_ascii_lowercase();
            attribute == "max-age=0" || attribute.starts_with("expires=thu, 01 jan 1970")
        });
        let jar = self.cookies.entry(host.to_owned()).or_default();
        if gone {
            jar.remove(name);
        } else {
            // What somebody could guess, such as a language, is no secret.
            if value.len() >= 16 {
                traces::issued("cookie", value);
            }
            jar.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Opens a site and gives name and password at the portal: what comes next, the code page when all is well.
    pub fn give_password(&mut self, site: &str, name: &str, password: &str) -> Page {
        let page = self.get(site);
        let mut form = page.form_with("password");
        form.fill("username", name).fill("password", password);
        self.submit(&page, &form)
    }

    /// The status that a name and password at the portal lead to, or that stands in the way of them.
    #[must_use]
    pub fn give_password_or_refusal(&mut self, site: &str, name: &str, password: &str) -> u16 {
        let page = self.get(site);
        if page.status != 200 {
            return page.status;
        }
        let mut form = page.form_with("password");
        form.fill("username", name).fill("password", password);
        self.submit(&page, &form).status
    }

    /// Gives a code on the code page: what comes next, the site when it was right. What the portal has to say in
    /// between, after a backup code, is read and left behind.
    pub fn give_code(&mut self, page: &Page, code: &str) -> Page {
        let mut form = page.form_with("one-time-code");
        form.fill("one-time-code", code);
        let page = self.submit(page, &form);
        match page.body.split("href=\"/continue/").nth(1).and_then(|rest| rest.split('"').next()) {
            Some(flow) => self.get(&format!("{}/continue/{flow}", origin(&page.url))),
            None => page,
        }
    }
}

/// Host, port and target of an absolute URL.
fn parts(url: &str) -> (&str, u16, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not http: {url}"));
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let target = rest.get(authority.len()..).filter(|target| !target.is_empty()).unwrap_or("/");
    (host, port.parse().expect("a port is a number"), target.split('#').next().unwrap_or(target))
}

fn origin(url: &str) -> &str {
    let end = url.get(7..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| at + 7);
    url.get(..end).unwrap_or(url)
}

fn resolve(base: &str, link: &str) -> String {
    let link = link.replace("&amp;", "&");
    if link.starts_with("http://") {
        link
    } else if link.starts_with('/') {
        format!("{}{link}", origin(base))
    } else if link.is_empty() {
        base.to_owned()
    } else if link.starts_with('?') {
        format!("{}{link}", base.split('?').next().unwrap_or(base))
    } else {
        let path = base.split('?').next().unwrap_or(base);
        format!("{}/{link}", path.rsplit_once('/').map_or(path, |(folder, _)| folder))
    }
}

fn send(port: u16, message: &str) -> Vec<u8> {
    let mut stream =
        TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|why| panic!("port {port}: {why}"));
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket can time out");
    stream.write_all(message.as_bytes()).expect("the server reads");
    let mut answer = Vec::new();
    // A server that resets after its answer has still answered.
    if let Err(why) = stream.read_to_end(&mut answer) {
        assert!(!answer.is_empty(), "no answer at port {port}: {why}");
    }
    answer
}

fn read_page(url: &str, answer: &[u8]) -> Page {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no HTTP from {url}: {:?}", String::from_utf8_lossy(answer)));
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|text| text.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunk(body) } else { body.to_vec() };
    let body = String::from_utf8_lossy(&body).into_owned();
    Page { url: url.to_owned(), status: status.expect("an answer has a status"), headers, body }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|bytes| bytes == b"\r\n") {
        let size = body
            .get(..end)
            .and_then(|line| usize::from_str_radix(str::from_utf8(line).ok()?.trim(), 16).ok());
        let Some(size) = size.filter(|&size| size > 0) else { break };
        whole.extend_from_slice(body.get(end + 2..end + 2 + size).expect("a chunk is whole"));
        body = body.get(end + 4 + size..).unwrap_or_default();
    }
    whole
}

/// The forms of a page of ours: well-formed, attributes in double quotes.
fn forms(page: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for piece in page.split("<form").skip(1) {
        let piece = piece.split("</form").next().unwrap_or(piece);
        let (opening, content) = piece.split_once('>').unwrap_or((piece, ""));
        let inputs = ["<input", "<button", "<select", "<textarea"]
            .iter()
            .flat_map(|tag| content.split(tag).skip(1))
            .map(attributes)
            .collect();
        let action = attributes(opening).remove("action").unwrap_or_default();
        forms.push(Form { action, inputs });
    }
    forms
}

fn attributes(tag: &str) -> BTreeMap<String, String> {
    let tag = tag.split('>').next().unwrap_or(tag);
    let mut found = BTreeMap::new();
    for (at, _) in tag.match_indices("=\"") {
        let name =
            tag.get(..at).and_then(|before| before.rsplit(char::is_whitespace).next()).unwrap_or_default();
        let value = tag.get(at + 2..).and_then(|after| after.split('"').next()).unwrap_or_default();
        found.insert(name.to_owned(), unescape(value));
    }
    found
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&")
        .replace("&#38;", "&")
}

fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_filled_and_encoded() {
        let body = r#"<form method="post" action="/code?flow=1&amp;x=2"><input type="hidden" name="token" value="a&#34;b">
            <label>Code<input id="c" name="code" autocomplete="one-time-code"></label>
            <input type="checkbox" name="trust" value="yes"><button name="go" value="1">Go</button></form>"#;
        let page =
            Page { url: "http://id.localhost:1/x".into(), status: 200, headers: vec![], body: body.into() };
        let mut form = page.form_with("one-time-code");
        form.fill("one-time-code", "123 456");
        assert_eq!(form.encoded(), "token=a%22b&code=123%20456&go=1");
        assert_eq!(form.tick("trust").encoded(), "token=a%22b&code=123%20456&trust=yes&go=1");
        assert_eq!(resolve(&page.url, &form.action), "http://id.localhost:1/code?flow=1&x=2");
    }

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(unchunk(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), b"abcde");
    }

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(parts("http://wiki.localhost:8480"), ("wiki.localhost", 8480, "/"));
        assert_eq!(parts("http://wiki.localhost:8480/a/b?c#d"), ("wiki.localhost", 8480, "/a/b?c"));
        assert_eq!(origin("http://a.localhost:1/b"), "http://a.localhost:1");
        assert_eq!(resolve("http://a.localhost:1/b/c?d", "e"), "http://a.localhost:1/b/e");
    }
}
