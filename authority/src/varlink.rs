//! Varlink's framing, its envelope, and its own service methods.
//!
//! A message is one JSON object and a NUL. Nothing in here knows an operation: a call is read as far as its method and
//! its untouched parameters, and an answer is written once, straight into what is sent. Messages carry codes, passwords
//! and new secrets, so every buffer is wiped, also when it grows.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use twofold_shared::wiped::WipedBuffer;
use twofold_shared::wire::{DESCRIPTION, Fault, INTERFACE, METHODS, Nonce};
use zeroize::Zeroizing;

/// Varlink's own interface, which every service answers.
const SERVICE: &str = "org.varlink.service";

/// Its description, as the specification gives it.
const SERVICE_DESCRIPTION: &str = include_str!("org.varlink.service.varlink");

/// What the authority gives to one call.
#[derive(Debug)]
pub enum Answer {
    /// One reply or one error.
    One(Result<Reply, Failure>),
    /// Replies as they come, to a call with `more`. When the sender is dropped the connection is closed.
    Stream(mpsc::Receiver<Reply>),
}

/// A reply as it goes over the wire, but for its end: only the connection knows whether more follow.
pub struct Reply(WipedBuffer);

/// How every reply begins.
const OPENING: &[u8] = br#"{"parameters":"#;

/// What most replies fit in.
const REPLY_BYTES: usize = 512;

impl Reply {
    /// Writes `parameters`, which must come out as a JSON object.
    ///
    /// # Errors
    /// Those of its `Serialize`.
    pub fn of(parameters: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut message = WipedBuffer::with_capacity(REPLY_BYTES);
        message.append(OPENING);
        serde_json::to_writer(&mut message, parameters)?;
        Ok(Self(message))
    }

    /// The same as the `reply` of [`twofold_shared::wire::PersonsReply`].
    #[must_use]
    pub fn within(self, nonce: &Nonce) -> Self {
        self.behind(&format!("{{\"nonce\":\"{nonce}\",\"reply\":"))
    }

    /// The same as the `reply` of [`twofold_shared::wire::OperatorsReply`].
    #[must_use]
    pub fn of_operators(self) -> Self {
        self.behind("{\"reply\":")
    }

    fn behind(self, opening: &str) -> Self {
        let reply = self.0.strip_prefix(OPENING).unwrap_or(b"null");
        let mut message = WipedBuffer::with_capacity(reply.len() + 128);
        message.append(OPENING);
        message.append(opening.as_bytes());
        message.append(reply);
        message.append(b"}");
        Self(message)
    }

    /// The whole message, NUL included.
    #[must_use]
    pub fn message(mut self, continues: bool) -> WipedBuffer {
        self.0.append(if continues { b",\"continues\":true}\0" } else { b"}\0" });
        self.0
    }
}

#[cfg(test)]
impl Reply {
    /// What a caller would read.
    pub fn parameters<R: serde::de::DeserializeOwned>(self) -> R {
        #[derive(Deserialize)]
        struct Whole<R> {
            parameters: R,
        }
        let message = self.message(false);
        let whole: Whole<R> = serde_json::from_slice(message.strip_suffix(b"\0").unwrap()).unwrap();
        whole.parameters
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(…)")
    }
}

/// Why a call has no reply: the interface's own errors, and those of `org.varlink.service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// One of [`twofold_shared::wire::FaultKind`].
    Fault(Fault),
    /// No such interface here.
    InterfaceNotFound(String),
    /// No such method in the interface.
    MethodNotFound(String),
    /// The parameters cannot be read; names the parameter where that is known.
    InvalidParameter(String),
    /// The method only answers calls with `more`.
    ExpectedMore,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A call as it arrived. Keys that Varlink does not define are ignored.
#[derive(Deserialize)]
struct Envelope<'m> {
    #[serde(borrow)]
    method: Cow<'m, str>,
    #[serde(default, borrow)]
    parameters: Option<&'m RawValue>,
    #[serde(default)]
    oneway: bool,
    #[serde(default)]
    more: bool,
    #[serde(default)]
    upgrade: bool,
}

/// A call to one of the authority's own methods, or what there is to say instead.
#[derive(Debug)]
pub struct Call<'m> {
    /// What is called.
    pub request: Result<Asked<'m>, Failure>,
    /// The caller wants no answer.
    pub oneway: bool,
    /// The caller can take several answers.
    pub more: bool,
}

/// What a readable call asks for.
#[derive(Debug)]
pub enum Asked<'m> {
    /// A method of [`INTERFACE`], by its short name, and its parameters: always a JSON object.
    Method(&'static str, &'m RawValue),
    /// A question of `org.varlink.service`, answered already.
    Service(Reply),
}

impl<'m> Call<'m> {
    /// Reads a message, without its NUL.
    ///
    /// # Errors
    /// When it is no Varlink call at all; there is nothing to answer and no way to go on.
    pub fn read(message: &'m [u8]) -> Result<Self, serde_json::Error> {
        let envelope: Envelope<'m> = serde_json::from_slice(message)?;
        let request = ask(&envelope);
        Ok(Self { request, oneway: envelope.oneway, more: envelope.more })
    }
}

