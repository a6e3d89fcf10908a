//! Signing out: ends the portal's session and every site's session under it, at the authority.

use http::HeaderValue;
use http::header::HeaderName;

use super::{Guest, Portal, Refused, Visit};
use crate::answer::Answer;
use crate::cookies::{self, Found, PORTAL, SITE};
use crate::pages::Action;
use crate::request::{Cause, cause};
use crate::session::Verdict;
use crate::site::Site;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

impl Portal {
    /// Asks first; signs out when the form comes back.
    pub(super) async fn sign_out(&self, visit: &Visit) -> Result<Answer, Refused> {
        let Guest::Signed(session, known) = self.guest(visit).await? else {
            return Ok(Answer::redirect("/signed-out"));
        };
        let token = self.key.form_token("sign-out", session.as_bytes())?;
        if visit.is_post() {
            let fields = self.own_form(visit)?;
            if self.key.fits(fields.get("token"), "sign-out", session.as_bytes()) {
                self.authority.end(session).await?;
                self.sessions.forget_account(known.account());
                return Ok(Answer::redirect("/signed-out").with_cookie(cookies::unset(PORTAL)));
            }
        }
        Ok(self.read_by(visit).sign_out(known.name(), &token))
    }

    /// It is done; what the browser kept of the portal is cleared.
    pub(super) fn signed_out(&self, visit: &Visit) -> Answer {
        let words = self.read_by(visit).words();
        let action = Action { label: words.sign_in, href: "/".to_owned() };
        let page = self.read_by(visit).message(
            http::StatusCode::OK,
            words.signed_out,
            words.signed_out_text,
            Some(action),
            None,
        );
        page.with(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""))
    }

    /// `/.twofold/sign-out` at a site. A link from elsewhere, or from a browser that does not say from where, leads to
    /// the portal's question.
    pub(super) async fn sign_out_at_site(&self, visit: &Visit, site: &Site) -> Result<Answer, Refused> {
        if cause(&visit.headers, &site.origin().to_string()) != Cause::Own {
            return Ok(Answer::redirect(&self.portal_url("/sign-out")));
        }
        let Found::One(value) = cookies::find(&visit.headers, SITE) else {
            return Ok(Answer::redirect(&self.portal_url("/sign-out")));
        };
        if let Some(session) = cookies::digest(value) {
            if let Verdict::Known(known) =
                self.sessions.ask(&self.authority, session, Some(site.host())).await
            {
                self.authority.end(session).await?;
                self.sessions.forget_account(known.account());
            } else {
                // Unknown here or not to be decided: the authority is told all the same.
                self.authority.end(session).await?;
            }
            self.sessions.forget(&session);
        }
        Ok(Answer::redirect(&self.portal_url("/signed-out"))
            .with_cookie(cookies::unset(SITE))
            .with(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\"")))
    }
}
