//! The border with libpam: entry points, the panic guard, items and the conversation.
//!
//! Every `unsafe` of the workspace is in this file. What comes across is bytes behind pointers that may be NULL and
//! codes that may be any integer; it is checked and copied here, and no pointer goes further.

#![expect(unsafe_code, reason = "a C interface; the rest of the workspace denies it")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pamsm::{LogLvl, Pam, PamError, PamFlags, PamLibExt, PamServiceModule};
use twofold_shared::wire::Language;
use zeroize::{Zeroize, Zeroizing};

use crate::account::{account, remember, setcred};
use crate::authenticate::{authenticate, refuse};
use crate::host::{Answer, GaveUp, Host, Level, MAX_ANSWER, NoUser, NotTaken, Tone};
use crate::messages::words;
use crate::options::Echo;
use crate::outcome::{Memory, Refusal, Why};

/// Under which name libpam keeps what the later phases need.
const MEMORY: &str = "twofold";

/// The most bytes of `/proc/<leader>/stat`, which has some three hundred.
const LONGEST_STAT: u64 = 4096;

const PAM_TTY: c_int = 3;
const PAM_CONV: c_int = 5;

const PROMPT_ECHO_OFF: c_int = 1;
const PROMPT_ECHO_ON: c_int = 2;
const ERROR_MSG: c_int = 3;
const TEXT_INFO: c_int = 4;

struct Twofold;

impl PamServiceModule for Twofold {
    fn authenticate(pam: Pam, flags: PamFlags, words: Vec<String>) -> PamError {
        let host = LibPam(&pam);
        guarded(&host, || authenticate(&host, &words, silent(flags)))
    }

    fn setcred(pam: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        let host = LibPam(&pam);
        guarded(&host, || setcred(&host))
    }

    fn acct_mgmt(pam: Pam, flags: PamFlags, words: Vec<String>) -> PamError {
        let host = LibPam(&pam);
        guarded(&host, || account(&host, &words, silent(flags)))
    }

    // Twofold has no part in passwords and sessions: constants, nothing that could panic.

    fn chauthtok(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }

    fn open_session(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }

    fn close_session(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }
}

pamsm::pam_module!(Twofold);

fn silent(flags: PamFlags) -> bool {
    flags.contains(PamFlags::SILENT)
}

/// A panic is a refusal: it never crosses into the host, and it is never `PAM_IGNORE`.
fn guarded(host: &LibPam<'_>, entry: impl FnOnce() -> PamError) -> PamError {
    catch_unwind(AssertUnwindSafe(entry)).unwrap_or_else(|_| {
        let refusal = Refusal { why: Why::Panicked, request: None };
        let code = refusal.why.code();
        let report = || {
            remember(host, &[], &Memory::Refused);
            refuse(host, (words(Language::default()), true), None, &refusal)
        };
        catch_unwind(AssertUnwindSafe(report)).unwrap_or(code)
    })
}

/// The program that loaded the module, through libpam.
struct LibPam<'a>(&'a Pam);

impl Host for LibPam<'_> {
    fn user(&self) -> Result<Vec<u8>, NoUser> {
        match self.0.get_user(None) {
            Ok(Some(user)) if !user.is_empty() => Ok(user.to_bytes().to_vec()),
            Ok(_) | Err(_) => Err(NoUser),
        }
    }

    fn service(&self) -> Option<Vec<u8>> {
        self.0.get_service().ok().flatten().map(owned)
    }

    fn remote_host(&self) -> Option<Vec<u8>> {
        self.0.get_rhost().ok().flatten().map(owned)
    }

    fn terminal(&self) -> Option<Vec<u8>> {
        let terminal = item(self.0, PAM_TTY).cast::<c_char>();
        // SAFETY: libpam keeps this item as a C string of its own, until the module returns at the earliest.
        (!terminal.is_null()).then(|| owned(unsafe { CStr::from_ptr(terminal) }))
    }

    fn session(&self) -> Option<(i32, Vec<u8>)> {
        // SAFETY: it takes a number and gives a number.
        let leader = unsafe { libc::getsid(0) };
        // 0: the leader is of another namespace, and so nobody that could be looked at.
        if leader <= 0 {
            return None;
        }
        let mut stat = Vec::new();
        let file = File::open(format!("/proc/{leader}/stat")).ok()?;
        file.take(LONGEST_STAT).read_to_end(&mut stat).ok()?;
        Some((leader, stat))
    }

    fn pam_environment(&self, name: &str) -> Option<Vec<u8>> {
        self.0.getenv(name).ok().flatten().map(owned)
    }

    fn is_password(&self, answer: &[u8]) -> bool {
        self.0.get_cached_authtok().ok().flatten().is_some_and(|password| password.to_bytes() == answer)
    }

    fn password(&self) -> Option<Answer> {
        let password = self.0.get_cached_authtok().ok().flatten()?.to_bytes();
        let kept = if password.len() <= MAX_ANSWER { password.to_vec() } else { Vec::new() };
        Some(Answer { bytes: Zeroizing::new(kept), length: password.len() })
    }

    fn set_password(&self, password: &[u8]) -> Result<(), NotTaken> {
        let text = CString::new(password).map_err(|_| NotTaken)?;
        // libpam keeps a copy of its own.
        let taken = self.0.set_authtok(&text).map_err(|_| NotTaken);
        text.into_bytes_with_nul().zeroize();
        taken
    }

    fn ask(&self, prompt: &str, echo: Echo) -> Result<Answer, GaveUp> {
        let style = match echo {
            Echo::Off => PROMPT_ECHO_OFF,
            Echo::On => PROMPT_ECHO_ON,
        };
        converse(self.0, style, prompt)?.ok_or(GaveUp)
    }

    fn tell(&self, tone: Tone, text: &str) {
        let style = match tone {
            Tone::Refusal => ERROR_MSG,
            Tone::News => TEXT_INFO,
        };
        // A person who cannot be told is neither let in nor kept out for it.
        let _ = converse(self.0, style, text);
    }

    fn log(&self, level: Level, line: &str) {
        let level = match level {
            Level::Error => LogLvl::ERR,
            Level::Notice => LogLvl::NOTICE,
            Level::Info => LogLvl::INFO,
        };
        let _ = self.0.syslog(level, line);
    }

    fn remember(&self, memory: Vec<u8>) {
        // What cannot be kept is missing later, and a missing memory passes for nothing.
        let _ = self.0.send_bytes(MEMORY, memory, None);
    }

    fn recall(&self) -> Option<Vec<u8>> {
        self.0.retrieve_bytes(MEMORY).ok()
    }
}

