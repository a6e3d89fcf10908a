//! The portal: sign-in, codes, and the way to the sites, on an origin of its own.
//!
//! Pages live in the gate's process and are answered from pingora's filter: no second HTTP server, no socket between
//! the two, and the browser's address is the connection's. Every visit is judged by the authority's verdict of the
//! moment; nothing here raises a level.

mod account;
mod by_code;
mod code;
mod enrol;
mod enter;
mod form;
mod invitation;
mod join;
mod language;
mod lost;
mod people;
mod sign_in;
mod sign_out;
mod site;
mod twice;
mod without;

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use twofold_shared::wire::{Nonce, SessionDigest};
use zeroize::Zeroizing;

use self::twice::Twice;
use crate::answer::Answer;
use crate::app_login::members::Members;
use crate::authority::{Authority, Away, Visitor};
use crate::browser;
use crate::clock::Clock;
use crate::config::Config;
use crate::cookies::{self, Found};
use crate::directory::Directories;
use crate::enrolment::Enrolments;
use crate::first_factor::FirstFactor;
use crate::flow::{Flow, Flows};
use crate::handoff::Handoffs;
use crate::key::Key;
use crate::origin::Origin;
use crate::pages::{Action, Here, Pages, PagesFor};
use crate::refusal::Refusal;
use crate::rules::Need;
use crate::session::{Known, Sessions, Verdict};
use crate::site::{Places, Site};

/// What is below this is a person's account.
const ACCOUNT: &str = "/account/";
/// The pages about other people.
const PEOPLE: &str = "/people";
/// Forms that are answered by their own page, at its own address, where something was wrong.
const ONCE_MORE: [&str; 4] = ["/sign-in/", "/code/", "/join/", "/lost/"];

/// The longest form that is read: a password and a name.
pub const MAX_BODY: usize = 16 * 1024;

/// One request to the gate itself.
pub struct Visit {
    /// The method; HEAD counts as GET.
    pub method: Method,
    /// The path in its one spelling.
    pub path: String,
    /// What stands behind the `?`.
    pub query: Vec<u8>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`MAX_BODY`].
    pub body: Zeroizing<Vec<u8>>,
    /// The connection's address.
    pub address: Option<IpAddr>,
}

impl Visit {
    fn visitor(&self) -> Result<Visitor, Refused> {
        let known_by = match cookies::find(&self.headers, cookies::BROWSER) {
            Found::None => None,
            Found::One(value) => cookies::digest(value),
            Found::Several => return Err(Refused::because(Refusal::Unclear, "two browser cookies")),
        };
        let invitation = match cookies::find(&self.headers, cookies::INVITATION) {
            Found::One(value) => cookies::digest(value),
            Found::None | Found::Several => None,
        };
        let browser = browser::describe(&self.headers);
        Ok(Visitor { address: self.address, browser, known_by, invitation })
    }

    fn is_post(&self) -> bool {
        self.method == Method::POST
    }
}

/// The portal and the gate's own addresses at the sites.
pub struct Portal {
    origin: Origin,
    pages: Pages,
    places: Arc<Places>,
    authority: Arc<Authority>,
    sessions: Arc<Sessions>,
    flows: Flows,
    handoffs: Handoffs,
    clock: Clock,
    members: Arc<Members>,
    key: Arc<Key>,
    twice: Twice,
    directories: Directories,
    /// What becomes of people without a second factor at the portal's own pages.
    enrolments: Enrolments,
    /// The realm of the directory that the portal's own page asks.
    directory: Option<String>,
}

/// Who is at the portal.
enum Guest {
    Nobody,
    Signed(SessionDigest, Arc<Known>),
}

