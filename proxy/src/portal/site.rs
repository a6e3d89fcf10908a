//! The gate's own addresses at a site, and the way from there to the portal. Neither shows nor takes a secret.

use std::sync::Arc;

use http::{HeaderValue, Method};
use twofold_shared::wire::Level;

use super::{Portal, Refused, Visit, number};
use crate::answer::Answer;
use crate::app_login::MARKS;
use crate::cookies::{self, FLOW, Found, Fresh, SITE};
use crate::flow::{COOKIE_LIFE, Destination, Flow};
use crate::handoff::Handoff;
use crate::refusal::Refusal;
use crate::return_address::ReturnAddress;
use crate::rules::Need;
use crate::session::Verdict;
use crate::site::Site;

/// Sign-ins that one browser may have under way at one site; the oldest of its cookies go.
const FLOWS_PER_BROWSER: usize = 12;

impl Portal {
    /// Answers a request below `/.twofold` at a site.
    pub async fn answer_at_site(&self, visit: &Visit, site: &Arc<Site>) -> Answer {
        let answered = match visit.path.as_str() {
            "/.twofold/callback" if matches!(visit.method, Method::GET) => self.callback(visit, site).await,
            "/.twofold/unknown" if matches!(visit.method, Method::GET) => Ok(self.unknown(visit, site)),
            "/.twofold/not-held" if matches!(visit.method, Method::GET) => Ok(self.not_held(visit, site)),
            path if let Some(id) = path.strip_prefix("/.twofold/continue/")
                && matches!(visit.method, Method::GET) =>
            {
                self.onwards(visit, site, id)
            }
            "/.twofold/sign-in" if matches!(visit.method, Method::GET) => Ok(self.begin_here(visit, site)),
            "/.twofold/sign-out" if matches!(visit.method, Method::GET | Method::POST) => {
                self.sign_out_at_site(visit, site).await
            }
            _ => Err(Refused::because(Refusal::NotFound, "nothing at this address of the gate")),
        };
        answered.unwrap_or_else(|Refused(refusal, request)| {
            refusal.answer(self.read_by(visit), &visit.headers, &request)
        })
    }

    /// Sends a person without a session to the portal, and gives the browser what will prove that it was this one.
    pub fn begin(&self, visit: &Visit, site: &Arc<Site>, target: &[u8], need: Need) -> Answer {
        if let Some(flow) = self.newest_flow(&visit.headers, site)
            && flow.is_asserted(self.clock.millis())
            && let Ok(address) = self.enter_address(&flow)
        {
            // The app has let them in already, without a page that could lead on.
            flow.lead_to(ReturnAddress::from_path(target, site.parameters()));
            return Answer::redirect(&address);
        }
        let Ok((flow, lines)) = self.new_flow(visit, site, target, need) else {
            return Refusal::Internal.answer(self.read_by(visit), &visit.headers, &number());
        };
        let first_page =
            site.login_page().unwrap_or_else(|| self.portal_url(&format!("/sign-in/{}", flow.id.as_str())));
        lines.into_iter().fold(Answer::redirect(&first_page), Answer::with_cookie)
    }

    /// A new sign-in, and the lines that bind it to this browser.
    pub(super) fn new_flow(
        &self,
        visit: &Visit,
        site: &Arc<Site>,
        target: &[u8],
        need: Need,
    ) -> Result<(Arc<Flow>, Vec<HeaderValue>), getrandom::Error> {
        let nonce = Fresh::generate()?;
        let return_to = ReturnAddress::from_path(target, site.parameters());
        let destination = Destination { site: Arc::clone(site), return_to, nonce: nonce.digest, need };
        let flow = self.flows.begin(Some(destination), visit.address, self.clock.millis())?;
        let name = format!("{FLOW}{}", flow.id.short());
        let mut lines = vec![cookies::set(&name, &nonce.value, Some(COOKIE_LIFE))];
        let carried = cookies::names_with(&visit.headers, FLOW);
        let surplus = (carried.len() + 1).saturating_sub(FLOWS_PER_BROWSER);
        lines.extend(carried.into_iter().take(surplus).map(|old| cookies::unset(&format!("{FLOW}{old}"))));
        Ok((flow, lines))
    }

    /// Where the page leads that could not keep what was posted: it only begins what any address of the site begins, so
    /// nothing in it needs to be believed.
    fn begin_here(&self, visit: &Visit, site: &Arc<Site>) -> Answer {
        let (need, target) = Self::wanted(site, &visit.query);
        self.begin(visit, site, target.as_bytes(), need)
    }

