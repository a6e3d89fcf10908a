//! One connection: its messages in, the service's answers out, and an end to every wait.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use twofold_shared::wiped::WipedBuffer;
use twofold_shared::wire::{Fault, FaultKind, MAX_MESSAGE};
use zeroize::Zeroizing;

use super::Service;
use super::quota::Slot;
use crate::config::Limits;
use crate::peer::{Caller, Standing};
use crate::process::words;
use crate::varlink::{Answer, Asked, Call, Failure, FrameError, Frames, Reply, error};

/// How long a leaving authority waits for what a peer has already sent to become visible.
const GRACE: Duration = Duration::from_millis(50);

/// A connection that was let in.
pub(super) struct Connection {
    frames: Frames<OwnedReadHalf>,
    out: OwnedWriteHalf,
    caller: Arc<Caller>,
    limits: Limits,
    /// Shared with the call in progress: a caller that leaves early still pays for it.
    slot: Arc<Slot>,
    left: watch::Receiver<bool>,
}

/// Why a connection ends. For the log of a developer only: the peer's misbehaviour is not news.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the peer left")]
    PeerLeft,
    #[error("the authority leaves")]
    Leaving,
    #[error("nothing was said for too long")]
    Idle,
    #[error("a message took too long to arrive")]
    SlowMessage,
    #[error("an answer took too long to be taken")]
    SlowReader,
    #[error("a call took too long")]
    SlowCall,
    #[error("the stream of answers has ended")]
    StreamEnded,
    #[error("not a Varlink call: {0}")]
    Garbage(serde_json::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("cannot answer: {0}")]
    Write(std::io::Error),
}

/// What came of a call.
enum Outcome {
    /// It is no call: nothing to answer, no way to go on.
    Garbage(serde_json::Error),
    /// The caller wants no answer.
    Silence,
    /// A reply or an error, ready for the wire.
    Message(WipedBuffer),
    /// Replies as they come.
    Stream(mpsc::Receiver<Reply>),
}

impl Connection {
    pub(super) fn new(
        stream: UnixStream,
        caller: Caller,
        limits: Limits,
        slot: Arc<Slot>,
        left: watch::Receiver<bool>,
    ) -> Self {
        let (from, out) = stream.into_split();
        let frames = Frames::new(from, MAX_MESSAGE);
        Self { frames, out, caller: Arc::new(caller), limits, slot, left }
    }

    /// Serves it until one side has had enough.
    pub(super) async fn serve<S: Service>(mut self, service: Arc<S>) {
        let uid = self.caller.uid;
        if let Err(end) = self.converse(&service).await {
            log::debug!("connection of uid {uid} ended: {end}");
        }
    }

    async fn converse<S: Service>(&mut self, service: &Arc<S>) -> Result<(), End> {
        loop {
            let message = self.next_message().await?;
            match self.work(service, message).await? {
                Outcome::Garbage(why) => return Err(End::Garbage(why)),
                Outcome::Silence => {}
                Outcome::Message(message) => self.write(&message).await?,
                Outcome::Stream(replies) => self.stream(replies).await?,
            }
        }
    }

