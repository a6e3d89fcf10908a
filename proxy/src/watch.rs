//! The thread that listens to the authority: what it takes back is forgotten within a heartbeat.
//!
//! When the stream breaks, the gate grows blind by the clock alone; this thread only keeps trying.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use twofold_shared::client::Client;
use twofold_shared::wire::WatchSessions;

use crate::authority::Authority;
use crate::session::Sessions;

/// Longer than three heartbeats without a word, and the stream is given up.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two tries: short, so that a restarted authority is found at once.
const PAUSE: Duration = Duration::from_millis(200);
/// How often the authority is told which sessions and keys were used.
const TELL: Duration = Duration::from_secs(20);
/// How often streams are looked through for sessions that have outlived their limits.
const CUT: Duration = Duration::from_millis(250);
/// Sessions told in one message: well below the longest message.
const TOLD_AT_ONCE: usize = 1_000;
/// API keys told in one message: each comes with a site and an address.
const KEYS_TOLD_AT_ONCE: usize = 400;

/// Starts listening and telling.
///
/// # Errors
/// When no thread can be started.
pub fn start(socket: &Path, sessions: &Arc<Sessions>, authority: &Arc<Authority>) -> std::io::Result<()> {
    let client = Client::new(socket, PATIENCE);
    let heard = Arc::clone(sessions);
    thread::Builder::new().name("watch".to_owned()).spawn(move || listen(&client, &heard))?;
    let streaming = Arc::clone(sessions);
    thread::Builder::new().name("streams".to_owned()).spawn(move || {
        loop {
            thread::sleep(CUT);
            streaming.cut_what_is_over();
        }
    })?;
    let (sessions, authority) = (Arc::clone(sessions), Arc::clone(authority));
    thread::Builder::new().name("touch".to_owned()).spawn(move || {
        loop {
            thread::sleep(TELL);
            tell(&sessions, &authority);
        }
    })?;
    Ok(())
}

fn listen(client: &Client, sessions: &Sessions) {
    let mut after = None;
    let mut was_heard = true;
    loop {
        let began = Instant::now();
        let why = match client.stream(&WatchSessions { after }) {
            Err(error) => error.to_string(),
            Ok(stream) => {
                let mut end = "the authority ended the stream".to_owned();
                for news in stream {
                    match news {
                        Err(error) => end = error.to_string(),
                        Ok(news) => {
                            if !was_heard || after.is_none() {
                                log::info!("watching the authority's sessions after number {}", news.number);
                            }
                            was_heard = true;
                            after = Some(news.number);
                            sessions.hear(&news);
                        }
                    }
                }
                end
            }
        };
        if was_heard {
            log::warn!("the watch is lost, known sessions live on for a while: {why}");
            was_heard = false;
        }
        thread::sleep(PAUSE.saturating_sub(began.elapsed()));
    }
}

/// Tells the authority which sessions and API keys were used since the last time.
pub fn tell(sessions: &Sessions, authority: &Authority) {
    tell_sessions(sessions, authority);
    let mut uses = sessions.key_uses();
    while !uses.is_empty() {
        let rest = uses.split_off(uses.len().min(KEYS_TOLD_AT_ONCE));
        if let Err(error) = authority.touch_keys(uses) {
            log::warn!("the authority was not told which API keys were used: {error}");
            return;
        }
        uses = rest;
    }
}

fn tell_sessions(sessions: &Sessions, authority: &Authority) {
    let mut uses = sessions.uses();
    while !uses.is_empty() {
        let rest = uses.split_off(uses.len().min(TOLD_AT_ONCE));
        if let Err(error) = authority.touch(uses) {
            log::warn!("the authority was not told which sessions were used: {error}");
            return;
        }
        uses = rest;
    }
}
