//! Sites where a name and a code come first and the app's own login after: that the app then means the same person.
//!
//! Only where the configuration says how the app can be asked. Until it knows anybody, everything of it may be used: that is
//! what the code was for. Once it knows somebody, that must be whose code it was.

use std::sync::Arc;

use http::Method;
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::app_login::{AppStep, as_sent, merge};
use super::{Context, Gate};
use crate::answer::Answer;
use crate::app_login::members::hash;
use crate::app_login::{AppCookie, Who};
use crate::cookies::{self, SITE};
use crate::first_factor::{AppIdentity, is_named};
use crate::refusal::Refusal;
use crate::rules::Pass;
use crate::session::Known;
use crate::site::Site;

/// The app's session cookies that somebody with a code presents, and whether the app has said that they are theirs.
#[derive(Debug)]
pub(super) struct Guest {
    presented: Vec<AppCookie>,
    is_somebody: bool,
}

impl Gate {
    /// Before a request goes on: whom the app knows by it, if anybody, must be whose code it was. None: so it is.
    pub(super) async fn confirm_guest(
        &self,
        session: &Session,
        context: &mut Context,
        (site, app): (&Arc<Site>, &AppIdentity),
        known: &Arc<Known>,
    ) -> Result<Option<Answer>> {
        let Some((digest, _)) = context.session else { return Ok(None) };
        let Some(presented) = app.cookies.presented(&session.req_header().headers) else {
            return Ok(Some(self.unclear(session, "two cookies that are one to the app")));
        };
        let cookies = hash(&presented, &self.key);
        let mut is_somebody = false;
        if !presented.is_empty() {
            is_somebody = self.members.is_confirmed(&digest, &cookies, self.clock.millis());
            if !is_somebody {
                let sent = as_sent(session, site, context)?;
                match self.probe.who_if_anybody(site.peer(), &app.identity, &sent, &presented).await {
                    Ok(Who::Somebody(name)) if is_theirs(site, known, &name) => {
                        self.members.confirm(digest, &name, cookies, self.clock.millis());
                        is_somebody = true;
                    }
                    Ok(Who::Nobody) => {}
                    Ok(Who::Somebody(_)) => {
                        self.end_level(digest, known, "the app knows them as somebody else").await;
                        let answer = self.ask_to_sign_in(session, context, site, site.second());
                        return Ok(Some(answer.with_cookie(cookies::unset(SITE))));
                    }
                    Err(why) => {
                        let refusal = Refusal::UpstreamDown { host: site.host() };
                        return Ok(Some(self.refuse(session, refusal, &why.to_string())));
                    }
                }
            }
        }
        context.app = AppStep::Guest(Guest { presented, is_somebody });
        Ok(None)
    }

    /// An answer that may have let somebody in at the app is passed on only if that is whose code it was.
    pub(super) async fn answer_to_guest(
        &self,
        session: &Session,
        response: &mut ResponseHeader,
        context: &mut Context,
        (site, app): (&Arc<Site>, &AppIdentity),
        guest: Guest,
    ) -> Result<()> {
        let merged = merge(&guest.presented, &app.cookies.set_by(&response.headers));
        let reads = matches!(session.req_header().method, Method::GET | Method::HEAD | Method::OPTIONS);
        let is_as_it_was = merged == guest.presented && (guest.is_somebody || reads);
        let known = context.pass.as_ref().and_then(Pass::known).cloned();
        let (Some(known), Some((digest, _)), false) =
            (known, context.session, is_as_it_was || merged.is_empty())
        else {
            return Ok(());
        };
        let sent = as_sent(session, site, context)?;
        match self.probe.who_if_anybody(site.peer(), &app.identity, &sent, &merged).await {
            Ok(Who::Nobody) => Ok(()),
            Ok(Who::Somebody(name)) if is_theirs(site, &known, &name) => {
                self.members.confirm(digest, &name, hash(&merged, &self.key), self.clock.millis());
                Ok(())
            }
            Ok(Who::Somebody(_)) => self.take_back(session, response, context, (digest, &known), "/").await,
            Err(why) => self.undecided(context, site, &why.to_string()),
        }
    }
}

/// Names are compared in the ledger's form: it was typed at the portal, and the app may write it in another way.
fn is_theirs(site: &Site, known: &Known, name: &str) -> bool {
    is_named(site.first_factor().realm().unwrap_or_default(), known.name(), name)
}
