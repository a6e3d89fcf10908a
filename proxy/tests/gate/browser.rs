//! A browser as far as the gate can tell: cookies for each host, redirects, forms, Sec-Fetch headers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::secure::Trusts;
use crate::traces;

/// One answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The head, lines in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The address that was answered.
    pub url: String,
}

impl Response {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The form's hidden token.
    pub fn token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"token\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

/// A connection to this port.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends raw bytes and reads one answer.
pub fn raw(port: u16, request: &[u8]) -> Response {
    exchange(connect(port), request)
}

/// The same over a connection of any kind.
pub fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Response {
    traces::seen_in_request(request);
    stream.write_all(request).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            break;
        }
        let (name, value) = line.trim_end().split_once(": ").unwrap_or((line.trim_end(), ""));
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut response = Response { status, headers, body: String::new(), url: String::new() };
    let length = response.header("content-length").map_or(0, |length| length.parse::<usize>().unwrap());
    if !request.starts_with(b"HEAD ") && status != 304 && status != 101 {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        // As a person reads it.
        response.body = String::from_utf8(body).unwrap().replace("&#39;", "'");
    }
    response
}

impl Response {
    /// Where a browser goes from here by itself, and how it says that it came there.
    fn leads_to(&self) -> Option<(String, &'static str)> {
        if let Some(to) = self.header("location") {
            return Some((to.to_owned(), "cross-site"));
        }
        self.refresh().map(|to| (to, "same-origin"))
    }

    /// Where the page goes on to at once.
    pub fn refresh(&self) -> Option<String> {
        let to = self.body.split("content=\"0; url=").nth(1)?.split('"').next()?;
        Some(to.replace("&amp;", "&").replace("&#38;", "&"))
    }
}

/// A browser with its cookies.
pub struct Browser {
    port: u16,
    jar: BTreeMap<String, BTreeMap<String, String>>,
    /// By host: what it sends with each request there.
    lines: BTreeMap<String, String>,
    trusts: Option<Trusts>,
}

impl Browser {
    /// A browser that knows nobody.
    pub fn new(port: u16) -> Self {
        Self { port, jar: BTreeMap::new(), lines: BTreeMap::new(), trusts: None }
    }

    /// The same over TLS.
    pub fn secure(port: u16, trusts: &Trusts) -> Self {
        Self { trusts: Some(trusts.clone()), ..Self::new(port) }
    }

    fn scheme(&self) -> &'static str {
        if self.trusts.is_some() { "https" } else { "http" }
    }

    /// The cookie's value at a host.
    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        self.jar.get(host).and_then(|cookies| cookies.get(name)).cloned()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&mut self, host: &str, name: &str, value: &str) {
        self.jar.entry(host.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
    }

    /// Sends these lines with every request to a host from now on: what a browser keeps of HTTP Basic, or a proxy in front
    /// adds.
    pub fn always_send(&mut self, host: &str, lines: &str) {
        self.lines.insert(host.to_owned(), lines.to_owned());
    }

    /// All cookies of a host as a header has them.
    pub fn cookies(&self, host: &str) -> String {
        let pairs = self.jar.get(host).into_iter().flatten();
        pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Opens a page as a person does; redirects are followed.
    pub fn open(&mut self, url: &str) -> Response {
        self.follow(url, "GET", None)
    }

    /// Opens a page and stays where the first answer is.
    pub fn look(&mut self, url: &str) -> Response {
        self.once(url, "GET", None, "none")
    }

    /// Sends a page's form, as that page would.
    pub fn submit(&mut self, page: &Response, action: &str, fields: &[(&str, &str)]) -> Response {
        let token = page.token();
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("token", &token);
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        let (_, rest) = page.url.split_once("://").unwrap();
        let url = format!("{}://{}{action}", self.scheme(), rest.split_once('/').unwrap().0);
        self.follow(&url, "POST", Some(body.finish()))
    }

    /// Sends a form on without following.
    pub fn post(&mut self, url: &str, body: &str, site: &str) -> Response {
        self.once(url, "POST", Some(body.to_owned()), site)
    }

    fn follow(&mut self, url: &str, method: &str, body: Option<String>) -> Response {
        let mut response =
            self.once(url, method, body, if method == "POST" { "same-origin" } else { "none" });
        for _ in 0..12 {
            let Some((to, site)) = response.leads_to() else { return response };
            let base = response.url.clone();
            let to = if to.starts_with('/') {
                let (scheme, rest) = base.split_once("://").unwrap();
                format!("{scheme}://{}{to}", rest.split_once('/').map_or(rest, |(authority, _)| authority))
            } else {
                to
            };
            response = self.once(&to, "GET", None, site);
        }
        panic!("too many redirects at {}", response.url);
    }

    fn once(&mut self, url: &str, method: &str, body: Option<String>, site: &str) -> Response {
        let (_, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.split(':').next().unwrap().to_owned();
        let cookies = self.cookies(&host);
        let body = body.unwrap_or_default();
        let kind = if method == "POST" { "Content-Type: application/x-www-form-urlencoded\r\n" } else { "" };
        let lines = self.lines.get(&host).cloned().unwrap_or_default();
        let cookie = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {authority}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: document\r\nSec-Fetch-Site: {site}\r\nUser-Agent: Firefox/128.0 Linux\r\n{kind}{cookie}{lines}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut response = match &self.trusts {
            None => raw(self.port, request.as_bytes()),
            Some(trusts) => exchange(trusts.connect(self.port, &host).unwrap(), request.as_bytes()),
        };
        response.url = url.to_owned();
        self.keep(&host, &response);
        response
    }

    fn keep(&mut self, host: &str, response: &Response) {
        let jar = self.jar.entry(host.to_owned()).or_default();
        for (_, line) in response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if name.starts_with("__Host-") {
                for needed in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                    assert!(attributes.contains(needed), "{line} lacks {needed}");
                }
                assert!(!attributes.contains("Domain"), "{line}");
            }
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                traces::seen(value);
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Signs alice in at the wiki with this code; the page she lands on.
pub fn sign_in(browser: &mut Browser, code: &str) -> Response {
    let port = browser.port;
    let page = browser.open(&format!("{}://wiki.localhost:{port}/page?q=1", browser.scheme()));
    let page = give_password(browser, &page, "alice");
    give_code(browser, &page, code)
}

/// Fills in the sign-in page.
pub fn give_password(browser: &mut Browser, page: &Response, name: &str) -> Response {
    let action = path(&page.url);
    assert!(action.starts_with("/sign-in/"), "{page:?}");
    browser.submit(page, &action, &[("name", name), ("password", "correct horse")])
}

/// Fills in the code page.
pub fn give_code(browser: &mut Browser, page: &Response, code: &str) -> Response {
    let action = path(&page.url);
    assert!(action.starts_with("/code/"), "{page:?}");
    browser.submit(page, &action, &[("code", code)])
}

/// The path of an address.
pub fn path(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    format!("/{}", rest.split_once('/').map_or("", |(_, path)| path))
}
