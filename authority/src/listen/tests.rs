//! Limits and leaving, over real sockets, against a stand-in for the authority.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use twofold_shared::wire::{Fault, FaultKind, MAX_MESSAGE};

use super::*;
use crate::peer::{DoorListener, Entrance as At, Standing};
use crate::varlink::{Failure, Reply};

/// Answers by the method's name: a stand-in that shows what reached it.
#[derive(Default)]
struct Echo {
    /// Calls of `Verify` wait for this.
    gate: Option<Semaphore>,
    /// Told when a `Verify` begins.
    begun: Notify,
    /// Told when it has been answered.
    done: Notify,
}

impl Service for Echo {
    async fn call(&self, caller: &Caller, method: &'static str, parameters: &RawValue, more: bool) -> Answer {
        let reply = |value: serde_json::Value| Ok(Reply::of(&value).unwrap());
        match method {
            "Verify" => {
                self.begun.notify_one();
                if let Some(gate) = &self.gate {
                    gate.acquire().await.unwrap().forget();
                }
                self.done.notify_one();
                Answer::One(reply(serde_json::json!({})))
            }
            "WatchSessions" if !more => Answer::One(Err(Failure::ExpectedMore)),
            "WatchSessions" => {
                let (send, receive) = mpsc::channel(1);
                tokio::spawn(async move {
                    let mut number = 0;
                    let news = |number| Reply::of(&serde_json::json!({ "number": number })).unwrap();
                    while send.send(news(number)).await.is_ok() {
                        number += 1;
                    }
                });
                Answer::Stream(receive)
            }
            "AcceptClock" => panic!("an operation that breaks"),
            "RemoveAccount" => Answer::One(Err(Failure::Fault(Fault {
                kind: FaultKind::NoSuchAccount,
                detail: "no such account".into(),
                refusal: None,
            }))),
            _ => Answer::One(reply(serde_json::json!({
                "method": method, "length": parameters.get().len(), "uid": caller.uid,
                "door": matches!(caller.standing, Standing::Door(_)),
            }))),
        }
    }
}

/// A running server; what a test needs of it.
struct Server {
    path: PathBuf,
    leave: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<io::Result<()>>,
    service: Arc<Echo>,
    _folder: tempfile::TempDir,
}

fn limits() -> Limits {
    Limits { connections_per_uid: 8, idle: Duration::from_secs(20), request: Duration::from_secs(20) }
}

/// Terms under which this test's own uid is an ordinary person.
fn person() -> Terms {
    let uids = Uids { own: u32::MAX - 1, gate: None, overflow: u32::MAX - 2 };
    Terms { limits: limits(), uids, descriptors: 10_000, idle_exit: None }
}

fn entrance() -> At {
    // Tests run as root as often as not, and root is nobody special only at a door.
    At::Door(Arc::new(DoorListener {
        services: vec!["sshd".into()],
        host: "web1".into(),
        realm: twofold_shared::name::Realm::unix(),
        enrol: false,
    }))
}

fn start(entrance: At, terms: Terms, service: Echo) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.sock");
    let socket = Socket::make(&path, entrance).unwrap();
    let (leave, asked) = oneshot::channel();
    let service = Arc::new(service);
    let served = tokio::spawn(serve(Arc::clone(&service), vec![socket], terms, async {
        let _ = asked.await;
    }));
    Server { path, leave: Some(leave), served, service, _folder: folder }
}

impl Server {
    async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.path).await.unwrap()
    }

    async fn leave(&mut self) {
        let _ = self.leave.take().unwrap().send(());
    }
}

async fn say(stream: &mut UnixStream, message: &str) {
    stream.write_all(message.as_bytes()).await.unwrap();
    stream.write_all(&[0]).await.unwrap();
}

async fn hear(stream: &mut UnixStream) -> Option<serde_json::Value> {
    let mut message = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(0) => return Some(serde_json::from_slice(&message).unwrap()),
            Ok(byte) => message.push(byte),
            Err(_) => return None,
        }
    }
}

