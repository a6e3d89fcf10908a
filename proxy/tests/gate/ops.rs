//! Health and metrics: there for who runs the gate, and nowhere else.

use crate::browser::{Browser, exchange, give_code, give_password, raw, sign_in};
use crate::harness::{World, free_port};

fn get(port: u16, path: &str, lines: &str) -> (u16, String) {
    let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    let answer = raw(port, text.as_bytes());
    (answer.status, answer.body)
}

fn world() -> (World, u16) {
    let ops = free_port();
    (World::start_with(&format!("ops = \"127.0.0.1:{ops}\"\nblind = \"3s\"")), ops)
}

#[test]
fn it_is_ready_only_while_the_authority_is_heard() {
    let (world, ops) = world();
    world.until("it is ready", || get(ops, "/healthz/ready", "") == (200, "ready\n".to_owned()));
    world.authority.set_watch(false);
    world.until("it is blind", || get(ops, "/healthz/ready", "").1.starts_with("blind"));
    world.until("it is dark", || get(ops, "/healthz/ready", "").1.starts_with("dark"));
    assert_eq!(get(ops, "/healthz/ready", "").0, 503);
    assert_eq!(get(ops, "/healthz/live", ""), (200, "live\n".to_owned()));
    assert!(get(ops, "/metrics", "").1.contains("twofold_sight{state=\"dark\"} 1"));
    world.authority.set_watch(true);
    world.until("it heals", || get(ops, "/healthz/ready", "").0 == 200);
}

#[test]
fn what_happens_is_counted() {
    let (world, ops) = world();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/page", world.port));
    let page = give_password(&mut browser, &page, "alice");
    let page = give_code(&mut browser, &page, "123456");
    assert_eq!(give_code(&mut browser, &page, "111111").status, 200);
    sign_in(&mut Browser::new(world.port), "8765 4321");
    raw(world.port, b"TRACE / HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n");
    let (status, text) = get(ops, "/metrics?name=x", "");
    assert_eq!(status, 200);
    for line in [
        "twofold_authz_total{decision=\"pass\"} 1",
        "twofold_authz_total{decision=\"second_factor_required\"} 2",
        "twofold_authz_total{decision=\"unclear_request\"} 1",
        "twofold_second_factor_total{kind=\"code\",outcome=\"wrong\"} 1",
        "twofold_second_factor_total{kind=\"code\",outcome=\"approved\"} 1",
        "twofold_second_factor_total{kind=\"backup_code\",outcome=\"approved\"} 1",
        "twofold_sight{state=\"clear\"} 1",
        "twofold_certificate_ends_seconds 0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is missing in:\n{text}");
    }
    for part in [
        "twofold_request_seconds_bucket{le=\"+Inf\"} ",
        "twofold_sessions_known ",
        "twofold_build_info{version=",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains("alice") && !text.contains("localhost"), "{text}");
}

#[test]
fn the_ops_listener_answers_three_addresses_and_passes_nothing_on() {
    let (world, ops) = world();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let seen = world.app.seen().len();
    let as_alice = format!("Cookie: {}\r\n", browser.cookies("wiki.localhost"));
    for path in ["/", "/page", "/.twofold/sign-out", "/metrics/", "/healthz", "//metrics"] {
        assert_eq!(get(ops, path, &as_alice).0, 404, "{path}");
        let wiki =
            format!("GET {path} HTTP/1.1\r\nHost: wiki.localhost\r\n{as_alice}Connection: close\r\n\r\n");
        assert_eq!(raw(ops, wiki.as_bytes()).status, 404, "{path}");
    }
    assert_eq!(raw(ops, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").status, 405);
    let head = raw(ops, b"HEAD /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((head.status, head.header("content-length")), (200, Some("5")));
    assert_eq!(world.app.seen().len(), seen);
}

#[test]
fn no_path_host_or_agent_opens_health_or_metrics_to_the_public() {
    let (ops, plain) = (free_port(), free_port());
    let settings = format!("ops = \"127.0.0.1:{ops}\"\nredirect_http = [\"127.0.0.1:{plain}\"]");
    let world = World::start_secure(&settings, "");
    assert_eq!(get(ops, "/healthz/live", "").0, 200);
    let trusts = world.root.trusts();
    for path in [
        "/healthz/live",
        "/healthz/ready",
        "/metrics",
        "/health",
        "/ping",
        "/status",
        "/.twofold/metrics",
        "/-/healthy",
    ] {
        for host in ["wiki.localhost", "id.localhost", "localhost", "127.0.0.1", &format!("127.0.0.1:{ops}")]
        {
            for agent in ["kube-probe/1.30", "ELB-HealthChecker/2.0", "GoogleHC/1.0", "Prometheus/2.53.0", ""]
            {
                let text = format!(
                    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
                );
                let name = if host == "id.localhost" { host } else { "wiki.localhost" };
                let own = exchange(trusts.connect(world.port, name).unwrap(), text.as_bytes());
                let led = raw(plain, text.as_bytes());
                for answer in [own, led] {
                    assert!([308, 401, 404, 421].contains(&answer.status), "{text}: {}", answer.status);
                    assert!(
                        !answer.body.contains("twofold_")
                            && !["live\n", "ready\n"].contains(&answer.body.as_str())
                    );
                }
            }
        }
    }
    assert!(world.app.seen().is_empty());
}
