//! Other people's accounts, for those whom root put in charge of them.
//!
//! The gate decides nothing here: it shows what the authority tells an operator, and each call is judged there, by the
//! session, its account's charge and its own fresh code. To everybody else these pages do not exist.

mod export;

use std::sync::Arc;

use twofold_shared::wire::{
    AccountRows, AccountView, GetAccount, InviteAccount, LockAccount, ReopenAccount, Request, Requirement,
    ResetAccount, RevokeSessions, SearchAccounts, SessionDigest, SetRequirement, UnlockAccount,
};

use self::export::Format;
use super::account::Detour;
use super::form::Fields;
use super::{Guest, Portal, Refused, Visit};
use crate::answer::Answer;
use crate::authority::Asked;
use crate::flow::FRESH_SECONDS;
use crate::pages::people::{Act, Filter};
use crate::path::Parameters;
use crate::refusal::Refusal;
use crate::return_address::ReturnAddress;
use crate::rules::Need;
use crate::session::Known;

/// Accounts on a page: as many as the authority gives at once.
const PAGE: u32 = 50;

/// Pages without anybody that are passed by for one that is shown: whoever was found there is by now in another state.
const EMPTY_PAGES: usize = 20;

/// For how long somebody can be locked, in seconds, besides for good.
const LOCKS: [&str; 4] = ["3600", "86400", "604800", "2592000"];

/// An operator at the portal.
struct Operator {
    session: SessionDigest,
    known: Arc<Known>,
    token: String,
}

