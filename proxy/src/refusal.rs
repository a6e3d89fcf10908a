//! Everything that the gate does not do for a request, with a face for people and one for programs.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, StatusCode};
use twofold_shared::wire::Nonce;

use crate::answer::Answer;
use crate::pages::{Action, PagesFor};
use crate::request;
use crate::words::help_for_programs;

/// Why a request is not answered as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// The request can be read in more than one way.
    Unclear,
    /// The host is none of ours.
    NoSuchSite,
    /// The connection was opened for another host.
    Misdirected,
    /// There is something at this address of ours, for other methods.
    WrongMethod,
    /// There is nothing at this address of ours.
    NotFound,
    /// A second factor is needed, and this is no navigation.
    SecondFactor {
        /// Where a person can sign in.
        site: &'a str,
    },
    /// An API key was presented, and it does not open this.
    Key {
        /// Where.
        site: &'a str,
        /// Why, as far as its holder may know.
        why: KeyRefused,
    },
    /// A sign-in or a fresh code is needed, and what was sent is not kept.
    NotHeld {
        /// Where the sign-in begins.
        begin: &'a str,
    },
    /// No rule lets anybody pass here.
    Denied,
    /// A name or a password is given where the app's login is not.
    LoginElsewhere,
    /// The app asks for its own name and password; with its challenge, on [`Answer`].
    AsksForPassword,
    /// Too many names and passwords were tried.
    TooManyTries {
        /// How long to wait.
        seconds: u64,
    },
    /// The app does not say whether a name and a password are right.
    AppUndecided {
        /// The site's host.
        host: &'a str,
    },
    /// What came with a request names somebody else than its session.
    SomebodyElse,
    /// The proxy in front did not say who this is.
    NobodyNamed,
    /// The authority did not decide.
    Undecided,
    /// The app does not answer.
    UpstreamDown {
        /// The site's host.
        host: &'a str,
    },
    /// The sign-in took too long, or was begun in another browser.
    Expired,
    /// A form was sent from somewhere else.
    Foreign,
    /// What was sent is too long.
    TooLong,
    /// What was sent stopped in the middle.
    TooSlow,
    /// The gate itself failed.
    Internal,
}

/// Why an API key does not open something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefused {
    /// The authority does not know it, or it opens nothing at this site: one word for all reasons.
    Unknown,
    /// It is good, and this request is outside of its grant.
    Grant,
    /// It is good, and here a rule asks for a fresh code, which no key can stand for.
    FreshCode,
}

impl Refusal<'_> {
    /// The status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unclear => StatusCode::BAD_REQUEST,
            Self::NoSuchSite | Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::SecondFactor { .. } | Self::Key { .. } | Self::AsksForPassword => StatusCode::UNAUTHORIZED,
            Self::NotHeld { .. }
            | Self::Denied
            | Self::LoginElsewhere
            | Self::Foreign
            | Self::SomebodyElse
            | Self::NobodyNamed => StatusCode::FORBIDDEN,
            Self::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Undecided => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamDown { .. } | Self::AppUndecided { .. } => StatusCode::BAD_GATEWAY,
            Self::Expired => StatusCode::GONE,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unclear => "unclear_request",
            Self::NoSuchSite => "no_such_site",
            Self::Misdirected => "misdirected",
            Self::NotFound => "not_found",
            Self::WrongMethod => "method_not_allowed",
            Self::SecondFactor { .. } | Self::NotHeld { .. } => "second_factor_required",
            Self::Key { why: KeyRefused::Unknown, .. } => "api_key_refused",
            Self::Key { why: KeyRefused::Grant, .. } => "outside_the_grant",
            Self::Key { why: KeyRefused::FreshCode, .. } => "fresh_code_required",
            Self::Denied => "denied",
            Self::LoginElsewhere => "login_elsewhere",
            Self::AsksForPassword => "password_required",
            Self::TooManyTries { .. } => "wait",
            Self::AppUndecided { .. } => "app_undecided",
            Self::SomebodyElse => "somebody_else",
            Self::NobodyNamed => "nobody_named",
            Self::Undecided => "authority_away",
            Self::UpstreamDown { .. } => "upstream_down",
            Self::Expired => "sign_in_expired",
            Self::Foreign => "foreign_request",
            Self::TooLong => "too_long",
            Self::TooSlow => "too_slow",
            Self::Internal => "internal",
        }
    }

    /// The answer to a request with these headers. `request` is its number, as the log has it.
    #[must_use]
    pub fn answer(self, pages: PagesFor<'_>, headers: &HeaderMap, request: &Nonce) -> Answer {
        let words = pages.words();
        let site = match self {
            Self::SecondFactor { site } | Self::Key { site, .. } => Some(site),
            _ => None,
        };
        if site.is_some() || !request::is_navigation(headers) {
            let value = serde_json::json!({
                "error": self.word(),
                "help": help_for_programs(self),
                "request": request.to_string(),
            });
            let answer = Answer::json(self.status(), &value);
            let asks = site.filter(|_| request::is_asked_for_basic(headers)).and_then(challenge);
            return match asks {
                Some(challenge) => answer.with(WWW_AUTHENTICATE, challenge),
                None => answer,
            };
        }
        let (title, text) = words.say.refusal(self);
        let action = match self {
            Self::NotHeld { begin } => Some(Action { label: words.sign_in, href: begin.to_owned() }),
            Self::Expired => Some(Action { label: words.start_again, href: "/".to_owned() }),
            _ => None,
        };
        pages.message(self.status(), title, &text, action, Some(request))
    }
}

/// What clients of HTTP Basic wait for before they send a key.
fn challenge(site: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("Basic realm=\"{site}, API key as password\", charset=\"UTF-8\"")).ok()
}
