//! The wizard: scan, first code, backup codes. It runs in a flow, so tabs and sites are as with every sign-in.
//!
//! What waits for its first code is the authority's, and is shown again to the session that began it alone. The backup
//! codes are kept in the flow, for that session alone, until it says that it has put them away, or the flow ends.

use std::sync::Arc;

use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, HeaderValue};
use twofold_shared::code::Code;
use twofold_shared::wire::{
    CodeKind, ConfirmedEnrolment, EnrolmentRefusal, NoticeKind, SessionDigest, WaitingEnrolment, Word,
};
use zeroize::Zeroizing;

use super::code::{Next, digits_line};
use super::form::Fields;
use super::{Guest, Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::Raise;
use crate::authority::enrolment::{Beginning, Begun, Confirmed, FirstCode};
use crate::cookies::{self, BROWSER, BROWSER_LIFE};
use crate::flow::Flow;
use crate::flow::enrolling::Done;
use crate::pages::Action;
use crate::pages::wizard::{Choice, FirstCodeAsked, codes_file, grouped, kind_of};
use crate::refusal::Refusal;
use crate::session::Known;

/// Where a device is wanted from, and where one comes back to.
const ACCOUNT: &str = "/account";

/// The seconds that a usual code lasts.
const PERIOD: u64 = 30;

/// The longest name of a device, in characters.
const MAX_LABEL: usize = 64;

/// Who is in the wizard.
struct Person {
    session: SessionDigest,
    known: Arc<Known>,
}

/// Why the page for the first code is shown once more.
#[derive(Default)]
struct Again<'a> {
    status: StatusCode,
    error: Option<String>,
    causes: bool,
    label: &'a str,
    is_label_odd: bool,
    makes: Option<CodeKind>,
}

impl Portal {
    /// `/enrol`: a signed-in person wants a device.
    pub(super) fn begin_device(&self, visit: &Visit) -> Result<Answer, Refused> {
        let flow = self.flows.begin_device(visit.address, self.clock.millis())?;
        Ok(Answer::redirect(&format!("/enrol/{}", flow.id.as_str())))
    }

    /// `/enrol/ID` and what is below it.
    pub(super) async fn enrol(&self, visit: &Visit, flow: &Flow, step: &str) -> Result<Answer, Refused> {
        let guest = self.guest_of(visit, flow).await?;
        let Guest::Signed(session, known) = guest else {
            return Ok(self.next_step(visit, flow, &guest));
        };
        let person = Person { session, known };
        if self.sets_up_nothing(flow, &person.known) {
            let name = person.known.name();
            return Ok(self.read_by(visit).not_enrolled(flow.id.as_str(), name, Self::site_of(flow)));
        }
        let is_here_for_one = flow.wants_device() || flow.enrolling.is_anew(&session);
        if person.known.is_enrolled() && !is_here_for_one && !flow.enrolling.is_done_by(&session) {
            // Set up meanwhile, in another tab or elsewhere.
            return Ok(self.next_step(visit, flow, &Guest::Signed(person.session, person.known)));
        }
        match (step, visit.is_post()) {
            ("", false) => self.scan(visit, flow, &person, None).await,
            ("", true) => self.scan_again(visit, flow, &person).await,
            ("verify", false) => self.ask_first_code(visit, flow, &person).await,
            ("verify", true) => self.give_first_code(visit, flow, &person).await,
            ("codes", false) => self.show_codes(visit, flow, &person, None),
            ("codes.txt", true) => self.download_codes(visit, flow, &person),
            ("finish", true) => self.finish(visit, flow, &person),
            ("cancel", true) => self.cancel(visit, flow, &person).await,
            ("again", true) => self.sign_in_again(visit, flow, &person).await,
            ("codes", true) | ("codes.txt" | "finish" | "cancel" | "again", false) => {
                Err(Refused::because(Refusal::WrongMethod, "a step of the wizard that takes another method"))
            }
            _ => Err(Refused::because(Refusal::NotFound, "no such step of the wizard")),
        }
    }

