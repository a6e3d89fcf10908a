//! Presenting codes at the authority's own sockets, as a door does, and being somebody else while doing it.

use std::net::{IpAddr, Ipv4Addr};

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use twofold_shared::client::{CallError, Client};
use twofold_shared::permit::{Denial, judge};
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{FirstFactor, Login, Nonce, Source, Verify, Word};

use crate::{Authority, Phone, traces};

/// What came of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was right.
    Approved,
    /// It was refused in this word.
    Refused(Word),
    /// There was no answer: the code may be spent or not.
    None,
}

/// Where a code comes from: the `number`th of the addresses that nobody has.
#[must_use]
pub fn address(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(198, 18, high, low))
}

/// A login at `service` from an address, after a first factor.
#[must_use]
pub fn login(name: &str, service: &str, from: IpAddr) -> Login {
    let source = Source { address: Some(from), ..Source::default() };
    Login { name: name.to_owned(), service: service.to_owned(), first: FirstFactor::Above, source }
}

/// Presents a code for `name` at `sshd`.
#[must_use]
pub fn present(client: &Client, name: &str, from: IpAddr, code: &str) -> Answer {
    present_as(client, login(name, "sshd", from), code)
}

/// Presents a code for a login.
///
/// # Panics
/// When the authority answers with a fault.
#[must_use]
pub fn present_as(client: &Client, login: Login, code: &str) -> Answer {
    match verify(client, login, code) {
        Ok(answer) => answer,
        Err(CallError::Fault(fault)) => panic!("a fault: {fault:?}"),
        Err(_) => Answer::None,
    }
}

/// The same, faults included.
///
/// # Errors
/// As [`Client::call`].
pub fn verify(client: &Client, login: Login, code: &str) -> Result<Answer, CallError> {
    traces::issued("code", code);
    let nonce = Nonce::generate().expect("the kernel has randomness");
    let request = Verify { nonce: nonce.clone(), login, code: SecretText::new(code.to_owned()) };
    Ok(match judge(&nonce, client.call(&request)?) {
        Ok(_) => Answer::Approved,
        Err(Denial::Refused(refused)) => Answer::Refused(refused.word),
        Err(Denial::Undecided) => Answer::None,
    })
}

impl Authority {
    /// Whether a code lets somebody in at a host, from a place of its own.
    #[must_use]
    pub fn lets_in(&self, name: &str, code: &str) -> bool {
        present(&self.client(), name, address(9), code) == Answer::Approved
    }

    /// Strangers guess at somebody's codes until the year's guesses are used up. The clock goes on by a day or so.
    ///
    /// # Panics
    /// When there is no end to it.
    pub fn closes(&self, name: &str, phone: &Phone) {
        let (client, wrong) = (self.client(), phone.wrong());
        for _ in 0..200 {
            match present(&client, name, address(2), &wrong) {
                Answer::Refused(Word::Closed) => return,
                Answer::Refused(Word::Wrong) => self.clock().shift(15 * 60),
                other => panic!("{other:?}"),
            }
        }
        panic!("{name} is not closed");
    }
}

/// Runs `what` under another uid, which is how the kernel then introduces it to whoever it connects to. In a thread of
/// its own: Linux keeps credentials by thread, and this one never gets its old ones back.
///
/// # Panics
/// When the tests don't run as root.
pub fn as_user<T: Send>(uid: u32, what: impl FnOnce() -> T + Send) -> T {
    let other = move || {
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
        set_thread_groups(&[]).expect("these tests run as root");
        set_thread_res_gid(group, group, group).expect("these tests run as root");
        set_thread_res_uid(user, user, user).expect("these tests run as root");
        what()
    };
    std::thread::scope(|scope| scope.spawn(other).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Runs all of `work` at once, one thread each, and gives what came of each.
pub fn at_once<T: Send>(work: Vec<impl FnOnce() -> T + Send>) -> Vec<T> {
    let start = std::sync::Barrier::new(work.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = work
            .into_iter()
            .map(|one| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    one()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
