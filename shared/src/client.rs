//! One blocking call to the authority, with a deadline over all of it.
//!
//! It runs inside sshd and sudo: no thread, no pool, no signal, no environment. A connection serves one call; one that
//! timed out is closed and never used again, so a late answer meets nobody.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroize;

use crate::wiped::WipedBuffer;
use crate::wire::{Fault, FaultKind, INTERFACE, MAX_MESSAGE, Request};

/// Where the authority listens unless somebody says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/twofold/authority.sock";

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers at the socket.
    #[error("cannot reach the authority at {path}: {why}")]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What connecting said.
        why: io::Error,
    },
    /// The connection broke before the answer was whole.
    #[error("the authority's connection broke: {0}")]
    Broken(#[source] io::Error),
    /// The deadline passed.
    #[error("the authority did not answer in time")]
    TimedOut,
    /// The answer is longer than any answer can be.
    #[error("the authority's answer is too long")]
    TooLong,
    /// The answer is not what the interface describes.
    #[error("the authority's answer cannot be read: {0}")]
    Garbled(#[source] serde_json::Error),
    /// The authority answered with an error.
    #[error("{}", .0.detail)]
    Fault(Fault),
}

impl From<Errno> for CallError {
    fn from(errno: Errno) -> Self {
        // A socket's time-out shows as EAGAIN.
        if errno == Errno::AGAIN { Self::TimedOut } else { Self::Broken(errno.into()) }
    }
}

/// The authority as a door sees it: a path, and how long to wait.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
    deadline: Duration,
}

#[derive(serde::Serialize)]
struct Call<'a, R> {
    method: &'a str,
    parameters: &'a R,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    error: Option<String>,
    #[serde(default, borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(default)]
    continues: bool,
}

impl Client {
    /// A client of the authority at `path` that gives each call `deadline` in all.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, deadline: Duration) -> Self {
        Self { path: path.into(), deadline }
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks once and waits for the answer.
    ///
    /// # Errors
    /// [`CallError`]; with anything but [`CallError::Fault`] nothing is known of what the authority did.
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Reply, CallError> {
        let mut connection = Connection::open(&self.path, Instant::now() + self.deadline)?;
        connection.send(request, false)?;
        let message = connection.message()?;
        read_answer::<R>(message.bytes()).map(|(reply, _)| reply)
    }

    /// Asks for a stream of answers; each is waited for as long as a call is.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn stream<R: Request>(&self, request: &R) -> Result<Stream<R>, CallError> {
        let mut connection = Connection::open(&self.path, Instant::now() + self.deadline)?;
        connection.send(request, true)?;
        Ok(Stream { connection, patience: self.deadline, ended: false, asked: std::marker::PhantomData })
    }
}

/// The answers to a call with `more`, as they come.
pub struct Stream<R> {
    connection: Connection,
    patience: Duration,
    ended: bool,
    asked: std::marker::PhantomData<R>,
}

impl<R: Request> Iterator for Stream<R> {
    type Item = Result<R::Reply, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.connection.deadline = Instant::now() + self.patience;
        let answer = self.connection.message().and_then(|message| read_answer::<R>(message.bytes()));
        self.ended = !matches!(answer, Ok((_, true)));
        Some(answer.map(|(reply, _)| reply))
    }
}

/// A connected socket, the deadline, and what has arrived but is not yet a whole message.
struct Connection {
    socket: OwnedFd,
    deadline: Instant,
    arrived: WipedBuffer,
}

impl Connection {
    fn open(path: &Path, deadline: Instant) -> Result<Self, CallError> {
        let unreachable = |errno: Errno| CallError::Unreachable { path: path.to_owned(), why: errno.into() };
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .map_err(unreachable)?;
        let connection = Self { socket, deadline, arrived: WipedBuffer::with_capacity(0) };
        // The send time-out also bounds connecting to a listener whose queue is full.
        set_socket_timeout(connection.socket.as_fd(), Timeout::Send, Some(connection.left()?))
            .map_err(unreachable)?;
        let address = SocketAddrUnix::new(path).map_err(unreachable)?;
        match retry_on_intr(|| rustix::net::connect(connection.socket.as_fd(), &address)) {
            Ok(()) => Ok(connection),
            Err(Errno::AGAIN) => Err(CallError::TimedOut),
            Err(errno) => Err(unreachable(errno)),
        }
    }