    /// What the query of [`Portal::begin_address`] asks for.
    #[must_use]
    pub fn wanted(site: &Site, query: &[u8]) -> (Need, String) {
        let (mut need, mut target) = (site.second(), "/".to_owned());
        for (name, value) in form_urlencoded::parse(query) {
            match &*name {
                "level" if value == "first" => need.level = Level::First,
                "max_age" => need.max_age = value.parse().ok(),
                "to" => target = value.into_owned(),
                _ => {}
            }
        }
        (need, target)
    }

    /// The address at a site that begins a sign-in for `need` and leads back to `target`.
    pub fn begin_address(need: Need, target: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if need.level == Level::First {
            query.append_pair("level", "first");
        }
        if let Some(age) = need.max_age {
            query.append_pair("max_age", &age.to_string());
        }
        format!("/.twofold/sign-in?{}", query.append_pair("to", target).finish())
    }

    /// The browser comes back with the portal's code.
    async fn callback(&self, visit: &Visit, site: &Arc<Site>) -> Result<Answer, Refused> {
        let code =
            form_urlencoded::parse(&visit.query).find(|(name, _)| name == "code").map(|(_, value)| value);
        let handoff =
            code.and_then(|code| self.handoffs.take(code.as_bytes(), site.host(), self.clock.millis()));
        let Some(handoff) = handoff.filter(|handoff| Self::is_bound(visit, handoff)) else {
            return self.missed(visit, site).await;
        };
        let Some(portal) = handoff.portal else { return self.hand_over(visit, site, &handoff).await };
        let fresh = Fresh::generate()?;
        let before = self.sessions.before();
        let view = self.authority.open_site(portal, site, fresh.digest).await?;
        let (need, now) = (handoff.destination.need, self.clock.unix());
        let known = view.map(|view| self.sessions.learn(fresh.digest, Some(site.host()), view, before));
        match known {
            Some(Verdict::Known(known)) if site.enrolments().are_met(&known, need, now) => {}
            Some(Verdict::Undecided) => {
                return Err(Refused::because(Refusal::Undecided, "the new session cannot be spoken of"));
            }
            Some(Verdict::Known(_) | Verdict::Nobody) | None => {
                return Err(Refused::because(
                    Refusal::Expired,
                    "the portal's session is gone or has not the level",
                ));
            }
        }
        let return_to = handoff.flow.return_to().rechecked(site.parameters());
        let released = handoff.flow.release();
        let mut answer = match released {
            // Over a page of the site: browsers keep an app's `SameSite=Strict` cookies back from whatever the portal led
            // to.
            Some(_) => self.read_by(visit).arrived(return_to.as_str(), site),
            None => Answer::redirect(return_to.as_str()),
        };
        answer = answer
            .with_cookie(cookies::set(SITE, &fresh.value, None))
            .with_cookie(cookies::unset(&format!("{FLOW}{}", handoff.flow.id.short())));
        if let Some(released) = released {
            // What the app gave them at its login, and who it took them for.
            self.members.confirm(fresh.digest, &released.user, released.proof, self.clock.millis());
            answer = released
                .held
                .into_iter()
                .fold(answer, Answer::with_cookie)
                .with_cookie(cookies::unset(MARKS));
        }
        Ok(answer)
    }

    fn is_bound(visit: &Visit, handoff: &Handoff) -> bool {
        match cookies::find(&visit.headers, &format!("{FLOW}{}", handoff.flow.id.short())) {
            Found::One(nonce) => handoff.is_for(nonce),
            Found::None | Found::Several => false,
        }
    }

    /// A code that is spent, late, foreign or from another browser. Who is signed in here already (the back button,
    /// another tab) goes on; others begin again.
    pub(super) async fn missed(&self, visit: &Visit, site: &Arc<Site>) -> Result<Answer, Refused> {
        if let Found::One(value) = cookies::find(&visit.headers, SITE)
            && let Some(digest) = cookies::digest(value)
            && let Verdict::Known(_) =
                self.sessions.verdict(&self.authority, digest, Some(site.host()), self.clock.moment()).await
        {
            return Ok(Answer::redirect("/"));
        }
        Err(Refused::because(Refusal::Expired, "the handoff's code is spent, late or not this browser's"))
    }
}
