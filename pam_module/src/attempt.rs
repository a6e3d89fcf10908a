//! One try to get in: who, at which door, from where; and the questions the authority is asked about it.

use twofold_shared::client::{CallError, Client};
use twofold_shared::code::Code;
use twofold_shared::permit::{Denial, Permit, judge};
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    ActivateEnrolmentAtLogin, Ask, BeginEnrolmentAtLogin, BegunEnrolmentAtLogin, ConfirmEnrolmentAtLogin,
    Consult, Fault, FaultKind, Language, Login, Nonce, Notice, Refused, Request, Verify, VerifyReply, Word,
};

use crate::host::{Answer, Host};
use crate::messages::{Words, words};
use crate::options::{First, Options};
use crate::outcome::{Refusal, Why};
use crate::source::Surroundings;

/// A longer name belongs to nobody in any realm.
const LONGEST_NAME: usize = 256;

/// What makes of a name one that nobody has.
const NOBODY: &str = "~not-a-code";

const WRONG: Refused = Refused { word: Word::Wrong, wait_seconds: None };

/// A login under way.
pub struct Attempt {
    /// The words of the stack's line.
    pub options: Options,
    /// `PAM_USER` as it is, for the later phases.
    pub user: Vec<u8>,
    /// What the authority is told.
    pub login: Login,
    client: Client,
    /// What the authority has said of the person's language.
    language: Language,
}

impl Attempt {
    /// Gathers what the host knows.
    ///
    /// # Errors
    /// [`Why::NoUser`].
    pub fn begin(host: &impl Host, options: Options) -> Result<Self, Refusal> {
        let user = host.user().map_err(|_| Refusal { why: Why::NoUser, request: None })?;
        let login = look(host, &user, options.first);
        let client = Client::new(&options.socket, options.timeout);
        Ok(Self { options, user, login, client, language: Language::default() })
    }

    /// The words that the person reads: what the line says, or else the authority.
    pub fn words(&self) -> &'static Words {
        words(self.options.language.unwrap_or(self.language))
    }

    /// Asks what this login must do.
    ///
    /// # Errors
    /// [`Why::Unavailable`].
    pub fn consult(&mut self) -> Result<(Ask, Nonce), Refusal> {
        let nonce = new_request()?;
        let question = Consult { nonce: nonce.clone(), login: self.login.clone() };
        let reply = self.call(&question, &nonce)?;
        if reply.nonce != nonce {
            return Err(undecided(nonce));
        }
        self.language = reply.language;
        Ok((reply.ask, nonce))
    }

    /// Has a code verified.
    ///
    /// # Errors
    /// Every [`Refusal`] that the authority or a fault can bring.
    pub fn verify(&self, code: Code) -> Result<(Permit, Vec<Notice>), Refusal> {
        let nonce = new_request()?;
        let question = Verify { nonce: nonce.clone(), login: self.login.clone(), code: code.into_secret() };
        let mut reply = self.call(&question, &nonce)?;
        let notices = std::mem::take(&mut reply.notices);
        Ok((judged(nonce, reply)?, notices))
    }

    /// Begins the enrolment of who has no second factor yet; with an invitation's code where that is needed.
    ///
    /// # Errors
    /// [`Why::Invitation`] or [`Why::Unavailable`].
    pub fn begin_enrolment(&self, invitation: Option<SecretText>) -> Result<BegunEnrolmentAtLogin, Refusal> {
        let nonce = new_request()?;
        let (login, invited) = (self.login.clone(), invitation.is_some());
        let question = BeginEnrolmentAtLogin { nonce: nonce.clone(), login, invitation };
        match self.client.call(&question) {
            Ok(reply) if reply.nonce == nonce => Ok(reply),
            Ok(_) => Err(undecided(nonce)),
            Err(CallError::Fault(Fault { kind: FaultKind::NotPermitted, .. })) if invited => {
                Err(Refusal { why: Why::Invitation, request: Some(nonce) })
            }
            Err(error) => Err(refusal(error, nonce)),
        }
    }

    /// Gives the first code of the new device, and gets backup codes for it.
    ///
    /// # Errors
    /// As [`Attempt::verify`].
    pub fn confirm_enrolment(
        &self,
        enrolment: &str,
        code: Code,
    ) -> Result<(Permit, Vec<SecretText>), Refusal> {
        let nonce = new_request()?;
        let (login, enrolment, code) = (self.login.clone(), enrolment.to_owned(), code.into_secret());
        let question = ConfirmEnrolmentAtLogin { nonce: nonce.clone(), login, enrolment, code };
        let (reply, backup_codes) = self.call(&question, &nonce)?.parts();
        Ok((judged(nonce, reply)?, backup_codes))
    }

    /// Switches the new device on, in the account phase.
    ///
    /// # Errors
    /// [`Why::NotSwitchedOn`] or [`Why::Unavailable`].
    pub fn activate_enrolment(&self, enrolment: &str) -> Result<Nonce, Refusal> {
        let nonce = new_request()?;
        let (login, enrolment) = (self.login.clone(), enrolment.to_owned());
        let question = ActivateEnrolmentAtLogin { nonce: nonce.clone(), login, enrolment };
        match self.client.call(&question) {
            Ok(reply) if reply.nonce == nonce => Ok(nonce),
            Ok(_) => Err(undecided(nonce)),
            Err(CallError::Fault(Fault { kind: FaultKind::NoSuchEnrolment, .. })) => {
                Err(Refusal { why: Why::NotSwitchedOn, request: Some(nonce) })
            }
            Err(error) => Err(refusal(error, nonce)),
        }
    }

    /// Lets the authority work as hard as for a wrong code, at nobody's expense.
    ///
    /// sshd types rubbish for a user it does not know, so without this the time would tell who exists. The name is one
    /// that nobody has but that is this login's own: the authority slows it down as it does every unknown name, and no
    /// stranger's rubbish makes another's wait.
    pub fn verify_nothing(&self, answer: &Answer) -> Refusal {
        let Ok(nonce) = new_request() else {
            return Refusal { why: Why::NotACode(WRONG), request: None };
        };
        let name = format!("{}{NOBODY}", self.login.name);
        let code = SecretText::new("0".repeat(answer.length.clamp(6, 8)));
        let question = Verify { nonce: nonce.clone(), login: Login { name, ..self.login.clone() }, code };
        let refused = match self.client.call(&question) {
            // What a wrong code of an unknown name would hear; an approval here decides nothing.
            Ok(reply) => reply.refusal.unwrap_or(WRONG),
            // A caller that may ask for its own name only, such as a screen locker.
            Err(CallError::Fault(Fault { kind: FaultKind::NotPermitted, .. })) => WRONG,
            Err(error) => return refusal(error, nonce),
        };
        Refusal { why: Why::NotACode(refused), request: Some(nonce) }
    }

    fn call<R: Request>(&self, question: &R, nonce: &Nonce) -> Result<R::Reply, Refusal> {
        self.client.call(question).map_err(|error| refusal(error, nonce.clone()))
    }
}