    /// The next message: it may take its time to begin, and a fixed time from there to its end.
    async fn next_message(&mut self) -> Result<Zeroizing<Vec<u8>>, End> {
        let mut begun = None;
        let idle = Instant::now() + self.limits.idle;
        let mut leaving = None;
        loop {
            if let Some(message) = self.frames.take() {
                return Ok(message);
            }
            if self.frames.begun() && begun.is_none() {
                begun = Some(Instant::now() + self.limits.request);
            }
            let until = leaving.into_iter().fold(begun.unwrap_or(idle), Instant::min);
            let filled = tokio::select! {
                biased;
                filled = timeout_at(until, self.frames.fill()) => filled,
                _ = self.left.wait_for(|left| *left), if leaving.is_none() => {
                    leaving = Some(Instant::now() + GRACE);
                    continue;
                }
            };
            match filled {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return Err(End::PeerLeft),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) if leaving.is_some() => return Err(End::Leaving),
                Err(_) if begun.is_some() => return Err(End::SlowMessage),
                Err(_) => return Err(End::Idle),
            }
        }
    }

    /// Has the service work on a call, which neither the peer's leaving nor a deadline cancels: what has begun to be
    /// written is finished, whoever hears of it. What the deadline passes over goes on in a task of its own.
    async fn work<S: Service>(
        &mut self,
        service: &Arc<S>,
        message: Zeroizing<Vec<u8>>,
    ) -> Result<Outcome, End> {
        let until = Instant::now() + self.limits.request;
        let turn = timeout_at(until, Arc::clone(&self.slot.calls).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let words = "this user has too many calls at once; try again";
            return Ok(Outcome::Message(error(&fault(FaultKind::Busy, words))));
        };
        let (service, caller, slot) = (Arc::clone(service), Arc::clone(&self.caller), Arc::clone(&self.slot));
        let mut work = Box::pin(survive(async move {
            let outcome = answer(service.as_ref(), &caller, &message).await;
            drop((turn, slot));
            outcome
        }));
        match timeout_at(until, &mut work).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(why)) => {
                log::error!("a call of uid {} broke off: {why}", self.caller.uid);
                let words = "the authority failed at this; its log says how";
                Ok(Outcome::Message(error(&fault(FaultKind::Internal, words))))
            }
            Err(_) => {
                tokio::spawn(work);
                let words = "this took too long; the audit trail says what came of it";
                self.write(&error(&fault(FaultKind::Internal, words))).await?;
                Err(End::SlowCall)
            }
        }
    }

    async fn write(&mut self, message: &[u8]) -> Result<(), End> {
        match timeout(self.limits.request, self.out.write_all(message)).await {
            Ok(written) => written.map_err(End::Write),
            Err(_) => Err(End::SlowReader),
        }
    }

    /// Sends replies as they come, until the peer or the authority leaves. What the peer says meanwhile waits.
    async fn stream(&mut self, mut replies: mpsc::Receiver<Reply>) -> Result<(), End> {
        let mut full = false;
        loop {
            let next = tokio::select! {
                next = replies.recv() => next.ok_or(End::StreamEnded)?,
                filled = self.frames.fill(), if !full => match filled {
                    Ok(true) => continue,
                    Ok(false) => return Err(End::PeerLeft),
                    Err(FrameError::TooLong(_)) => {
                        full = true;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                },
                _ = self.left.wait_for(|left| *left) => return Err(End::Leaving),
            };
            self.write(&next.message(true)).await?;
        }
    }
}

/// Runs `work`; its panic is an error here and ends nothing else.
async fn survive<F: Future>(work: F) -> Result<F::Output, String> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or_else(|panic| Poll::Ready(Err(words(&*panic))), |polled| polled.map(Ok))
    })
    .await
}

async fn answer<S: Service>(service: &S, caller: &Caller, message: &[u8]) -> Outcome {
    let call = match Call::read(message) {
        Ok(call) => call,
        Err(why) => return Outcome::Garbage(why),
    };
    let answer = match call.request {
        _ if caller.standing == Standing::Nobody => Answer::One(Err(fault(
            FaultKind::NotPermitted,
            "this user id is not known here: it is outside the user namespace, or the overflow id itself",
        ))),
        Ok(Asked::Method(method, parameters)) => service.call(caller, method, parameters, call.more).await,
        Ok(Asked::Service(reply)) => Answer::One(Ok(reply)),
        Err(failure) => Answer::One(Err(failure)),
    };
    match answer {
        _ if call.oneway => Outcome::Silence,
        Answer::One(Ok(reply)) => Outcome::Message(reply.message(false)),
        Answer::One(Err(failure)) => Outcome::Message(error(&failure)),
        Answer::Stream(replies) => Outcome::Stream(replies),
    }
}

fn fault(kind: FaultKind, detail: &str) -> Failure {
    Failure::Fault(Fault { kind, detail: detail.to_owned(), refusal: None })
}
