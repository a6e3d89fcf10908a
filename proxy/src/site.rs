//! A site as the hot path needs it: everything that can be prepared is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use http::header::InvalidHeaderValue;
use http::{HeaderName, HeaderValue};
use pingora::upstreams::peer::{HttpPeer, Peer};

use crate::app_login::{AppCookies, Form};
use crate::config::{Config, SiteConfig};
use crate::enrolment::Enrolments;
use crate::first_factor::FirstFactor;
use crate::host::{Host, OddHost};
use crate::origin::Origin;
use crate::path::{Parameters, cut_parameters};
use crate::rules::{Need, Rules};
use crate::upstream;

/// One protected app.
#[derive(Debug)]
pub struct Site {
    origin: Origin,
    title: String,
    parameters: Parameters,
    ignore_case: bool,
    rules: Rules,
    enrolments: Enrolments,
    first_factor: FirstFactor,
    create: bool,
    forwards_authorization: bool,
    peer: HttpPeer,
    max_body: u64,
    assertion: bool,
    trust_seconds: Option<u64>,
    authority: HeaderValue,
    scheme: HeaderValue,
}

impl Site {
    /// Prepares a checked site.
    #[must_use]
    pub fn new(config: &SiteConfig) -> Self {
        let origin = config.origin.clone();
        Self {
            title: config.title.clone(),
            parameters: if config.path_parameters { Parameters::Cut } else { Parameters::Refused },
            ignore_case: config.ignore_case,
            rules: config.rules.clone(),
            enrolments: config.enrolments.clone(),
            first_factor: config.first_factor.clone(),
            create: config.create,
            forwards_authorization: config.forward_authorization
                || matches!(config.first_factor, FirstFactor::Basic(_)),
            authority: value(&origin.authority()),
            scheme: HeaderValue::from_static(origin.scheme()),
            peer: upstream::peer(&config.upstream),
            max_body: config.max_body.unwrap_or(u64::MAX),
            assertion: config.assertion,
            trust_seconds: config.trusted_browsers.map(|age| age.as_secs()),
            origin,
        }
    }

    /// Where browsers find it.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its host: what a site's session is bound to.
    #[must_use]
    pub fn host(&self) -> &str {
        self.origin.host().as_str()
    }

    /// What people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How its app reads `;` in a path.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// How its app's own login works, where that is the first factor.
    #[must_use]
    pub fn form(&self) -> Option<&Form> {
        match &self.first_factor {
            FirstFactor::Form(form) => Some(form),
            FirstFactor::Password
            | FirstFactor::Directory(_)
            | FirstFactor::Basic(_)
            | FirstFactor::Header(_)
            | FirstFactor::Code(_) => None,
        }
    }

    /// Where its first factor comes from.
    #[must_use]
    pub fn first_factor(&self) -> &FirstFactor {
        &self.first_factor
    }

    /// Whether somebody whose name is new may have an account made.
    #[must_use]
    pub fn creates_accounts(&self) -> bool {
        self.create
    }

    /// Whether its first factor comes with each request: the app's HTTP Basic, or a proxy's word.
    #[must_use]
    pub fn is_told_by_requests(&self) -> bool {
        matches!(self.first_factor, FirstFactor::Basic(_) | FirstFactor::Header(_))
    }

    /// The header in which a proxy in front says who somebody is. To the app it is the gate's word.
    #[must_use]
    pub fn user_header(&self) -> Option<&HeaderName> {
        match &self.first_factor {
            FirstFactor::Header(header) => Some(&header.name),
            FirstFactor::Password
            | FirstFactor::Directory(_)
            | FirstFactor::Form(_)
            | FirstFactor::Basic(_)
            | FirstFactor::Code(_) => None,
        }
    }

    /// The app's session cookies, where the gate has an eye on them.
    #[must_use]
    pub fn app_cookies(&self) -> Option<&AppCookies> {
        match &self.first_factor {
            FirstFactor::Form(form) => Some(&form.cookies),
            FirstFactor::Code(code) => code.app.as_ref().map(|app| &app.cookies),
            FirstFactor::Password
            | FirstFactor::Directory(_)
            | FirstFactor::Basic(_)
            | FirstFactor::Header(_) => None,
        }
    }

    /// The address of the app's own login page.
    #[must_use]
    pub fn login_page(&self) -> Option<String> {
        self.form().map(|form| format!("{}{}", self.origin, form.page()))
    }

