//! Files about people, as they are sent.

use std::io::{Read, Write};

use crate::browser::{Browser, connect, sign_in};
use crate::harness::World;

#[test]
fn a_file_that_is_cut_off_does_not_look_whole() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let cookie = browser.cookie("id.localhost", "__Host-twofold-id").unwrap();
    for (file, line) in [("people.csv", "\"local:bob\""), ("people.json", "[\"local:bob\"]")] {
        let mut stream = connect(world.port);
        let request = format!(
            "GET /people/{file} HTTP/1.1\r\nhost: id.localhost:{}\r\naccept: */*\r\ncookie: __Host-twofold-id={cookie}\r\n\r\n",
            world.port
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // However it ends: the authority has no second page.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(answer.starts_with("http/1.1 200") && answer.contains("chunked"), "{answer}");
        assert!(answer.contains(line), "{answer}");
        assert!(!answer.ends_with("\r\n0\r\n\r\n"), "it ends in the middle: {answer}");
    }
    assert_eq!(world.authority.calls("AsPerson"), 4);
}