fn ask<'m>(envelope: &Envelope<'m>) -> Result<Asked<'m>, Failure> {
    let parameters = match envelope.parameters {
        // Deliberate: serde reads a struct from an array too, which is not Varlink.
        Some(parameters) if parameters.get().starts_with('{') => parameters,
        None => nothing()?,
        Some(parameters) if parameters.get() == "null" => nothing()?,
        Some(_) => return Err(Failure::InvalidParameter("parameters".to_owned())),
    };
    let method = envelope.method.as_ref();
    let unknown = || Failure::MethodNotFound(method.to_owned());
    if envelope.upgrade {
        return Err(Failure::InvalidParameter("upgrade".to_owned()));
    }
    match method.rsplit_once('.') {
        Some((INTERFACE, short)) => {
            let known = METHODS.iter().find(|known| **known == short).ok_or_else(unknown)?;
            Ok(Asked::Method(known, parameters))
        }
        Some((SERVICE, "GetInfo")) => service_info(),
        Some((SERVICE, "GetInterfaceDescription")) => describe(parameters),
        Some((SERVICE, _)) => Err(unknown()),
        Some((interface, _)) => Err(Failure::InterfaceNotFound(interface.to_owned())),
        None => Err(Failure::InterfaceNotFound(method.to_owned())),
    }
}

fn nothing() -> Result<&'static RawValue, Failure> {
    serde_json::from_str("{}").map_err(|_| Failure::InvalidParameter("parameters".to_owned()))
}

fn service_info<'m>() -> Result<Asked<'m>, Failure> {
    answered(&serde_json::json!({
        "vendor": "Twofold",
        "product": "twofoldd",
        "version": env!("CARGO_PKG_VERSION"),
        "url": "",
        "interfaces": [SERVICE, INTERFACE],
    }))
}

fn describe<'m>(parameters: &RawValue) -> Result<Asked<'m>, Failure> {
    #[derive(Deserialize)]
    struct Which {
        interface: String,
    }
    let which: Which = serde_json::from_str(parameters.get())
        .map_err(|_| Failure::InvalidParameter("interface".to_owned()))?;
    let description = match which.interface.as_str() {
        INTERFACE => DESCRIPTION,
        SERVICE => SERVICE_DESCRIPTION,
        _ => return Err(Failure::InterfaceNotFound(which.interface)),
    };
    answered(&serde_json::json!({ "description": description }))
}

fn answered<'m>(value: &serde_json::Value) -> Result<Asked<'m>, Failure> {
    Reply::of(value).map(Asked::Service).map_err(|_| Failure::InvalidParameter("interface".to_owned()))
}

/// Writes an error for the wire, NUL included.
#[must_use]
pub fn error(failure: &Failure) -> WipedBuffer {
    let (name, parameters) = match failure {
        // A kind is written on the wire as its variant is called; a test holds it to the interface description.
        Failure::Fault(fault) => (format!("{INTERFACE}.{:?}", fault.kind), serde_json::json!(fault)),
        Failure::InterfaceNotFound(interface) => {
            (format!("{SERVICE}.InterfaceNotFound"), serde_json::json!({ "interface": interface }))
        }
        Failure::MethodNotFound(method) => {
            (format!("{SERVICE}.MethodNotFound"), serde_json::json!({ "method": method }))
        }
        Failure::InvalidParameter(parameter) => {
            (format!("{SERVICE}.InvalidParameter"), serde_json::json!({ "parameter": parameter }))
        }
        Failure::ExpectedMore => (format!("{SERVICE}.ExpectedMore"), serde_json::json!({})),
    };
    let mut message = WipedBuffer::with_capacity(REPLY_BYTES);
    message.append(serde_json::json!({ "error": name, "parameters": parameters }).to_string().as_bytes());
    message.append(&[0]);
    message
}

/// Why no further message can be read from a connection.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The message is longer than allowed.
    #[error("a message longer than {0} bytes")]
    TooLong(usize),
    /// The peer left in the middle of a message.
    #[error("half a message")]
    Half,
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] io::Error),
}

/// Cuts a byte stream into messages of at most `limit` bytes, NUL included.
#[derive(Debug)]
pub struct Frames<R> {
    from: R,
    limit: usize,
    arrived: Zeroizing<Vec<u8>>,
    /// How much of `arrived` is known to hold no NUL.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// Reads from `from`.
    pub fn new(from: R, limit: usize) -> Self {
        Self { from, limit, arrived: Zeroizing::new(Vec::new()), searched: 0 }
    }

    /// Whether part of a message has arrived, or a whole one that nobody has taken.
    #[must_use]
    pub fn begun(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// Takes the next message, without its NUL, if it has arrived.
    pub fn take(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let unsearched = self.arrived.get(self.searched..).unwrap_or_default();
        let Some(found) = unsearched.iter().position(|&byte| byte == 0) else {
            self.searched = self.arrived.len();
            return None;
        };
        let end = self.searched + found;
        self.searched = 0;
        let rest = self.arrived.get(end + 1..).unwrap_or_default();
        let rest = Zeroizing::new(rest.to_vec());
        let mut message = std::mem::replace(&mut self.arrived, rest);
        message.truncate(end);
        Some(message)
    }

    /// Waits for more bytes; `false` at a clean end. May be cancelled without losing any.
    ///
    /// # Errors
    /// [`FrameError`]; the connection is of no further use.
    pub async fn fill(&mut self) -> Result<bool, FrameError> {
        if self.arrived.len() >= self.limit {
            return Err(FrameError::TooLong(self.limit));
        }
        if self.arrived.len() == self.arrived.capacity() {
            self.grow();
        }
        // The buffer's own growth would leave an unwiped copy behind, so it only ever fills what is there.
        let room = (self.arrived.capacity() - self.arrived.len()).min(self.limit - self.arrived.len());
        let read = (&mut self.from).take(room as u64).read_buf(&mut *self.arrived).await?;
        match (read, self.arrived.is_empty()) {
            (0, true) => Ok(false),
            (0, false) => Err(FrameError::Half),
            _ => Ok(true),
        }
    }

    fn grow(&mut self) {
        let capacity = (self.arrived.capacity() * 2).clamp(1024, self.limit.max(1024));
        let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
        larger.extend_from_slice(&self.arrived);
        self.arrived = larger;
    }
}

#[cfg(test)]
mod tests;