/// A refusal on its way out, so that `?` refuses.
struct Refused(Refusal<'static>, Nonce);

impl From<Away> for Refused {
    fn from(away: Away) -> Self {
        Self(Refusal::Undecided, away.request)
    }
}

impl From<getrandom::Error> for Refused {
    fn from(why: getrandom::Error) -> Self {
        let request = Nonce::from_bytes([0; 16]);
        log::error!("request {request}: refused, the kernel gives no randomness: {why}");
        Self(Refusal::Internal, request)
    }
}

impl Refused {
    /// A refusal that the authority had no part in; its number is in the log with the reason.
    fn because(refusal: Refusal<'static>, why: &str) -> Self {
        let request = number();
        log::info!("request {request}: refused, {why}");
        Self(refusal, request)
    }
}

/// A request's number.
pub fn number() -> Nonce {
    Nonce::generate().unwrap_or_else(|_| Nonce::from_bytes([0; 16]))
}

impl Portal {
    /// The portal of this configuration.
    #[must_use]
    pub fn new(
        config: &Config,
        places: Arc<Places>,
        authority: Arc<Authority>,
        sessions: Arc<Sessions>,
        (clock, key, members): (Clock, Arc<Key>, Arc<Members>),
        directories: Directories,
    ) -> Self {
        Self {
            origin: config.portal.clone(),
            pages: Pages::new(&config.portal, &config.product),
            places,
            authority,
            sessions,
            flows: Flows::default(),
            handoffs: Handoffs::default(),
            clock,
            key,
            twice: Twice::default(),
            members,
            directories,
            enrolments: Enrolments::of_host(&config.enrolments, config.portal.host()),
            directory: config.portal_directory.clone(),
        }
    }

    /// The pages for who sends these headers to a site.
    #[must_use]
    pub fn pages<'a>(&'a self, headers: &HeaderMap) -> PagesFor<'a> {
        self.pages.read_by(headers, None)
    }

    /// The pages for this visitor. Only the portal's own have the switch of the language: a choice is kept there. What answers
    /// other forms than those of [`ONCE_MORE`] has none: it may be shown this once, and its address may be no page.
    fn read_by<'a>(&'a self, visit: &'a Visit) -> PagesFor<'a> {
        let query = std::str::from_utf8(&visit.query).unwrap_or_default();
        let is_page = match visit.is_post() {
            true => ONCE_MORE.iter().any(|form| visit.path.starts_with(form)),
            false => !visit.path.starts_with("/.twofold/"),
        };
        let here = is_page.then_some(Here { path: &visit.path, query });
        self.pages.read_by(&visit.headers, here)
    }

    /// Answers a request to the portal's origin; a form that comes twice only once.
    pub async fn answer(&self, visit: &Visit) -> Answer {
        match self.sending(visit) {
            None => self.answer_once(visit).await,
            Some((slot, arrived)) => {
                let answering = self.answer_once(visit);
                let back = [ACCOUNT, PEOPLE].into_iter().find(|page| visit.path.starts_with(page));
                let back = back.map(|page| page.trim_end_matches('/'));
                slot.answer(answering, (arrived, || self.clock.millis()), back).await
            }
        }
    }

    async fn answer_once(&self, visit: &Visit) -> Answer {
        match self.route(visit).await {
            Ok(answer) => answer,
            Err(Refused(refusal, request)) => refusal.answer(self.read_by(visit), &visit.headers, &request),
        }
    }

    async fn route(&self, visit: &Visit) -> Result<Answer, Refused> {
        let (page, id) = match visit.path.get(1..).unwrap_or_default().split_once('/') {
            Some((page, id)) => (page, Some(id)),
            None => (visit.path.get(1..).unwrap_or_default(), None),
        };
        let is_get = matches!(visit.method, Method::GET | Method::HEAD);
        match (page, id) {
            _ if !is_get && !visit.is_post() => {
                Err(Refused::because(Refusal::WrongMethod, "a method without use here"))
            }
            ("account", below) => self.account(visit, below).await,
            ("people", below) => self.people(visit, below).await,
            ("", None) if is_get => self.home(visit).await,
            ("sign-in", Some(id)) => self.sign_in(visit, &*self.flow(id)?).await,
            ("enter", Some(id)) if is_get => self.enter(visit, &*self.flow(id)?).await,
            ("code", Some(id)) => self.code(visit, &*self.flow(id)?).await,
            ("join", Some(id)) => self.join(visit, &*self.flow(id)?).await,
            ("lost", Some(id)) => self.lost(visit, &*self.flow(id)?).await,
            ("enrol", None) if is_get => self.begin_device(visit),
            ("enrol", Some(rest)) => {
                let (id, step) = rest.split_once('/').unwrap_or((rest, ""));
                self.enrol(visit, &*self.flow(id)?, step).await
            }
            ("invitation", Some(code)) => self.invitation(visit, code).await,
            ("notices", Some(id)) if is_get => self.notices(visit, &*self.flow(id)?).await,
            ("continue", Some(id)) if is_get => self.go_on(visit, self.flow(id)?).await,
            ("language", None) if visit.is_post() => self.choose_language(visit),
            ("sign-out", None) => self.sign_out(visit).await,
            ("signed-out", None) if is_get => Ok(self.signed_out(visit)),
            (page, None) if is_get && page != "language" => self
                .pages
                .file(&visit.path)
                .ok_or_else(|| Refused::because(Refusal::NotFound, "no such page at the portal")),
            ("", None) | ("enter" | "notices" | "continue", Some(_)) | ("signed-out" | "enrol", None) => {
                Err(Refused::because(Refusal::WrongMethod, "a page that takes no form"))
            }
            ("language", None) => Err(Refused::because(Refusal::WrongMethod, "a form's address and no page")),
            _ => Err(Refused::because(Refusal::NotFound, "no such page at the portal")),
        }
    }

    /// Where a signed-in person is; for others the way in.
    async fn home(&self, visit: &Visit) -> Result<Answer, Refused> {
        match self.guest(visit).await? {
            // No site, so nothing takes a trusted browser for a code.
            Guest::Signed(session, known)
                if self.enrolments.are_met(&known, Need::SECOND, self.clock.unix()) =>
            {
                let token = self.key.form_token("sign-out", session.as_bytes())?;
                let sites = self.places.sites().iter().map(|site| &**site);
                Ok(self.read_by(visit).home(&known, sites, &token))
            }
            Guest::Signed(..) | Guest::Nobody => {
                let flow = self.flows.begin(None, visit.address, self.clock.millis())?;
                Ok(Answer::redirect(&format!("/sign-in/{}", flow.id.as_str())))
            }
        }
    }

    fn flow(&self, id: &str) -> Result<Arc<Flow>, Refused> {
        self.flows
            .find(id, self.clock.millis())
            .ok_or_else(|| Refused::because(Refusal::Expired, "no such sign-in, or it has run out"))
    }

    /// Who is at the portal, as the authority says now.
    async fn guest(&self, visit: &Visit) -> Result<Guest, Refused> {
        let digest = match cookies::find(&visit.headers, cookies::PORTAL) {
            Found::None => return Ok(Guest::Nobody),
            Found::Several => return Err(Refused::because(Refusal::Unclear, "two portal cookies")),
            Found::One(value) => match cookies::digest(value) {
                None => return Ok(Guest::Nobody),
                Some(digest) => digest,
            },
        };
        match self.sessions.ask(&self.authority, digest, None).await {
            Verdict::Known(known) => Ok(Guest::Signed(digest, known)),
            Verdict::Nobody => Ok(Guest::Nobody),
            Verdict::Undecided => {
                Err(Refused::because(Refusal::Undecided, "the authority did not decide on a portal session"))
            }
        }
    }

    /// The step of the flow that this guest has reached.
    fn next_step(&self, visit: &Visit, flow: &Flow, guest: &Guest) -> Answer {
        if let (Guest::Nobody, Some(newcomer)) = (guest, Self::newcomer(visit, flow))
            && !newcomer.is_late(self.clock.millis())
        {
            return Answer::redirect(&format!("/join/{}", flow.id.as_str()));
        }
        // An app's own login is the only way into its flows; and so is what came with a request to it.
        if let (Guest::Nobody, Some(site)) = (guest, Self::site_of(flow)) {
            if let Some(page) = site.login_page() {
                return Answer::redirect(&page);
            }
            if site.is_told_by_requests() {
                return self.start_again(visit, flow, site);
            }
        }
        let step = match guest {
            Guest::Nobody => "sign-in",
            Guest::Signed(session, known) if self.may_go_on(flow, session, known) => "continue",
            Guest::Signed(..) => "code",
        };
        Answer::redirect(&format!("/{step}/{}", flow.id.as_str()))
    }

    /// What a person should read before the flow goes on.
    async fn notices(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        let guest = self.guest_of(visit, flow).await?;
        let reader = match (&guest, Self::holder(visit, flow)) {
            (_, Some(holder)) => holder,
            (Guest::Signed(session, _), None) => *session,
            (Guest::Nobody, None) => return Ok(self.next_step(visit, flow, &guest)),
        };
        let words = self.read_by(visit).words();
        let title = Self::site_of(flow).map_or(words.directory, Site::title);
        let joined = flow.joined(&reader).map(|name| words.join.say.joined(&name, title));
        let news = flow.news(&reader);
        let told = news.iter().map(|notice| words.say.notice(notice));
        let notices: Vec<String> = joined.into_iter().chain(told).collect();
        if notices.is_empty() {
            return Ok(Answer::redirect(&format!("/continue/{}", flow.id.as_str())));
        }
        Ok(self.read_by(visit).notices(notices, flow.id.as_str()))
    }

    /// Hands a person who has passed what is needed over to the flow's site.
    async fn go_on(&self, visit: &Visit, flow: Arc<Flow>) -> Result<Answer, Refused> {
        let guest = self.guest_of(visit, &flow).await?;
        let session = match &guest {
            _ if Self::holder(visit, &flow).is_some() => None,
            Guest::Signed(session, known) if self.may_go_on(&flow, session, known) => Some(*session),
            Guest::Signed(..) | Guest::Nobody => return Ok(self.next_step(visit, &flow, &guest)),
        };
        let Some(destination) = &flow.destination else {
            let device = format!("/enrol/{}", flow.id.as_str());
            let back = flow.return_to();
            return Ok(Answer::redirect(if flow.wants_device() { &device } else { back.as_str() }));
        };
        let code = self
            .handoffs
            .give(session, destination.clone(), &flow, self.clock.millis())
            .map_err(|why| Refused::because(Refusal::Internal, &why.to_string()))?;
        Ok(Answer::redirect(&format!("{}/.twofold/callback?code={}", destination.site.origin(), &*code)))
    }

    /// A sign-in that this browser holds nothing of any more begins again where it began.
    fn start_again(&self, visit: &Visit, flow: &Flow, site: &Site) -> Answer {
        let words = self.read_by(visit).words();
        let (title, text) = words.say.refusal(Refusal::Expired);
        let href = format!("{}{}", site.origin(), flow.return_to().as_str());
        let action = Some(Action { label: words.start_again, href });
        self.read_by(visit).message(StatusCode::GONE, title, &text, action, None)
    }

    fn site_of(flow: &Flow) -> Option<&Site> {
        flow.destination.as_ref().map(|destination| &*destination.site)
    }

    /// The realm of the directory that checks the passwords of a flow; none where the ledger does.
    fn directory_of<'a>(&'a self, flow: &'a Flow) -> Option<&'a str> {
        match Self::site_of(flow).map(Site::first_factor) {
            Some(FirstFactor::Directory(realm)) => Some(realm),
            None => self.directory.as_deref(),
            Some(_) => None,
        }
    }

    fn portal_url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// A refused form is not a success, to programs that count.
fn refused_status(word: twofold_shared::wire::Word) -> StatusCode {
    use twofold_shared::wire::Word;
    match word {
        Word::Wait => StatusCode::TOO_MANY_REQUESTS,
        Word::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Word::Wrong | Word::Used | Word::Clock | Word::Closed | Word::Unenrolled => StatusCode::FORBIDDEN,
    }
}