/// A verdict as a permit or a refusal.
fn judged(nonce: Nonce, reply: VerifyReply) -> Result<Permit, Refusal> {
    match judge(&nonce, reply) {
        Ok(permit) => Ok(permit),
        Err(Denial::Refused(refused)) => Err(Refusal { why: Why::Said(refused), request: Some(nonce) }),
        Err(Denial::Undecided) => Err(undecided(nonce)),
    }
}

/// A login as the host tells of it.
fn look(host: &impl Host, user: &[u8], first: First) -> Login {
    let Surroundings { first, source } = Surroundings::look(host, first);
    Login { name: text(user), service: text(&host.service().unwrap_or_default()), first, source }
}

/// Who is refused before there is an attempt, for the log; none where the host names nobody.
pub fn refused_login(host: &impl Host) -> Option<Login> {
    host.user().ok().map(|user| look(host, &user, First::Unsaid))
}

/// A call that brought no answer, as a refusal.
fn refusal(error: CallError, nonce: Nonce) -> Refusal {
    let why = match error {
        CallError::Fault(Fault { refusal: Some(refused), .. }) => Why::Said(refused),
        CallError::Fault(Fault { kind: FaultKind::Busy, .. }) => {
            Why::Said(Refused { word: Word::Busy, wait_seconds: None })
        }
        error => Why::Unavailable(error.to_string()),
    };
    Refusal { why, request: Some(nonce) }
}

fn new_request() -> Result<Nonce, Refusal> {
    Nonce::generate()
        .map_err(|error| Refusal { why: Why::Unavailable(format!("no randomness: {error}")), request: None })
}

fn undecided(nonce: Nonce) -> Refusal {
    Refusal {
        why: Why::Unavailable("the authority's answer decides nothing".to_owned()),
        request: Some(nonce),
    }
}

/// Bytes of the host's as text. What is not UTF-8, or too long, stays a name of nobody's.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..LONGEST_NAME).unwrap_or(bytes)).into_owned()
}