    /// The device that waits in this session, or the page that says why none does.
    async fn waiting(
        &self,
        visit: &Visit,
        flow: &Flow,
        person: &Person,
        beginning: Beginning,
    ) -> Result<Result<Box<WaitingEnrolment>, Answer>, Refused> {
        let visitor = visit.visitor()?;
        let beginning = Beginning { anew: flow.enrolling.is_anew(&person.session), ..beginning };
        let begun = self.authority.begin_enrolment(&visitor, person.session, Self::site_of(flow), beginning);
        Ok(match begun.await? {
            Begun::Waiting(waiting) => {
                flow.renew(self.clock.millis());
                Ok(waiting)
            }
            Begun::Gone => Err(self.next_step(visit, flow, &Guest::Nobody)),
            Begun::Refused(refusal) => Err(self.may_not(visit, flow, person, refusal)?),
        })
    }

    fn may_not(
        &self,
        visit: &Visit,
        flow: &Flow,
        person: &Person,
        refusal: EnrolmentRefusal,
    ) -> Result<Answer, Refused> {
        let pages = self.read_by(visit);
        let wizard = pages.words().wizard;
        let (title, text, action) = match refusal {
            // The flow asks for the code that is needed, and leads back.
            EnrolmentRefusal::SecondFactor => {
                return Ok(Answer::redirect(&format!("/code/{}", flow.id.as_str())));
            }
            EnrolmentRefusal::FirstFactor => {
                let choice = Choice {
                    title: wizard.sign_in_again,
                    text: wizard.sign_in_again_text,
                    action: None,
                    address: &format!("/enrol/{}/again", flow.id.as_str()),
                    button: pages.words().sign_in,
                    name: Some(person.known.name()),
                };
                return self.choice_page(visit, flow, StatusCode::FORBIDDEN, choice);
            }
            EnrolmentRefusal::Invitation => (wizard.invitation_needed, wizard.invitation_needed_text, None),
            EnrolmentRefusal::TooManyDevices => {
                let account = Action { label: pages.words().account.account, href: ACCOUNT.to_owned() };
                (wizard.too_many, wizard.too_many_text, Some(account))
            }
        };
        Ok(pages.not_now(title, text, person.known.name(), action))
    }

    async fn scan(
        &self,
        visit: &Visit,
        flow: &Flow,
        person: &Person,
        notice: Option<&'static str>,
    ) -> Result<Answer, Refused> {
        if let Some(done) = self.where_done(flow, person) {
            return Ok(done);
        }
        match self.waiting(visit, flow, person, Beginning::USUAL).await? {
            Ok(waiting) => {
                flow.enrolling.show(&waiting.enrolment);
                self.page_with_form(visit, flow, None, |form| {
                    self.read_by(visit).scan(form, &waiting, person.known.name(), notice)
                })
            }
            Err(answer) => Ok(answer),
        }
    }

    /// Another kind of codes: another picture.
    async fn scan_again(&self, visit: &Visit, flow: &Flow, person: &Person) -> Result<Answer, Refused> {
        let fields = Fields::read(&visit.headers, &visit.body);
        let kind = kind_of(fields.get("algorithm"), fields.get("digits"));
        if let (Some(kind), true, None) =
            (kind, self.is_own(visit, flow, &fields)?, self.where_done(flow, person))
            && let Err(answer) =
                self.waiting(visit, flow, person, Beginning { kind, again: true, ..Beginning::USUAL }).await?
        {
            return Ok(answer);
        }
        Ok(Answer::redirect(&format!("/enrol/{}", flow.id.as_str())))
    }