    /// A path in its one spelling as rules judge it: as its app reads it.
    #[must_use]
    pub fn judged<'p>(&self, path: &'p [u8]) -> Cow<'p, [u8]> {
        let cut = cut_parameters(path);
        if self.ignore_case && cut.iter().any(u8::is_ascii_uppercase) {
            return Cow::Owned(cut.to_ascii_lowercase());
        }
        cut
    }

    /// Whether its app takes `/Admin` for `/admin`.
    #[must_use]
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What becomes of people without a second factor here.
    #[must_use]
    pub fn enrolments(&self) -> &Enrolments {
        &self.enrolments
    }

    /// Whether a client's `Authorization` reaches the app. Where the app asks for HTTP Basic itself, only after
    /// [`crate::gate`] has checked it.
    #[must_use]
    pub fn forwards_authorization(&self) -> bool {
        self.forwards_authorization
    }

    /// The `Host` that the app is given, whatever spelling the client chose.
    #[must_use]
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// A path as an address of the app's own: WebDAV servers compare it with how they were asked themselves.
    ///
    /// # Errors
    /// When it cannot stand in a header.
    pub fn destination(&self, path: &[u8]) -> Result<HeaderValue, InvalidHeaderValue> {
        let scheme: &[u8] = if self.peer.tls() { b"https://" } else { b"http://" };
        HeaderValue::from_bytes(&[scheme, self.authority.as_bytes(), path].concat())
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &HeaderValue {
        &self.scheme
    }

    /// Whether the app gets a signed word about who asks.
    #[must_use]
    pub fn wants_assertion(&self) -> bool {
        self.assertion
    }

    /// For how long browsers may be trusted instead of a code, in seconds; absent: not at all.
    #[must_use]
    pub fn trust_seconds(&self) -> Option<u64> {
        self.trust_seconds
    }

    /// What is needed here where no rule says otherwise.
    #[must_use]
    pub fn second(&self) -> Need {
        Need { trust: self.trust_seconds, ..Need::SECOND }
    }

    /// The longest body that the app is sent, in bytes.
    #[must_use]
    pub fn max_body(&self) -> u64 {
        self.max_body
    }

    /// The app. Only [`crate::gate`] asks, and only with a pass in hand.
    #[must_use]
    pub fn peer(&self) -> &HttpPeer {
        &self.peer
    }
}

/// A host or an authority is ASCII without control characters: always a header value.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Whom a request is for.
#[derive(Clone, Debug)]
pub enum Place {
    /// The portal.
    Portal,
    /// A site.
    Site(Arc<Site>),
}

/// All hosts of this gate.
#[derive(Debug)]
pub struct Places {
    by_host: HashMap<Box<[u8]>, Place>,
    portal: Origin,
    sites: Vec<Arc<Site>>,
}

impl Places {
    /// Prepares the checked configuration's portal and sites.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let sites: Vec<Arc<Site>> = config.sites.iter().map(|site| Arc::new(Site::new(site))).collect();
        let mut by_host = HashMap::new();
        let mut add = |origin: &Origin, place: &Place| {
            // The usual spelling with its port is found without making the canonical one.
            by_host.insert(origin.authority().into_bytes().into(), place.clone());
            by_host.insert(origin.host().as_str().as_bytes().into(), place.clone());
        };
        add(&config.portal, &Place::Portal);
        for site in &sites {
            add(site.origin(), &Place::Site(Arc::clone(site)));
        }
        Self { by_host, portal: config.portal.clone(), sites }
    }

    /// Whom a `Host` names. `Ok(None)`: a proper host that is not ours.
    ///
    /// # Errors
    /// [`OddHost`].
    pub fn find(&self, host: &[u8]) -> Result<Option<&Place>, OddHost> {
        if let Some(place) = self.by_host.get(host) {
            return Ok(Some(place));
        }
        Ok(self.by_host.get(Host::from_header(host)?.as_str().as_bytes()))
    }

    /// The origin of a place.
    #[must_use]
    pub fn origin<'a>(&'a self, place: &'a Place) -> &'a Origin {
        match place {
            Place::Portal => &self.portal,
            Place::Site(site) => site.origin(),
        }
    }

    /// The sites, in the order of the configuration.
    #[must_use]
    pub fn sites(&self) -> &[Arc<Site>] {
        &self.sites
    }
}