/// What is at an address below `/people`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page<'a> {
    Everybody,
    Export(Format),
    Person(&'a str),
    Act(&'a str, Act),
}

impl<'a> Page<'a> {
    fn at(below: Option<&'a str>) -> Option<Self> {
        let Some(below) = below else { return Some(Self::Everybody) };
        match below {
            "people.csv" => return Some(Self::Export(Format::Csv)),
            "people.json" => return Some(Self::Export(Format::Json)),
            _ => {}
        }
        let (id, act) = match below.split_once('/') {
            Some((id, act)) => (id, Some(act)),
            None => (below, None),
        };
        let is_id = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match act {
            _ if !is_id => None,
            None => Some(Self::Person(id)),
            Some(word) => {
                let (_, act) = Act::ALL.into_iter().find(|(known, _)| *known == word)?;
                Some(Self::Act(id, act))
            }
        }
    }
}

type Turn<T> = Result<T, Detour>;

impl Portal {
    /// Answers `/people` and what is below it.
    pub(super) async fn people(&self, visit: &Visit, below: Option<&str>) -> Result<Answer, Refused> {
        match self.people_page(visit, below).await {
            Ok(answer) | Err(Detour::To(answer)) => Ok(answer),
            Err(Detour::Refused(refused)) => Err(refused),
        }
    }

    async fn people_page(&self, visit: &Visit, below: Option<&str>) -> Turn<Answer> {
        let operator = self.operator(visit).await?;
        let page = Page::at(below).ok_or_else(|| nothing_here("no such page about people"))?;
        if visit.is_post() {
            let Page::Act(id, act) = page else {
                return Err(Refused::because(Refusal::WrongMethod, "a page that takes no form").into());
            };
            return self.act(visit, &operator, id, act).await;
        }
        match page {
            Page::Everybody => self.everybody(visit, &operator).await,
            Page::Export(format) => {
                if let Some(elsewhere) = self.stale(visit, &operator, "/people")? {
                    return Ok(elsewhere);
                }
                Ok(self.export(visit, operator.session, Filter::parse(&visit.query), format)?)
            }
            Page::Person(id) => {
                let account = self.person(visit, &operator, id).await?;
                Ok(self.read_by(visit).person(&account, self.clock.unix()))
            }
            Page::Act(id, act) => {
                if let Some(elsewhere) = self.stale(visit, &operator, &visit.path)? {
                    return Ok(elsewhere);
                }
                let account = self.person(visit, &operator, id).await?;
                if !act.fits(&account) {
                    return Err(Detour::To(back_to(id)));
                }
                Ok(self.act_page(visit, &operator, act, &account, None))
            }
        }
    }

    /// Who is here. Nobody and who has not come far enough goes on to where they get further, and comes back; for whoever
    /// is in charge of nobody there is nothing here.
    async fn operator(&self, visit: &Visit) -> Turn<Operator> {
        match self.guest(visit).await? {
            Guest::Signed(_, known) if !known.operates() => {
                Err(nothing_here("pages about people, for somebody in charge of nobody").into())
            }
            Guest::Signed(session, known) if known.meets(Need::SECOND, self.clock.unix()) => {
                let token = self.key.form_token("people", session.as_bytes())?;
                Ok(Operator { session, known, token })
            }
            Guest::Signed(..) | Guest::Nobody => {
                let back = if visit.is_post() { "/people" } else { visit.path.as_str() };
                Err(Detour::To(self.begin_back(visit, back, false)?))
            }
        }
    }

    /// The way to a fresh code, where the last one is too old for what is to be done.
    fn stale(&self, visit: &Visit, operator: &Operator, back: &str) -> Result<Option<Answer>, Refused> {
        let need = Need { max_age: Some(FRESH_SECONDS), ..Need::SECOND };
        if operator.known.meets(need, self.clock.unix()) {
            return Ok(None);
        }
        self.begin_back(visit, back, true).map(Some)
    }

    /// A flow that leads back to one of these pages; one that asks for a fresh code where the last one is too old.
    fn begin_back(&self, visit: &Visit, back: &str, afresh: bool) -> Result<Answer, Refused> {
        let flow = self.flows.begin(None, visit.address, self.clock.millis())?;
        flow.lead_to(ReturnAddress::from_path(back.as_bytes(), Parameters::Refused));
        let step = if afresh { "code" } else { "sign-in" };
        if afresh {
            flow.ask_afresh();
        }
        Ok(Answer::redirect(&format!("/{step}/{}", flow.id.as_str())))
    }

    /// Asks the authority as this operator. Who is not in their charge is not there.
    async fn ask_in_charge<R: Request>(
        &self,
        visit: &Visit,
        session: SessionDigest,
        request: &R,
    ) -> Turn<Asked<R::Reply>> {
        match self.authority.as_operator(&visit.visitor()?, session, request).await? {
            Asked::Missing => Err(nothing_here("an account that is not in their charge").into()),
            Asked::Gone => {
                self.sessions.forget(&session);
                Err(Detour::To(Answer::redirect("/people")))
            }
            asked => Ok(asked),
        }
    }

    async fn everybody(&self, visit: &Visit, operator: &Operator) -> Turn<Answer> {
        let filter = Filter::parse(&visit.query);
        let mut request = search(&filter);
        let mut found = self.page_of(visit, operator, &request).await?;
        for _ in 0..EMPTY_PAGES {
            if !found.accounts.is_empty() || found.next.is_none() {
                break;
            }
            request.after = found.next;
            found = self.page_of(visit, operator, &request).await?;
        }
        Ok(self.read_by(visit).people(&filter, &found, self.clock.unix()))
    }

    async fn page_of(
        &self,
        visit: &Visit,
        operator: &Operator,
        request: &SearchAccounts,
    ) -> Turn<AccountRows> {
        match self.ask_in_charge(visit, operator.session, request).await? {
            Asked::Done(found) => Ok(found),
            // A place in a list, or a beginning, that somebody made up.
            Asked::Unfit(_) => Err(Detour::To(Answer::redirect("/people"))),
            _ => Err(Refused::because(Refusal::Undecided, "people were not told").into()),
        }
    }

    async fn person(&self, visit: &Visit, operator: &Operator, id: &str) -> Turn<AccountView> {
        let request = GetAccount { account: Some(format!("id:{id}")) };
        match self.ask_in_charge(visit, operator.session, &request).await? {
            Asked::Done(account) => Ok(account),
            _ => Err(Refused::because(Refusal::Undecided, "somebody was not told about").into()),
        }
    }

    fn act_page(
        &self,
        visit: &Visit,
        operator: &Operator,
        act: Act,
        account: &AccountView,
        refused: Option<(&'static str, &str)>,
    ) -> Answer {
        self.read_by(visit).act(act, account, &operator.token, refused)
    }

    /// Does what a page asked about.
    async fn act(&self, visit: &Visit, operator: &Operator, id: &str, act: Act) -> Turn<Answer> {
        let fields = self.own_form(visit)?;
        if !self.key.fits(fields.get("token"), "people", operator.session.as_bytes()) {
            // From an older session of this browser, or from nowhere: nothing is done, and the page is shown anew.
            log::info!("a form about somebody with another session's token was not used");
            return Err(Detour::To(Answer::redirect(&visit.path)));
        }
        self.do_to(visit, operator, id, act, &fields).await
    }

    async fn do_to(
        &self,
        visit: &Visit,
        operator: &Operator,
        id: &str,
        act: Act,
        fields: &Fields,
    ) -> Turn<Answer> {
        let whose = format!("id:{id}");
        let own = Some(whose.clone());
        let session = operator.session;
        let asked = match act {
            Act::Invite => {
                // Before the invitation is made, so that it is not lost for want of a name to show.
                let account = self.person(visit, operator, id).await?;
                let request = InviteAccount { account: whose };
                match self.ask_in_charge(visit, session, &request).await? {
                    Asked::Done(invitation) => {
                        return Ok(self.read_by(visit).invited(&account, &invitation));
                    }
                    other => other.unit(),
                }
            }
            Act::Reset => self.ask_in_charge(visit, session, &ResetAccount { account: whose }).await?.unit(),
            Act::Lock => {
                let why = fields.get("why").unwrap_or_default().trim();
                let seconds = fields.get("how-long").filter(|seconds| LOCKS.contains(seconds));
                let seconds = seconds.and_then(|seconds| seconds.parse::<u64>().ok());
                let until = seconds.map(|seconds| self.clock.unix().saturating_add(seconds));
                let reason = Some(why.to_owned()).filter(|why| !why.is_empty());
                let request = LockAccount { account: whose, reason, until };
                match self.ask_in_charge(visit, session, &request).await? {
                    Asked::Unfit(_) => {
                        let account = self.person(visit, operator, id).await?;
                        let odd = self.read_by(visit).words().people.odd_reason;
                        return Ok(self.act_page(visit, operator, act, &account, Some((odd, why))));
                    }
                    other => other.unit(),
                }
            }
            Act::Unlock => {
                self.ask_in_charge(visit, session, &UnlockAccount { account: whose }).await?.unit()
            }
            Act::Reopen => {
                let request = ReopenAccount { account: own, code: None };
                self.ask_in_charge(visit, session, &request).await?.unit()
            }
            Act::Require => {
                let request = SetRequirement { account: whose, requirement: Some(Requirement::Required) };
                self.ask_in_charge(visit, session, &request).await?.unit()
            }
            Act::EndSessions => {
                let request = RevokeSessions { account: own, id: None, code: None };
                self.ask_in_charge(visit, session, &request).await?.unit()
            }
        };
        match asked {
            Asked::Done(()) => {
                self.sessions.forget_account(id);
                Ok(back_to(id))
            }
            Asked::NeedsCode => Err(Detour::To(self.begin_back(visit, &visit.path, true)?)),
            Asked::Unfit(_) => {
                let account = self.person(visit, operator, id).await?;
                let no = self.read_by(visit).words().people.not_possible;
                Ok(self.act_page(visit, operator, act, &account, Some((no, ""))))
            }
            Asked::Refused(_) | Asked::Gone | Asked::Missing => {
                Err(Refused::because(Refusal::Undecided, "nothing was done to somebody").into())
            }
        }
    }
}

fn back_to(id: &str) -> Answer {
    Answer::redirect(&format!("/people/{id}"))
}

fn nothing_here(why: &str) -> Refused {
    Refused::because(Refusal::NotFound, why)
}

/// A filter as the authority takes it.
fn search(filter: &Filter) -> SearchAccounts {
    SearchAccounts {
        prefix: Some(filter.prefix.clone()).filter(|prefix| !prefix.is_empty()),
        state: filter.state,
        order: filter.order,
        after: filter.after.clone(),
        limit: PAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_pages_of_somebody_or_nothing() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(Page::at(None), Some(Page::Everybody));
        assert_eq!(Page::at(Some("people.csv")), Some(Page::Export(Format::Csv)));
        assert_eq!(Page::at(Some(id)), Some(Page::Person(id)));
        let lock = format!("{id}/lock");
        assert_eq!(Page::at(Some(&lock)), Some(Page::Act(id, Act::Lock)));
        let upper = id.to_uppercase();
        for odd in [
            "",
            "x",
            "people.xml",
            &id[1..],
            &upper,
            &format!("{id}/"),
            &format!("{id}/x"),
            &format!("{lock}/x"),
        ] {
            assert_eq!(Page::at(Some(odd)), None, "{odd}");
        }
    }
}