    async fn ask_first_code(&self, visit: &Visit, flow: &Flow, person: &Person) -> Result<Answer, Refused> {
        if let Some(done) = self.where_done(flow, person) {
            return Ok(done);
        }
        let again = Again::default();
        match self.waiting(visit, flow, person, Beginning::USUAL).await? {
            // Its picture has not been seen: it was begun just now, or in another tab.
            Ok(waiting) if !flow.enrolling.has_shown(&waiting.enrolment) => {
                Ok(Answer::redirect(&format!("/enrol/{}", flow.id.as_str())))
            }
            Ok(waiting) => self.first_code_page(visit, flow, (&waiting.enrolment, waiting.digits), &again),
            Err(answer) => Ok(answer),
        }
    }

    async fn give_first_code(&self, visit: &Visit, flow: &Flow, person: &Person) -> Result<Answer, Refused> {
        // One at a time: another tab of this sign-in finds out.
        let _turn = flow.enrolling.turn().await;
        if let Some(done) = self.where_done(flow, person) {
            return Ok(done);
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        let waiting = match self.waiting(visit, flow, person, Beginning::USUAL).await? {
            Ok(waiting) => waiting,
            // Another tab of this sign-in was quicker, or it took too long.
            Err(answer) => return Ok(answer),
        };
        let label: String = fields.get("label").unwrap_or_default().trim().chars().take(MAX_LABEL).collect();
        let makes = kind_of(fields.get("algorithm"), fields.get("digits"));
        let words = self.read_by(visit).words();
        let mut again = Again { status: StatusCode::FORBIDDEN, label: &label, makes, ..Again::default() };
        let place = (&*waiting.enrolment, waiting.digits);
        if !self.is_own(visit, flow, &fields)? {
            again.error = Some(words.stale_form.to_owned());
            return self.first_code_page(visit, flow, place, &again);
        }
        if fields.get("enrolment") != Some(&waiting.enrolment) {
            return self.scan(visit, flow, person, Some(words.wizard.replaced)).await;
        }
        let Ok(code) = Code::parse(fields.get("code").unwrap_or_default()) else {
            (again.error, again.causes) = (Some(words.wizard.wrong.to_owned()), true);
            return self.first_code_page(visit, flow, place, &again);
        };
        let next = Next::generate()?;
        let raise = next.raise(person.session, flow);
        let anew = flow.enrolling.is_anew(&person.session);
        let digits = digits_line(code.digits().len(), &[]);
        let first = FirstCode { enrolment: &waiting.enrolment, code, label: &label, makes, anew };
        match self.confirm(visit, raise, first).await? {
            Confirmed::On(confirmed) => {
                let on = self.turned_on(visit, flow, person, next, *confirmed).await?;
                Ok(digits.into_iter().fold(on, Answer::with_cookie))
            }
            Confirmed::Gone => Ok(self.next_step(visit, flow, &Guest::Nobody)),
            Confirmed::Unfit(unfit) => {
                again.status = StatusCode::UNPROCESSABLE_ENTITY;
                (again.error, again.is_label_odd) = (Some(words.say.unfit(&unfit)), true);
                self.first_code_page(visit, flow, place, &again)
            }
            Confirmed::NotWaiting => Ok(self.read_by(visit).message(
                StatusCode::GONE,
                words.wizard.expired_title,
                words.wizard.expired,
                Some(Action { label: words.start_again, href: format!("/enrol/{}", flow.id.as_str()) }),
                None,
            )),
            Confirmed::Refused(said, Some(kind)) if said.word == Word::Wrong => {
                (again.error, again.makes) = (Some(words.wizard.say.ignored(kind)), Some(kind));
                self.first_code_page(visit, flow, place, &again)
            }
            Confirmed::Refused(said, _) => {
                again.causes = said.word == Word::Wrong;
                again.status = refused_status(said.word);
                let wrong = || words.wizard.wrong.to_owned();
                again.error = Some(if again.causes { wrong() } else { words.say.refused_code(said) });
                self.first_code_page(visit, flow, place, &again)
            }
        }
    }

    async fn confirm(
        &self,
        visit: &Visit,
        raise: Raise<'_>,
        first: FirstCode<'_>,
    ) -> Result<Confirmed, Refused> {
        Ok(self.authority.confirm_enrolment(&visit.visitor()?, raise, first).await?)
    }

    /// The device is on: the browser gets what it has from now on, and the codes.
    async fn turned_on(
        &self,
        visit: &Visit,
        flow: &Flow,
        person: &Person,
        next: Next,
        confirmed: ConfirmedEnrolment,
    ) -> Result<Answer, Refused> {
        // The sessions of sites under the old one end with it, and not only when the watch says so.
        self.sessions.forget_account(person.known.account());
        log::info!("account {} has set up a device at the portal", person.known.account());
        let mut lines = self.keep_session(visit, flow, (next.session.digest, &next.session.value)).await?;
        lines.push(cookies::set(BROWSER, &next.browser.value, Some(BROWSER_LIFE)));
        lines.push(cookies::unset(cookies::INVITATION));
        let codes = confirmed.backup_codes.iter().map(|code| grouped(code.reveal().to_owned())).collect();
        flow.renew(self.clock.millis());
        // What was to be read goes on with the session; a backup code that was spent is one of a set that is gone.
        let mut news = flow.news(&person.session);
        news.retain(|notice| notice.kind != NoticeKind::BackupCodeUsed);
        flow.keep_news(next.session.digest, news);
        flow.enrolling.finish(Done {
            owner: next.session.digest,
            codes,
            name: person.known.name().to_owned(),
            at: self.clock.unix(),
        });
        Ok(lines.into_iter().fold(self.to_codes(flow), Answer::with_cookie))
    }

    fn to_codes(&self, flow: &Flow) -> Answer {
        Answer::redirect(&format!("/enrol/{}/codes", flow.id.as_str()))
    }

    /// Where a person is who has set up the device of this flow.
    fn where_done(&self, flow: &Flow, person: &Person) -> Option<Answer> {
        flow.enrolling.is_done_by(&person.session).then(|| self.to_codes(flow))
    }

    fn show_codes(
        &self,
        visit: &Visit,
        flow: &Flow,
        person: &Person,
        error: Option<String>,
    ) -> Result<Answer, Refused> {
        let Some((_, _, codes)) = flow.enrolling.codes_of(&person.session) else {
            return Ok(self.next_step(
                visit,
                flow,
                &Guest::Signed(person.session, Arc::clone(&person.known)),
            ));
        };
        let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        self.page_with_form(visit, flow, error, |form| self.read_by(visit).backup_codes(status, form, &codes))
    }

    fn download_codes(&self, visit: &Visit, flow: &Flow, person: &Person) -> Result<Answer, Refused> {
        let fields = Fields::read(&visit.headers, &visit.body);
        let codes = flow.enrolling.codes_of(&person.session);
        let Some((name, at, codes)) = codes.filter(|(_, _, codes)| !codes.is_empty()) else {
            return Err(Refused::because(
                Refusal::NotFound,
                "there are no codes of this session to download",
            ));
        };
        if !self.is_own(visit, flow, &fields)? {
            return self.show_codes(
                visit,
                flow,
                person,
                Some(self.read_by(visit).words().stale_form.to_owned()),
            );
        }
        self.codes_as_file(visit, &name, at, &codes)
    }

    /// Backup codes as a file to keep.
    pub(super) fn codes_as_file(
        &self,
        visit: &Visit,
        name: &str,
        at: u64,
        codes: &[Zeroizing<String>],
    ) -> Result<Answer, Refused> {
        let wizard = self.read_by(visit).words().wizard;
        let text = codes_file(wizard, self.pages.product(), name, at, codes);
        let name = HeaderValue::from_str(&format!("attachment; filename=\"{}.txt\"", wizard.file));
        let name = name.map_err(|_| Refused::because(Refusal::Internal, "an odd file name of ours"))?;
        Ok(Answer::text(&text).with(CONTENT_DISPOSITION, name))
    }

    fn finish(&self, visit: &Visit, flow: &Flow, person: &Person) -> Result<Answer, Refused> {
        let fields = Fields::read(&visit.headers, &visit.body);
        if let Some((_, _, codes)) = flow.enrolling.codes_of(&person.session) {
            let words = self.read_by(visit).words();
            if !self.is_own(visit, flow, &fields)? {
                return self.show_codes(visit, flow, person, Some(words.stale_form.to_owned()));
            }
            if !codes.is_empty() && fields.get("kept") != Some("yes") {
                return self.show_codes(visit, flow, person, Some(words.wizard.keep_first.to_owned()));
            }
            flow.enrolling.forget();
        }
        Ok(Answer::redirect(&onwards(flow, &person.session)))
    }

    async fn cancel(&self, visit: &Visit, flow: &Flow, person: &Person) -> Result<Answer, Refused> {
        let fields = Fields::read(&visit.headers, &visit.body);
        if !self.is_own(visit, flow, &fields)? || flow.enrolling.is_done_by(&person.session) {
            return Ok(Answer::redirect(&format!("/enrol/{}", flow.id.as_str())));
        }
        self.authority.cancel_enrolment(person.session).await?;
        let words = self.read_by(visit).words();
        let enrolled = person.known.is_enrolled();
        let (label, href) = match enrolled {
            true => (words.go_on, onwards(flow, &person.session)),
            false => (words.start_again, format!("/enrol/{}", flow.id.as_str())),
        };
        let (title, text) = (words.wizard.cancelled, words.wizard.cancelled_text);
        let action = Some(Action { label, href });
        Ok(self.read_by(visit).message(StatusCode::OK, title, text, action, None))
    }

    /// Ends a session whose first factor is too old, and asks for it once more.
    async fn sign_in_again(&self, visit: &Visit, flow: &Flow, person: &Person) -> Result<Answer, Refused> {
        let fields = Fields::read(&visit.headers, &visit.body);
        if !self.is_own(visit, flow, &fields)? || person.known.is_enrolled() {
            return Ok(Answer::redirect(&format!("/enrol/{}", flow.id.as_str())));
        }
        self.authority.end(person.session).await?;
        self.sessions.forget_account(person.known.account());
        flow.renew(self.clock.millis());
        Ok(self.next_step(visit, flow, &Guest::Nobody).with_cookie(cookies::unset(cookies::PORTAL)))
    }

    fn first_code_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        (enrolment, digits): (&str, u8),
        again: &Again<'_>,
    ) -> Result<Answer, Refused> {
        let status = if again.error.is_some() { again.status } else { StatusCode::OK };
        let left = PERIOD - self.clock.unix() % PERIOD;
        let Again { label, is_label_odd, causes, makes, .. } = *again;
        let asked = FirstCodeAsked { enrolment, digits, label, is_label_odd, causes, makes, left };
        self.page_with_form(visit, flow, again.error.clone(), |form| {
            self.read_by(visit).first_code(status, form, &asked)
        })
    }

    /// A page of a flow with one button, bound to this browser.
    pub(super) fn choice_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        status: StatusCode,
        choice: Choice<'_>,
    ) -> Result<Answer, Refused> {
        self.page_with_form(visit, flow, None, |form| {
            self.read_by(visit).choice(status, choice, form.token, form.site)
        })
    }
}

/// Where the person of a session goes who has a device: what there is to be read comes first.
fn onwards(flow: &Flow, session: &SessionDigest) -> String {
    match flow.news(session).as_slice() {
        _ if flow.wants_device() => ACCOUNT.to_owned(),
        [] => format!("/continue/{}", flow.id.as_str()),
        [_, ..] => format!("/notices/{}", flow.id.as_str()),
    }
}