    /// What is left until the deadline; never zero, which would mean for ever.
    fn left(&self) -> Result<Duration, CallError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(CallError::TimedOut) } else { Ok(left.max(Duration::from_millis(1))) }
    }

    fn send<R: Request>(&mut self, request: &R, more: bool) -> Result<(), CallError> {
        let method = format!("{INTERFACE}.{}", R::METHOD);
        let mut message = WipedBuffer::with_capacity(768);
        serde_json::to_writer(&mut message, &Call { method: &method, parameters: request, more })
            .map_err(CallError::Garbled)?;
        message.append(&[0]);
        let mut rest = message.bytes();
        while !rest.is_empty() {
            set_socket_timeout(self.socket.as_fd(), Timeout::Send, Some(self.left()?))?;
            // Deliberate: without NOSIGNAL a gone authority would end the host by SIGPIPE.
            let sent = retry_on_intr(|| rustix::net::send(self.socket.as_fd(), rest, SendFlags::NOSIGNAL))?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits until something has arrived. A receive time-out would do, but who sleeps in recv(2) is woken once more, for
    /// nothing, when the authority takes the request; poll(2) sleeps through that.
    fn until_readable(&self) -> Result<(), CallError> {
        loop {
            let left = self.left()?;
            let left = Timespec::try_from(left).map_err(|_| CallError::TimedOut)?;
            let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut socket, Some(&left)) {
                Ok(0) => return Err(CallError::TimedOut),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// The next whole message, without its NUL.
    fn message(&mut self) -> Result<WipedBuffer, CallError> {
        let mut looked = 0;
        // Small on purpose: a door's answer fits, and this is a third of what a login costs in the module.
        let mut piece = [0_u8; 1024];
        loop {
            let new = self.arrived.bytes().get(looked..).unwrap_or_default();
            if let Some(end) = new.iter().position(|&byte| byte == 0) {
                return Ok(self.arrived.take(looked + end));
            }
            looked = self.arrived.bytes().len();
            if looked >= MAX_MESSAGE {
                return Err(CallError::TooLong);
            }
            self.until_readable()?;
            let (received, _) = retry_on_intr(|| {
                rustix::net::recv(self.socket.as_fd(), piece.as_mut_slice(), RecvFlags::empty())
            })?;
            match piece.get_mut(..received) {
                None | Some([]) => return Err(CallError::Broken(io::ErrorKind::UnexpectedEof.into())),
                Some(bytes) => {
                    self.arrived.append(bytes);
                    bytes.zeroize();
                }
            }
        }
    }
}

/// Reads one answer: the reply and whether more will come.
fn read_answer<R: Request>(message: &[u8]) -> Result<(R::Reply, bool), CallError> {
    let answer: Answer<'_> = serde_json::from_slice(message).map_err(CallError::Garbled)?;
    let parameters = answer.parameters.map_or("{}", RawValue::get);
    match answer.error {
        None => serde_json::from_str(parameters)
            .map(|reply| (reply, answer.continues))
            .map_err(CallError::Garbled),
        Some(name) => Err(CallError::Fault(read_fault(&name, parameters))),
    }
}

fn read_fault(name: &str, parameters: &str) -> Fault {
    let kind = match name.rsplit_once('.') {
        Some((INTERFACE, kind)) => serde_json::from_value(serde_json::Value::from(kind)).ok(),
        Some(("org.varlink.service", "PermissionDenied")) => Some(FaultKind::NotPermitted),
        _ => None,
    };
    let fault = serde_json::from_str::<Fault>(parameters).ok();
    Fault {
        kind: kind.unwrap_or(FaultKind::Internal),
        detail: fault
            .as_ref()
            .map_or_else(|| format!("the authority answered {name}"), |fault| fault.detail.clone()),
        refusal: fault.and_then(|fault| fault.refusal),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;
    use crate::wire::{GetInfo, SessionNews, WatchSessions};

    const PATIENCE: Duration = Duration::from_millis(300);

    /// An authority that reads one message and then does `answer` with the connection.
    fn authority(
        answer: impl FnOnce(std::os::unix::net::UnixStream) + Send + 'static,
    ) -> (Client, tempfile::TempDir, thread::JoinHandle<()>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut byte = [1];
            while byte != [0] {
                stream.read_exact(&mut byte).unwrap();
            }
            answer(stream);
        });
        (Client::new(path, PATIENCE), folder, served)
    }

    fn call(answer: &'static [u8]) -> Result<crate::wire::Info, CallError> {
        let (client, _folder, served) = authority(move |mut stream| {
            let _ = stream.write_all(answer);
        });
        let result = client.call(&GetInfo {});
        served.join().unwrap();
        result
    }

    #[test]
    fn an_answer_arrives() {
        let info = call(b"{\"parameters\":{\"version\":\"1\",\"clock_trusted\":true,\"disk_full\":false,\"accounts\":3}}\0");
        assert_eq!(info.unwrap().accounts, 3);
    }

    #[test]
    fn an_error_keeps_its_kind_and_words() {
        let error = call(
            b"{\"error\":\"org.twofold.Authority.NameTaken\",\"parameters\":{\"detail\":\"taken\",\"refusal\":null}}\0",
        );
        match error.unwrap_err() {
            CallError::Fault(fault) => {
                assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::NameTaken, "taken"))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_absent_authority_is_unreachable() {
        let client = Client::new("/nonexistent/authority.sock", PATIENCE);
        assert!(matches!(client.call(&GetInfo {}), Err(CallError::Unreachable { .. })));
    }

    #[test]
    fn a_silent_authority_times_out() {
        let (client, _folder, served) = authority(|stream| {
            thread::sleep(PATIENCE * 2);
            drop(stream);
        });
        let began = Instant::now();
        assert!(matches!(client.call(&GetInfo {}), Err(CallError::TimedOut)));
        assert!(began.elapsed() < PATIENCE * 2);
        served.join().unwrap();
    }

    #[test]
    fn a_drip_of_bytes_does_not_move_the_deadline() {
        let (client, _folder, served) = authority(|mut stream| {
            for _ in 0..20 {
                if stream.write_all(b" ").is_err() {
                    break;
                }
                thread::sleep(PATIENCE / 10);
            }
        });
        let began = Instant::now();
        assert!(matches!(client.call(&GetInfo {}), Err(CallError::TimedOut)));
        assert!(began.elapsed() < PATIENCE * 2);
        served.join().unwrap();
    }

    #[test]
    fn a_listener_that_never_accepts_times_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.sock");
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .unwrap();
        rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&socket, 0).unwrap();
        let _queued = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let began = Instant::now();
        assert!(matches!(Client::new(&path, PATIENCE).call(&GetInfo {}), Err(CallError::TimedOut)));
        assert!(began.elapsed() < PATIENCE * 3);
    }

    #[test]
    fn half_an_answer_and_garbage_are_errors() {
        assert!(matches!(call(b"{\"parameters\":{"), Err(CallError::Broken(_))));
        assert!(matches!(call(b"no json\0"), Err(CallError::Garbled(_))));
        assert!(matches!(call(b"{\"parameters\":{}}\0"), Err(CallError::Garbled(_))));
    }

    #[test]
    fn an_endless_answer_is_cut() {
        let (client, _folder, served) =
            authority(|mut stream| while stream.write_all(&[b' '; 4096]).is_ok() {});
        assert!(matches!(client.call(&GetInfo {}), Err(CallError::TooLong)));
        served.join().unwrap();
    }

    #[test]
    fn a_stream_ends_with_the_answer_that_does_not_continue() {
        let news = |number, continues| {
            format!("{{\"continues\":{continues},\"parameters\":{{\"number\":{number},\"ended\":[]}}}}\0")
        };
        let (client, _folder, served) = authority(move |mut stream| {
            stream.write_all(format!("{}{}", news(1, true), news(2, false)).as_bytes()).unwrap();
        });
        let numbers: Vec<u64> = client
            .stream(&WatchSessions { after: None })
            .unwrap()
            .map(|news: Result<SessionNews, CallError>| news.unwrap().number)
            .collect();
        assert_eq!(numbers, [1, 2]);
        served.join().unwrap();
    }
}