fn owned(text: &CStr) -> Vec<u8> {
    text.to_bytes().to_vec()
}

unsafe extern "C" {
    fn pam_get_item(handle: *const c_void, item: c_int, value: *mut *const c_void) -> c_int;
}

/// An item that pamsm has no getter for; NULL where there is none.
fn item(pam: &Pam, item: c_int) -> *const c_void {
    // SAFETY: `Pam` is a transparent wrapper around the handle.
    let handle = unsafe { *ptr::from_ref(pam).cast::<*const c_void>() };
    let mut value = ptr::null();
    // SAFETY: the handle is the one that libpam called this module with; `value` outlives the call.
    let code = unsafe { pam_get_item(handle, item, &raw mut value) };
    if code == PamError::SUCCESS as c_int { value } else { ptr::null() }
}

/// `struct pam_message`.
#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

/// `struct pam_response`.
#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

/// `struct pam_conv`.
#[repr(C)]
struct Conversation {
    function:
        Option<unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int>,
    context: *mut c_void,
}

/// Hands one message to the host. `Ok(None)`: the host says all is well and answers nothing, as on Ctrl-D.
///
/// pamsm's own conversation leaks the answer and dereferences an array that may be NULL.
fn converse(pam: &Pam, style: c_int, text: &str) -> Result<Option<Answer>, GaveUp> {
    let text = CString::new(text).map_err(|_| GaveUp)?;
    let conversation = item(pam, PAM_CONV).cast::<Conversation>();
    // SAFETY: the item is NULL or a `struct pam_conv` that libpam holds for the whole transaction.
    let conversation = unsafe { conversation.as_ref() }.ok_or(GaveUp)?;
    let function = conversation.function.ok_or(GaveUp)?;
    let message = Message { style, text: text.as_ptr() };
    let mut messages = ptr::from_ref(&message);
    let mut responses: *mut Response = ptr::null_mut();
    // SAFETY: one message, as the count says; all pointers outlive the call; the context is the host's own.
    let code = unsafe { function(1, &raw mut messages, &raw mut responses, conversation.context) };
    // A question may hold a new secret.
    text.into_bytes_with_nul().zeroize();
    if code != PamError::SUCCESS as c_int {
        // By contract nothing was allocated then, and what the pointer holds is anybody's guess.
        return Err(GaveUp);
    }
    // SAFETY: after success the host hands over a `malloc`ed array of as many responses as there were messages, or NULL.
    let Some(response) = (unsafe { responses.as_mut() }) else { return Ok(None) };
    let answer = take_answer(response.text);
    // SAFETY: the array is ours to free, once, and nothing points into it any more.
    unsafe { libc::free(responses.cast()) };
    Ok(answer)
}

/// Copies an answer, wipes the host's buffer, frees it.
fn take_answer(text: *mut c_char) -> Option<Answer> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL; a C string that the host has handed over.
    let length = unsafe { libc::strlen(text) };
    // SAFETY: `length` bytes before the NUL, which nobody else reads or writes now.
    let bytes = unsafe { std::slice::from_raw_parts_mut(text.cast::<u8>(), length) };
    let kept = if length <= MAX_ANSWER { bytes.to_vec() } else { Vec::new() };
    bytes.zeroize();
    // SAFETY: `malloc`ed by the host, freed once, not used below.
    unsafe { libc::free(text.cast()) };
    Some(Answer { bytes: Zeroizing::new(kept), length })
}
