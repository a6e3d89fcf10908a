//! From an app's own login to the code: the site's browser comes over with a ticket, and the flow has a session of its own.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};
use pingora::{Error, ErrorType};
use twofold_shared::wire::SessionDigest;

use super::{Guest, Portal, Refused, Visit};
use crate::answer::Answer;
use crate::cookies::{self, FLOW, Found, Fresh};
use crate::first_factor::FirstFactor;
use crate::flow::{Asserted, COOKIE_LIFE, Destination, Flow};
use crate::refusal::Refusal;
use crate::return_address::ReturnAddress;
use crate::rules::Need;
use crate::session::Verdict;
use crate::site::Site;

impl Portal {
    /// The app at `site` has let this browser in: its flow goes on with the code. Gives the flow's id and the lines that
    /// bind it to the browser.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub fn assert(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        site: &Arc<Site>,
        asserted: Asserted,
    ) -> pingora::Result<(String, Vec<HeaderValue>)> {
        if let Some(flow) = self.newest_flow(headers, site) {
            flow.assert(asserted);
            return Ok((flow.id.as_str().to_owned(), Vec::new()));
        }
        let begun = Fresh::generate().and_then(|nonce| {
            let return_to = ReturnAddress::front_page();
            let destination =
                Destination { site: Arc::clone(site), return_to, nonce: nonce.digest, need: site.second() };
            Ok((self.flows.begin(Some(destination), address, self.clock.millis())?, nonce))
        });
        let (flow, nonce) =
            begun.map_err(|why| Error::because(ErrorType::InternalError, "no flow can be begun", why))?;
        flow.assert(asserted);
        let name = format!("{FLOW}{}", flow.id.short());
        Ok((flow.id.as_str().to_owned(), vec![cookies::set(&name, &nonce.value, Some(COOKIE_LIFE))]))
    }

    /// A first factor that came with a request to `site` has passed: on to the code, and back to `target`.
    pub fn begin_asserted(
        &self,
        visit: &Visit,
        site: &Arc<Site>,
        (target, need): (&[u8], Need),
        asserted: Asserted,
    ) -> Answer {
        let entered =
            self.new_flow(visit, site, target, need).map_err(Refused::from).and_then(|(flow, lines)| {
                flow.assert(asserted);
                Ok((self.enter_address(&flow)?, lines))
            });
        match entered {
            Ok((address, lines)) => lines.into_iter().fold(Answer::redirect(&address), Answer::with_cookie),
            Err(Refused(refusal, request)) => refusal.answer(self.read_by(visit), &visit.headers, &request),
        }
    }

    /// The same where `user` has passed a moment ago in this browser, for the same need, and has not gone on yet.
    pub fn go_on_asserted(
        &self,
        visit: &Visit,
        site: &Site,
        (target, need): (&[u8], Need),
        user: &str,
    ) -> Option<Answer> {
        let flow = self.newest_flow(&visit.headers, site)?;
        if flow.need() != need || !flow.awaits(user) {
            return None;
        }
        flow.lead_to(ReturnAddress::from_path(target, site.parameters()));
        self.enter_address(&flow).ok().map(|address| Answer::redirect(&address))
    }

    /// The sign-in that this browser began last at `site`, while it lives.
    pub(super) fn newest_flow(&self, headers: &HeaderMap, site: &Site) -> Option<Arc<Flow>> {
        let names = cookies::names_with(headers, FLOW);
        names.into_iter().rev().find_map(|short| {
            let Found::One(nonce) = cookies::find(headers, &format!("{FLOW}{short}")) else { return None };
            let flow = self.flows.find_by_nonce(&cookies::digest(nonce)?, self.clock.millis())?;
            let is_here =
                flow.destination.as_ref().is_some_and(|destination| destination.site.host() == site.host());
            is_here.then_some(flow)
        })
    }

    /// `/.twofold/continue/ID` at a site: on to the portal, from a page and not from the answer to a form, for the policy
    /// of the app's login page may hold that at the site.
    pub(super) fn onwards(&self, visit: &Visit, site: &Site, id: &str) -> Result<Answer, Refused> {
        let flow = self.newest_flow(&visit.headers, site).filter(|flow| flow.id.as_str() == id);
        let flow =
            flow.ok_or_else(|| Refused::because(Refusal::Expired, "no such sign-in of this browser"))?;
        Ok(self.read_by(visit).onwards(&self.enter_address(&flow)?))
    }

    pub(super) fn enter_address(&self, flow: &Flow) -> Result<String, Refused> {
        let address = self.portal_url(&format!("/enter/{}", flow.id.as_str()));
        Ok(match flow.ticket()? {
            Some(ticket) => format!("{address}?ticket={}", *ticket),
            None => address,
        })
    }

    /// `/enter/ID` at the portal: takes the ticket, once, for the flow's session.
    pub(super) async fn enter(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        let ticket = form_urlencoded::parse(&visit.query).find(|(name, _)| name == "ticket");
        let session = ticket.and_then(|(_, ticket)| flow.redeem(&cookies::digest(ticket.as_bytes())?));
        if let Some(session) = session {
            let line = cookies::set(&format!("{FLOW}{}", flow.id.short()), &session, Some(COOKIE_LIFE));
            let step = if flow.account().is_some() { "code" } else { "join" };
            return Ok(Answer::redirect(&format!("/{step}/{}", flow.id.as_str())).with_cookie(line));
        }
        let guest = self.guest_of(visit, flow).await?;
        Ok(self.next_step(visit, flow, &guest))
    }

    /// Who is in a flow. One that an app's login began has a session of its own; where the portal's is the same account's
    /// and has what is needed, that serves, and no code is asked.
    pub(super) async fn guest_of(&self, visit: &Visit, flow: &Flow) -> Result<Guest, Refused> {
        let Some(account) = flow.account() else {
            // The portal's session stands for the portal's own page alone: where the app or a proxy says who somebody is,
            // nobody has passed before they have said so.
            return match Self::site_of(flow).map(Site::first_factor) {
                None | Some(FirstFactor::Password) => self.guest(visit).await,
                // Nor does another realm's first factor stand for the directory's.
                Some(FirstFactor::Directory(realm)) => match self.guest(visit).await? {
                    Guest::Signed(session, known) if known.is_of_realm(realm) => {
                        Ok(Guest::Signed(session, known))
                    }
                    Guest::Signed(..) | Guest::Nobody => Ok(Guest::Nobody),
                },
                Some(
                    FirstFactor::Form(_)
                    | FirstFactor::Basic(_)
                    | FirstFactor::Header(_)
                    | FirstFactor::Code(_),
                ) => Ok(Guest::Nobody),
            };
        };
        let guest = self.guest(visit).await?;
        if let Guest::Signed(_, known) = &guest
            && known.account() == account
            && known.meets(flow.need(), self.clock.unix())
        {
            return Ok(guest);
        }
        let name = format!("{FLOW}{}", flow.id.short());
        let Found::One(value) = cookies::find(&visit.headers, &name) else { return Ok(Guest::Nobody) };
        let Some(digest) = cookies::digest(value) else { return Ok(Guest::Nobody) };
        match self.sessions.ask(&self.authority, digest, None).await {
            Verdict::Known(known) if known.account() == account => Ok(Guest::Signed(digest, known)),
            Verdict::Known(_) | Verdict::Nobody => Ok(Guest::Nobody),
            Verdict::Undecided => {
                Err(Refused::because(Refusal::Undecided, "the authority did not decide on a flow's session"))
            }
        }
    }

    /// The lines that keep a raised session: the flow's own where it has one, and the portal's where nobody was there.
    pub(super) async fn keep_session(
        &self,
        visit: &Visit,
        flow: &Flow,
        raised: (SessionDigest, &str),
    ) -> Result<Vec<HeaderValue>, Refused> {
        let (_, value) = raised;
        if flow.account().is_none() {
            return Ok(vec![cookies::set(cookies::PORTAL, value, None)]);
        }
        let mut lines = vec![cookies::set(&format!("{FLOW}{}", flow.id.short()), value, Some(COOKIE_LIFE))];
        if let Guest::Nobody = self.guest(visit).await? {
            lines.push(cookies::set(cookies::PORTAL, value, None));
        }
        Ok(lines)
    }

    /// `/.twofold/not-held` at a site: its app cannot be protected in this way.
    pub(super) fn not_held(&self, visit: &Visit, site: &Site) -> Answer {
        let words = self.read_by(visit).words();
        let text = words.say.not_held(site.title());
        self.read_by(visit).message(StatusCode::FORBIDDEN, words.nobody_gets_in, &text, None, None)
    }

    /// `/.twofold/unknown` at a site: the app knows them, the ledger does not.
    pub(super) fn unknown(&self, visit: &Visit, site: &Site) -> Answer {
        let words = self.read_by(visit).words();
        let text = words.say.unknown_here(site.title());
        self.read_by(visit).message(StatusCode::FORBIDDEN, words.not_known_yet, &text, None, None)
    }
}
