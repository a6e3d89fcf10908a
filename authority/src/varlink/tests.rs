//! What framing and envelope promise.

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use twofold_shared::wire::FaultKind;

use super::*;

fn call(message: &str) -> Result<Asked<'_>, Failure> {
    Call::read(message.as_bytes()).unwrap().request
}

fn answer(asked: Result<Asked<'_>, Failure>) -> serde_json::Value {
    match asked.unwrap() {
        Asked::Service(reply) => reply.parameters(),
        Asked::Method(..) => panic!("not a question of the service"),
    }
}

async fn frames(bytes: &[u8], limit: usize) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let mut frames = Frames::new(bytes, limit);
    let mut messages = Vec::new();
    loop {
        while let Some(message) = frames.take() {
            messages.push(message.to_vec());
        }
        match frames.fill().await {
            Ok(true) => {}
            Ok(false) => return (messages, Ok(())),
            Err(error) => return (messages, Err(error)),
        }
    }
}

#[test]
fn a_call_is_read_as_far_as_its_method_and_untouched_parameters() {
    let message =
        br#"{"method":"org.twofold.Authority.GetAccount","parameters":{"account": "a"},"more":true}"#;
    let call = Call::read(message).unwrap();
    assert!(call.more && !call.oneway);
    match call.request.unwrap() {
        Asked::Method(method, parameters) => {
            assert_eq!((method, parameters.get()), ("GetAccount", r#"{"account": "a"}"#))
        }
        Asked::Service(_) => panic!("a method of the interface"),
    }
}

#[test]
fn absent_and_null_parameters_are_an_empty_object() {
    for parameters in ["", r#","parameters":null"#, r#","parameters":{}"#] {
        let message = format!(r#"{{"method":"org.twofold.Authority.GetInfo"{parameters}}}"#);
        assert!(matches!(call(&message), Ok(Asked::Method("GetInfo", given)) if given.get() == "{}"));
    }
}

#[test]
fn parameters_that_are_no_object_are_refused() {
    for parameters in ["[]", "[\"alice\"]", "1", "\"x\"", "true"] {
        let message = format!(r#"{{"method":"org.twofold.Authority.GetAccount","parameters":{parameters}}}"#);
        assert_eq!(call(&message).unwrap_err(), Failure::InvalidParameter("parameters".into()));
    }
}

#[test]
fn unknown_names_are_told_apart() {
    let failure = |method: &str| call(&format!(r#"{{"method":"{method}"}}"#)).unwrap_err();
    assert_eq!(
        failure("org.twofold.Authority.Rule"),
        Failure::MethodNotFound("org.twofold.Authority.Rule".into())
    );
    assert_eq!(
        failure("org.varlink.service.Rule"),
        Failure::MethodNotFound("org.varlink.service.Rule".into())
    );
    assert_eq!(
        failure("org.twofold.authority.Verify"),
        Failure::InterfaceNotFound("org.twofold.authority".into())
    );
    assert_eq!(failure("Verify"), Failure::InterfaceNotFound("Verify".into()));
    assert_eq!(failure(""), Failure::InterfaceNotFound(String::new()));
}

#[test]
fn what_is_no_call_has_no_answer() {
    for message in
        ["", "{}", "[]", "null", "no json", r#"{"method":1}"#, r#"{"method":"a","method":"b"}"#, "\u{feff}{}"]
    {
        assert!(Call::read(message.as_bytes()).is_err(), "{message}");
    }
    assert!(Call::read(b"{\"method\":\"\xff\"}").is_err());
}

#[test]
fn deep_nesting_is_an_error_or_skipped_but_never_a_crash() {
    let deep = "[".repeat(100_000);
    let inside = format!(r#"{{"method":"org.twofold.Authority.GetInfo","x":{deep}"#);
    assert!(Call::read(deep.as_bytes()).is_err());
    assert!(Call::read(inside.as_bytes()).is_err());
    let closed = format!(
        r#"{{"method":"org.twofold.Authority.GetInfo","parameters":{{"x":{}{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let _ = Call::read(closed.as_bytes());
}

#[test]
fn the_service_introduces_itself() {
    let info = answer(call(r#"{"method":"org.varlink.service.GetInfo"}"#));
    assert_eq!(info["interfaces"], serde_json::json!([SERVICE, INTERFACE]));
    for interface in [SERVICE, INTERFACE] {
        let message = format!(
            r#"{{"method":"org.varlink.service.GetInterfaceDescription","parameters":{{"interface":"{interface}"}}}}"#
        );
        let description = answer(call(&message));
        assert!(description["description"].as_str().unwrap().contains(&format!("interface {interface}\n")));
    }
    let other =
        r#"{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"a.b"}}"#;
    assert_eq!(call(other).unwrap_err(), Failure::InterfaceNotFound("a.b".into()));
    let none = r#"{"method":"org.varlink.service.GetInterfaceDescription"}"#;
    assert_eq!(call(none).unwrap_err(), Failure::InvalidParameter("interface".into()));
}

#[test]
fn answers_are_one_json_object_and_one_nul() {
    let reply = || Reply::of(&serde_json::json!({ "a": "\0" })).unwrap();
    assert_eq!(&*reply().message(false), b"{\"parameters\":{\"a\":\"\\u0000\"}}\0");
    assert_eq!(&*reply().message(true), b"{\"parameters\":{\"a\":\"\\u0000\"},\"continues\":true}\0");
    let fault = Fault { kind: FaultKind::NameTaken, detail: "taken\0".into(), refusal: None };
    let message = error(&Failure::Fault(fault));
    assert_eq!(message.iter().filter(|&&byte| byte == 0).count(), 1);
    let read: serde_json::Value = serde_json::from_slice(message.strip_suffix(b"\0").unwrap()).unwrap();
    assert_eq!(read["error"], "org.twofold.Authority.NameTaken");
    assert_eq!(read["parameters"]["detail"], "taken\0");
}

#[tokio::test]
async fn messages_are_cut_at_their_nuls() {
    let (messages, end) = frames(b"one\0\0three\0", 100).await;
    assert_eq!(messages, [b"one".to_vec(), Vec::new(), b"three".to_vec()]);
    assert!(end.is_ok());
}

#[tokio::test]
async fn half_a_message_is_an_error_after_the_whole_ones() {
    let (messages, end) = frames(b"one\0tw", 100).await;
    assert_eq!(messages, [b"one".to_vec()]);
    assert!(matches!(end, Err(FrameError::Half)));
}

#[tokio::test]
async fn a_message_may_be_as_long_as_the_limit_and_no_longer() {
    let message = |length: usize| [vec![b'x'; length], vec![0]].concat();
    for limit in [1, 2, 1023, 1024, 1025, 5000] {
        assert_eq!(frames(&message(limit - 1), limit).await.0, [vec![b'x'; limit - 1]]);
        let (messages, end) = frames(&message(limit), limit).await;
        assert!(messages.is_empty());
        assert!(matches!(end, Err(FrameError::TooLong(_))), "{limit}");
    }
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let (mut client, server) = tokio::io::duplex(64);
    let mut frames = Frames::new(server, 100);
    client.write_all(b"hal").await.unwrap();
    assert!(frames.fill().await.unwrap());
    let waited = tokio::time::timeout(std::time::Duration::from_millis(1), frames.fill()).await;
    assert!(waited.is_err() && frames.begun());
    client.write_all(b"f\0").await.unwrap();
    assert!(frames.fill().await.unwrap());
    assert_eq!(frames.take().unwrap().as_slice(), b"half");
}

proptest! {
    #[test]
    fn reading_a_call_never_panics(message in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Call::read(&message);
    }

    #[test]
    fn reading_what_looks_like_a_call_never_panics(
        method in "(org\\.twofold\\.Authority|org\\.varlink\\.service|[a-z.]{0,9})\\.?[A-Za-z]{0,9}",
        rest in "[{}\\[\\]\",:0-9a-z]{0,60}",
    ) {
        if let Ok(Call { request: Err(failure), .. }) =
            Call::read(format!("{{\"method\":\"{method}\",\"parameters\":{rest}}}").as_bytes())
        {
            prop_assert_eq!(error(&failure).iter().filter(|&&byte| byte == 0).count(), 1);
        }
    }

    #[test]
    fn framing_gives_back_what_was_sent_however_it_is_cut(
        messages in prop::collection::vec(prop::collection::vec(1_u8.., 0..80), 0..8),
        piece in 1_usize..50,
    ) {
        let sent: Vec<u8> = messages.iter().flat_map(|message| [message.as_slice(), &[0]].concat()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let got = runtime.block_on(async {
            let (mut client, server) = tokio::io::duplex(piece);
            let mut frames = Frames::new(server, 100);
            let write = async {
                client.write_all(&sent).await.unwrap();
                drop(client);
            };
            let read = async {
                let mut got = Vec::new();
                loop {
                    while let Some(message) = frames.take() {
                        got.push(message.to_vec());
                    }
                    if !frames.fill().await.unwrap() {
                        return got;
                    }
                }
            };
            tokio::join!(write, read).1
        });
        prop_assert_eq!(got, messages);
    }
}
