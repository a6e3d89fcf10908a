//! `form`: the app's own login page is the first factor, and the second comes between its success and the app.
//!
//! Until the second factor has passed nothing of the app is reached but its login page and its login request; what a
//! right password brings (cookies, the way onwards) is held back. Who somebody is the app itself says, in answer to the
//! gate's own question ([`probe`]), never the field of a form. Passwords pass through and are neither kept nor logged.

use http::Method;

pub mod config;
pub mod cookies;
pub mod fields;
pub mod members;
pub mod probe;

pub use cookies::{AppCookie, AppCookies, MARKS, Marks};
pub use probe::{Identity, Probe, Who};

/// How an app's own login works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The realm of its names.
    pub realm: String,
    /// The path of the login page.
    pub page_path: String,
    /// The query of the login page; empty where it has none.
    pub page_query: String,
    /// The path that the login is posted to.
    pub login_path: String,
    /// The field that tells a login from what else is posted there.
    pub login_field: Option<(String, String)>,
    /// The other fields that such a login may have, besides those of name and password.
    pub login_fields: Vec<String>,
    /// The cookies of the app's session.
    pub cookies: AppCookies,
    /// Those of them without which the app knows nobody, where it says so: it is not asked about the others.
    pub login_cookies: Option<AppCookies>,
    /// How the app says who somebody is.
    pub identity: Identity,
    /// The fields of name and password, where the app takes them in any request.
    pub credentials: Vec<String>,
}

/// What a request is to an app's login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The login page is asked for.
    Page,
    /// A name and a password are given.
    Login,
    /// A login, and perhaps something else as well: why.
    Unclear(String),
    /// Anything else.
    Other,
}

impl Form {
    /// What a request is. `form`: its body, where that is a form and was read whole.
    #[must_use]
    pub fn step(&self, method: &Method, path: &[u8], query: &[u8], form: Option<&[u8]>) -> Step {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if reads && path == self.page_path.as_bytes() && query == self.page_query.as_bytes() {
            return Step::Page;
        }
        if *method != Method::POST || path != self.login_path.as_bytes() {
            return Step::Other;
        }
        let Some((name, value)) = &self.login_field else { return Step::Login };
        let allowed = [self.credentials.as_slice(), &self.login_fields].concat();
        match fields::told((name, value), &allowed, query, form) {
            fields::Told::Another => Step::Other,
            fields::Told::Login => Step::Login,
            fields::Told::Unclear(why) => Step::Unclear(why),
        }
    }

    /// Whether the body must be read before it is known what a request is.
    #[must_use]
    pub fn needs_body(&self, method: &Method, path: &[u8]) -> bool {
        self.login_field.is_some() && *method == Method::POST && path == self.login_path.as_bytes()
    }

    /// Whether the app can know somebody who has these of its session cookies. Some apps begin a new session each time
    /// that nobody asks for a page, so the gate must not ask as nobody beside the person's own sign-in.
    #[must_use]
    pub fn may_know(&self, cookies: &[AppCookie]) -> bool {
        match &self.login_cookies {
            None => !cookies.is_empty(),
            Some(own) => cookies.iter().any(|cookie| own.is_session(&cookie.name)),
        }
    }

    /// The login page's address on its site.
    #[must_use]
    pub fn page(&self) -> String {
        match self.page_query.as_str() {
            "" => self.page_path.clone(),
            query => format!("{}?{query}", self.page_path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form {
            realm: "wiki.example.com".into(),
            page_path: "/doku.php".into(),
            page_query: "do=login".into(),
            login_path: "/doku.php".into(),
            login_field: Some(("do".into(), "login".into())),
            login_fields: vec!["sectok".into()],
            cookies: AppCookies::new(vec!["DokuWiki".into(), "DW*".into()]),
            login_cookies: None,
            identity: Identity::Pointer { path: "/me".into(), pointer: "/user".into() },
            credentials: vec!["u".into(), "p".into()],
        }
    }

    #[test]
    fn the_app_is_asked_about_cookies_that_it_can_know_somebody_by() {
        let cookie = |name: &str| AppCookie::new(name.as_bytes(), b"1");
        assert!(!form().may_know(&[]) && form().may_know(&[cookie("DokuWiki")]));
        let told = Form { login_cookies: Some(AppCookies::new(vec!["DW*".into()])), ..form() };
        assert!(!told.may_know(&[cookie("DokuWiki")]));
        assert!(told.may_know(&[cookie("DokuWiki"), cookie("DW1")]));
    }

    #[test]
    fn page_and_login_are_told_from_all_else() {
        let step = |method: Method, path: &str, query: &str, body: &str| {
            form().step(&method, path.as_bytes(), query.as_bytes(), Some(body.as_bytes()))
        };
        assert_eq!(step(Method::GET, "/doku.php", "do=login", ""), Step::Page);
        assert_eq!(step(Method::GET, "/doku.php", "do=login&id=secret", ""), Step::Other);
        assert_eq!(step(Method::GET, "/doku.php", "", ""), Step::Other);
        assert_eq!(step(Method::POST, "/doku.php", "", "do=login&u=a"), Step::Login);
        assert_eq!(step(Method::POST, "/doku.php", "do=login", "u=a"), Step::Login);
        assert_eq!(step(Method::POST, "/doku.php", "", "sectok=&do=login&u=a&p=b"), Step::Login);
        assert!(matches!(step(Method::POST, "/doku.php", "do=login", "do=edit&u=a"), Step::Unclear(_)));
        assert!(matches!(step(Method::POST, "/doku.php", "", "do=login&u=a&idx=1"), Step::Unclear(_)));
        assert_eq!(step(Method::POST, "/doku.php", "", "do=edit"), Step::Other);
        assert_eq!(step(Method::POST, "/other.php", "do=login", ""), Step::Other);
        assert_eq!(step(Method::PUT, "/doku.php", "do=login", ""), Step::Other);
        assert_eq!(form().page(), "/doku.php?do=login");
    }
}
