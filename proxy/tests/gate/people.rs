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

#[test]
fn pages_without_anybody_are_passed_by_and_say_so_where_there_are_too_many() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let url = |path: &str| format!("http://id.localhost:{}{path}", world.port);
    world.authority.empty_pages(3);
    let page = browser.open(&url("/people?state=locked"));
    assert!(page.status == 200 && page.body.contains(">bob</a>"), "{page:?}");
    assert!(!page.body.contains("rel=\"next\""), "{}", page.body);
    assert_eq!(world.authority.calls("AsPerson"), 4);
    // Nobody is asked without end for one page; the way on is there.
    world.authority.empty_pages(30);
    let page = browser.open(&url("/people?state=locked"));
    assert!(page.body.contains("Nobody so far") && !page.body.contains("<table"), "{}", page.body);
    let next = page.body.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let page = browser.open(&url(&next.replace("&amp;", "&").replace("&#38;", "&")));
    assert!(page.body.contains(">bob</a>") && page.body.contains("First page"), "{}", page.body);
}

#[test]
fn a_file_whose_first_pages_have_nobody_begins_once() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    world.authority.empty_pages(2);
    let cookie = browser.cookie("id.localhost", "__Host-twofold-id").unwrap();
    let file = |name: &str| {
        let mut stream = connect(world.port);
        let request = format!(
            "GET /people/{name} HTTP/1.1\r\nhost: id.localhost:{}\r\nconnection: close\r\naccept: */*\r\ncookie: __Host-twofold-id={cookie}\r\n\r\n",
            world.port
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let csv = file("people.csv");
    assert_eq!(
        (csv.matches("\"other names\"").count(), csv.matches("\"local:bob\"").count()),
        (1, 1),
        "{csv}"
    );
    let json = file("people.json");
    let beginning = json.lines().filter(|line| line.starts_with('[')).count();
    assert_eq!((beginning, json.matches("\"local:bob\"").count()), (1, 1), "{json}");
    for whole in [csv, json] {
        assert!(whole.ends_with("\r\n0\r\n\r\n"), "{whole}");
    }
}
