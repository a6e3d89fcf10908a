//! What every command works with: the authority, the screen, and somebody to ask.

use std::time::Duration;

use nix::unistd::{User, getuid};
use twofold_shared::client::{CallError, Client};
use twofold_shared::code::Code;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{AccountView, AsOperator, FaultKind, GetAccount, Opaque, Request, Word};

use crate::args::Arguments;
use crate::ask::{Asker, Origin, say};
use crate::failure::Failure;
use crate::output::{Screen, short_name, visible};
use crate::time::Calendar;
use crate::words;

/// How long a call may take. The authority gives up on a verification after five seconds.
const DEADLINE: Duration = Duration::from_secs(10);

/// How often a person at a terminal may mistype one code before the command ends.
const TRIES: u32 = 3;

/// The flag that gives a code without a terminal.
const CODE_FLAG: &str = "--code-fd";

/// The authority, the screen, and somebody to ask.
#[derive(Debug)]
pub struct Desk {
    /// The authority.
    pub authority: Client,
    /// Standard output.
    pub screen: Screen,
    /// Secrets.
    pub asker: Asker,
    /// Now.
    pub calendar: Calendar,
}

impl Desk {
    /// Sets everything out; nothing is connected yet.
    ///
    /// # Errors
    /// When the socket cannot be one.
    pub fn open(arguments: &Arguments) -> Result<Self, Failure> {
        if arguments.socket.as_os_str().is_empty() {
            return Err(Failure::Usage("--socket needs a path".to_owned()));
        }
        Ok(Self {
            authority: Client::new(&arguments.socket, DEADLINE),
            screen: Screen::new(arguments.json),
            asker: Asker::default(),
            calendar: Calendar::today(),
        })
    }

    /// Asks the authority once.
    ///
    /// # Errors
    /// Whatever it answers but a reply.
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Reply, Failure> {
        self.authority.call(request).map_err(Failure::from)
    }

    /// One account; the caller's own when `account` is absent.
    ///
    /// # Errors
    /// Whatever the authority answers but the account.
    pub fn account(&self, account: Option<&str>) -> Result<AccountView, Failure> {
        self.read_in_charge(&GetAccount { account: account.map(str::to_owned) })
    }

    /// Asks for something that root is told, and operators about the accounts in their charge.
    ///
    /// # Errors
    /// Whatever the authority answers but a reply.
    pub fn read_in_charge<R: Request>(&self, request: &R) -> Result<R::Reply, Failure> {
        match self.authority.call(request) {
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotPermitted => {}
            answered => return answered.map_err(Failure::from),
        }
        let parameters = Opaque::of(request).map_err(garbled)?;
        let call = AsOperator { code: None, method: R::METHOD.to_owned(), parameters };
        self.call(&call)?.reply.read().map_err(garbled)
    }

    /// Does something that root may do, and operators with a code of their own to the accounts in their charge.
    ///
    /// # Errors
    /// As [`Desk::change`].
    pub fn oversee<R: Request>(&mut self, from: Origin, request: &R) -> Result<R::Reply, Failure> {
        match self.authority.call(request) {
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotPermitted => {}
            answered => return answered.map_err(Failure::from),
        }
        self.as_operator(from, request)
    }

    /// The second half of [`Desk::oversee`]: for who is not root.
    ///
    /// # Errors
    /// As [`Desk::change`].
    pub fn as_operator<R: Request>(&mut self, from: Origin, request: &R) -> Result<R::Reply, Failure> {
        let parameters = Opaque::of(request).map_err(garbled)?;
        let raw = parameters.raw().map_err(garbled)?;
        let reply = self.change(&own_name(), from, |code| AsOperator {
            code,
            method: R::METHOD.to_owned(),
            parameters: Opaque::from(raw),
        })?;
        reply.reply.read().map_err(garbled)
    }

    /// Sends a change. Where the authority wants a fresh code for it, asks for one and sends both in one call; a
    /// mistyped code is asked for again.
    ///
    /// # Errors
    /// When the authority says no for another reason than the code, or too often for that.
    pub fn change<R: Request>(
        &mut self,
        whose: &str,
        from: Origin,
        with: impl Fn(Option<SecretText>) -> R,
    ) -> Result<R::Reply, Failure> {
        let mut request = with(None);
        let mut tries = 0;
        loop {
            let fault = match self.authority.call(&request) {
                Ok(reply) => return Ok(reply),
                Err(CallError::Fault(fault)) => fault,
                Err(error) => return Err(error.into()),
            };
            let again = match (fault.kind, fault.refusal) {
                (FaultKind::NeedsCode, _) if tries == 0 => true,
                (FaultKind::Refused, Some(refused)) if from == Origin::Terminal && tries < TRIES => {
                    let mistyped = matches!(refused.word, Word::Wrong | Word::Used);
                    if mistyped {
                        say(&words::refusal(&refused));
                    }
                    mistyped
                }
                _ => false,
            };
            if !again {
                return Err(CallError::Fault(fault).into());
            }
            tries += 1;
            request = with(Some(self.code(from, &format!("Code for {}: ", visible(whose)))?.into_secret()));
        }
    }

    /// A code, asked for again until it has a code's shape.
    ///
    /// # Errors
    /// When there is nobody to ask, or a descriptor gives something else.
    pub fn code(&mut self, from: Origin, prompt: &str) -> Result<Code, Failure> {
        loop {
            let typed = self.asker.secret(from, prompt, CODE_FLAG)?;
            match (Code::parse(typed.reveal()), from) {
                (Ok(code), _) => return Ok(code),
                (Err(_), Origin::Terminal) => {
                    say("A code has six to eight digits. Spaces between them are fine.");
                }
                (Err(not), Origin::Descriptor(..)) => return Err(Failure::Refused(not.to_string())),
            }
        }
    }
}

fn garbled(why: serde_json::Error) -> Failure {
    Failure::Configuration(format!("a message cannot be made or read: {why}"))
}

/// The name to show for an account that was named, or for the caller.
pub fn called(account: Option<&str>) -> String {
    account.map_or_else(own_name, short_name)
}

/// The caller's login name, or their uid where the host knows none.
pub fn own_name() -> String {
    match User::from_uid(getuid()) {
        Ok(Some(user)) => visible(&user.name),
        _ => getuid().to_string(),
    }
}

/// Where codes come from.
pub fn codes_from(codes: &crate::args::Codes) -> Origin {
    Origin::new(codes.code_fd, CODE_FLAG)
}