fn call(method: &str) -> String {
    format!(r#"{{"method":"org.twofold.Authority.{method}"}}"#)
}

/// A fresh connection is answered: whatever was done to the others, this one is served.
async fn still_serves(server: &Server) {
    let mut stream = server.connect().await;
    say(&mut stream, &call("GetInfo")).await;
    assert_eq!(hear(&mut stream).await.unwrap()["parameters"]["method"], "GetInfo");
}

#[tokio::test]
async fn one_connection_serves_call_after_call() {
    let server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    for _ in 0..3 {
        say(&mut stream, &call("GetInfo")).await;
        let answer = hear(&mut stream).await.unwrap();
        assert_eq!(answer["parameters"]["door"], true);
    }
    say(&mut stream, &call("RemoveAccount")).await;
    assert_eq!(hear(&mut stream).await.unwrap()["error"], "org.twofold.Authority.NoSuchAccount");
    say(&mut stream, &call("Rule")).await;
    assert_eq!(hear(&mut stream).await.unwrap()["error"], "org.varlink.service.MethodNotFound");
    say(&mut stream, r#"{"method":"org.varlink.service.GetInfo"}"#).await;
    assert_eq!(hear(&mut stream).await.unwrap()["parameters"]["product"], "twofoldd");
}

#[tokio::test]
async fn calls_sent_together_are_answered_in_order_and_oneway_not_at_all() {
    let server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    let oneway = r#"{"method":"org.twofold.Authority.GetAccount","oneway":true}"#;
    say(&mut stream, &format!("{}\0{oneway}\0{}", call("GetInfo"), call("ReadAudit"))).await;
    assert_eq!(hear(&mut stream).await.unwrap()["parameters"]["method"], "GetInfo");
    assert_eq!(hear(&mut stream).await.unwrap()["parameters"]["method"], "ReadAudit");
}

#[tokio::test]
async fn the_overflow_uid_gets_nothing() {
    let own = rustix::process::geteuid().as_raw();
    let uids = Uids { overflow: own, ..person().uids };
    let server = start(At::Main, Terms { uids, ..person() }, Echo::default());
    let mut stream = server.connect().await;
    for method in ["GetInfo", "Verify", "RemoveAccount"] {
        say(&mut stream, &call(method)).await;
        assert_eq!(hear(&mut stream).await.unwrap()["error"], "org.twofold.Authority.NotPermitted");
    }
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let server = start(entrance(), person(), Echo::default());
    let mut good = server.connect().await;
    let nesting = "[".repeat(200_000);
    for garbage in ["", "no json", "{}", "[]", "\u{1}\u{2}", "{\"method\":", &nesting] {
        let mut bad = server.connect().await;
        say(&mut bad, garbage).await;
        assert_eq!(hear(&mut bad).await, None, "{:.20}", garbage);
    }
    say(&mut good, &call("GetInfo")).await;
    assert!(hear(&mut good).await.is_some());
}

#[tokio::test]
async fn a_flood_of_nuls_ends_at_the_first() {
    let server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    let flood = vec![0; 1 << 20];
    let _ = stream.write_all(&flood).await;
    assert_eq!(hear(&mut stream).await, None);
    still_serves(&server).await;
}

#[tokio::test]
async fn a_message_may_be_long_but_not_endless() {
    let server = start(entrance(), person(), Echo::default());
    let padded = |length: usize| {
        let frame = r#"{"method":"org.twofold.Authority.GetInfo","parameters":{"a":""}}"#.len();
        call("GetInfo").replace('}', &format!(r#","parameters":{{"a":"{}"}}}}"#, "x".repeat(length - frame)))
    };
    let mut stream = server.connect().await;
    say(&mut stream, &padded(MAX_MESSAGE - 1)).await;
    assert!(hear(&mut stream).await.unwrap()["parameters"]["length"].as_u64().unwrap() > 200_000);
    let mut stream = server.connect().await;
    let _ = stream.write_all(padded(1 << 20).as_bytes()).await;
    assert_eq!(hear(&mut stream).await, None);
    still_serves(&server).await;
}

#[tokio::test]
async fn a_message_that_drips_is_cut_off() {
    let limits = Limits { request: Duration::from_millis(200), ..limits() };
    let server = start(entrance(), Terms { limits, ..person() }, Echo::default());
    let mut stream = server.connect().await;
    let began = Instant::now();
    let mut drip = tokio::time::interval(Duration::from_millis(20));
    // As long as it is let, it sends one more byte.
    while stream.write_all(b" ").await.is_ok() {
        drip.tick().await;
        assert!(began.elapsed() < Duration::from_secs(10), "a drip keeps a connection for ever");
    }
    still_serves(&server).await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let limits = Limits { idle: Duration::from_millis(100), ..limits() };
    let server = start(entrance(), Terms { limits, ..person() }, Echo::default());
    let mut stream = server.connect().await;
    assert_eq!(hear(&mut stream).await, None);
    still_serves(&server).await;
}

#[tokio::test]
async fn half_a_message_harms_nobody() {
    let server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    stream.write_all(b"{\"method\":\"org.twof").await.unwrap();
    drop(stream);
    still_serves(&server).await;
}

#[tokio::test]
async fn a_peer_that_has_finished_sending_still_gets_its_answer() {
    let server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    say(&mut stream, &call("GetInfo")).await;
    stream.shutdown().await.unwrap();
    assert!(hear(&mut stream).await.is_some());
    assert_eq!(hear(&mut stream).await, None);
}

#[tokio::test]
async fn a_thousand_connections_of_one_uid_leave_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["door.sock", "main.sock"].map(|name| folder.path().join(name));
    let sockets =
        vec![Socket::make(&paths[0], entrance()).unwrap(), Socket::make(&paths[1], At::Main).unwrap()];
    let own = rustix::process::geteuid().as_raw();
    let terms = Terms { uids: Uids { own, ..person().uids }, ..person() };
    tokio::spawn(serve(Arc::new(Echo::default()), sockets, terms, std::future::pending()));
    let mut crowd = Vec::new();
    for _ in 0..1000 {
        // A full queue is as good as a refusal.
        if let Ok(stream) = UnixStream::connect(&paths[0]).await {
            crowd.push(stream);
        }
    }
    // Those over the limit are closed; those within it are served.
    let mut served = 0;
    for stream in &mut crowd {
        let message = call("GetInfo") + "\0";
        if stream.write_all(message.as_bytes()).await.is_ok() && hear(stream).await.is_some() {
            served += 1;
        }
    }
    assert_eq!(served, limits().connections_per_uid);
    let mut outside = UnixStream::connect(&paths[1]).await.unwrap();
    say(&mut outside, &call("GetInfo")).await;
    assert_eq!(hear(&mut outside).await.unwrap()["parameters"]["door"], false);
}

#[tokio::test]
async fn a_closed_connection_makes_room_for_the_next() {
    let server = start(entrance(), person(), Echo::default());
    for _ in 0..10 * limits().connections_per_uid {
        let mut stream = server.connect().await;
        say(&mut stream, &call("GetInfo")).await;
        assert!(hear(&mut stream).await.is_some());
    }
}

#[tokio::test]
async fn an_operation_that_breaks_is_an_error_and_no_more() {
    let server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    say(&mut stream, &call("AcceptClock")).await;
    assert_eq!(hear(&mut stream).await.unwrap()["error"], "org.twofold.Authority.Internal");
    say(&mut stream, &call("GetInfo")).await;
    assert!(hear(&mut stream).await.is_some());
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up_and_goes_on_by_itself() {
    let limits = Limits { request: Duration::from_millis(100), ..limits() };
    let echo = Echo { gate: Some(Semaphore::new(0)), ..Echo::default() };
    let server = start(entrance(), Terms { limits, ..person() }, echo);
    let mut stream = server.connect().await;
    say(&mut stream, &call("Verify")).await;
    assert_eq!(hear(&mut stream).await.unwrap()["error"], "org.twofold.Authority.Internal");
    assert_eq!(hear(&mut stream).await, None);
    server.service.gate.as_ref().unwrap().add_permits(1);
    server.service.done.notified().await;
}

#[tokio::test]
async fn a_uid_with_too_many_calls_at_once_waits_and_is_then_told_busy() {
    let limits = Limits { connections_per_uid: 200, request: Duration::from_millis(300), ..limits() };
    let echo = Echo { gate: Some(Semaphore::new(0)), ..Echo::default() };
    let server = start(entrance(), Terms { limits, ..person() }, echo);
    let mut streams = Vec::new();
    for _ in 0..150 {
        let mut stream = server.connect().await;
        say(&mut stream, &call("Verify")).await;
        streams.push(stream);
    }
    let mut told = std::collections::BTreeMap::new();
    for stream in &mut streams {
        let answer = hear(stream).await.unwrap();
        *told.entry(answer["error"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    // Those that had begun are given up; those that had not are told that nothing happened.
    assert_eq!(told["org.twofold.Authority.Internal"], 64);
    assert_eq!(told["org.twofold.Authority.Busy"], 86);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_stop_its_call() {
    let echo = Echo { gate: Some(Semaphore::new(0)), ..Echo::default() };
    let server = start(entrance(), person(), echo);
    let mut stream = server.connect().await;
    say(&mut stream, &call("Verify")).await;
    server.service.begun.notified().await;
    drop(stream);
    server.service.gate.as_ref().unwrap().add_permits(1);
    server.service.done.notified().await;
}

#[tokio::test]
async fn a_stream_goes_on_until_its_reader_leaves() {
    let server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    say(&mut stream, &call("WatchSessions")).await;
    assert_eq!(hear(&mut stream).await.unwrap()["error"], "org.varlink.service.ExpectedMore");
    say(&mut stream, &call("WatchSessions").replace('}', r#","more":true}"#)).await;
    for number in 0..100 {
        let news = hear(&mut stream).await.unwrap();
        assert_eq!((&news["continues"], &news["parameters"]["number"]), (&true.into(), &number.into()));
    }
    drop(stream);
    still_serves(&server).await;
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_cut_off() {
    let limits = Limits { request: Duration::from_millis(100), ..limits() };
    let idle_exit = Some(Duration::from_millis(100));
    let server = start(entrance(), Terms { limits, idle_exit, ..person() }, Echo::default());
    let mut stream = server.connect().await;
    say(&mut stream, &call("WatchSessions").replace('}', r#","more":true}"#)).await;
    hear(&mut stream).await.unwrap();
    // Nothing is read from here on. The connection ends, or the server would not leave by itself.
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_open_stream_does_not_keep_the_server() {
    let mut server = start(entrance(), person(), Echo::default());
    let mut stream = server.connect().await;
    say(&mut stream, &call("WatchSessions").replace('}', r#","more":true}"#)).await;
    hear(&mut stream).await.unwrap();
    server.leave().await;
    server.served.await.unwrap().unwrap();
    drop(stream);
}

#[tokio::test]
async fn leaving_finishes_what_was_accepted() {
    let echo = Echo { gate: Some(Semaphore::new(0)), ..Echo::default() };
    let mut server = start(entrance(), person(), echo);
    let mut working = server.connect().await;
    say(&mut working, &call("Verify")).await;
    server.service.begun.notified().await;
    let mut silent = server.connect().await;
    server.leave().await;
    // The silent one is let go, the socket is gone, and the one at work still gets its answer.
    assert_eq!(hear(&mut silent).await, None);
    assert!(!server.path.exists());
    assert!(!server.served.is_finished());
    server.service.gate.as_ref().unwrap().add_permits(1);
    assert!(hear(&mut working).await.is_some());
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_found_the_socket_before_it_went_is_served() {
    let mut server = start(entrance(), person(), Echo::default());
    // Connected and sent before the server has had a chance to accept.
    let mut early = std::os::unix::net::UnixStream::connect(&server.path).unwrap();
    io::Write::write_all(&mut early, (call("GetInfo") + "\0").as_bytes()).unwrap();
    server.leave().await;
    early.set_nonblocking(true).unwrap();
    let mut early = UnixStream::from_std(early).unwrap();
    assert!(hear(&mut early).await.is_some());
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_server_leaves_and_a_busy_one_does_not() {
    let idle_exit = Some(Duration::from_millis(100));
    let server = start(entrance(), Terms { idle_exit, ..person() }, Echo::default());
    let mut stream = server.connect().await;
    for _ in 0..10 {
        say(&mut stream, &call("GetInfo")).await;
        assert!(hear(&mut stream).await.is_some());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert!(!server.served.is_finished());
    drop(stream);
    server.served.await.unwrap().unwrap();
}

#[test]
fn a_process_without_descriptors_pauses_and_goes_on() {
    // In a process of its own: the limit is the whole process's.
    if std::env::args().any(|argument| argument == "--exact") {
        return exhausted();
    }
    let own = std::env::current_exe().unwrap();
    let name = "listen::tests::a_process_without_descriptors_pauses_and_goes_on";
    let output = std::process::Command::new(own).args([name, "--exact", "--nocapture"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn exhausted() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = start(entrance(), person(), Echo::default());
        // Kept open: one that closes late would give its descriptor back in the middle.
        let mut first = server.connect().await;
        say(&mut first, &call("GetInfo")).await;
        assert!(hear(&mut first).await.is_some());
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) }).unwrap();
        let mut hoard = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        // One descriptor for the client, none for the server.
        hoard.pop();
        let mut stream = server.connect().await;
        say(&mut stream, &call("GetInfo")).await;
        let refused = tokio::time::timeout(PAUSE * 2, hear(&mut stream)).await;
        assert!(refused.is_err(), "the server had no descriptor to accept with");
        drop(hoard);
        assert!(hear(&mut stream).await.is_some());
    });
}

#[test]
fn sockets_are_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("a.sock");
    let _socket = Socket::make(path, At::Main).unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o666);
}
