//! Which rule decides, and what a file is refused for.

use std::path::Path;

use http::Method;
use twofold_shared::config::{Mistakes, read};

use super::*;
use crate::config::{Config, check};

mod keys;

fn config(rules: &str) -> Result<Config, Mistakes> {
    let text = format!(
        r#"
portal = "http://id.localhost"
groups = ["staff", "admins"]
[[site]]
origin = "http://wiki.localhost"
upstream = "127.0.0.1:1"
first_factor = "password"
[[site]]
origin = "http://shop.localhost"
upstream = "127.0.0.1:1"
first_factor = "password"
ignore_case = true
{rules}"#
    );
    read(Path::new("gate.toml"), &text, check)
}

fn mistakes(rules: &str) -> String {
    config(rules).unwrap_err().to_string()
}

/// Rule number (0: none) and policy for a request at a host.
fn decided(
    config: &Config,
    host: &str,
    what: (&str, &str, &str),
    groups: Option<&[&str]>,
) -> (usize, Policy) {
    let (method, path, address) = what;
    let site = config.sites.iter().find(|site| site.origin.host().as_str() == host).unwrap();
    let is_in = |group: &str| groups.is_some_and(|groups| groups.contains(&group));
    let asked = Asked {
        path: path.as_bytes(),
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        address: Some(address.parse().unwrap()),
        is_in: groups.is_some().then_some(&is_in),
    };
    let finding = site.rules.find(&asked);
    (finding.rule.map_or(0, |rule| rule.number), finding.policy)
}

const SECOND: Policy = Policy::Second { max_age: None };

#[test]
fn the_first_rule_that_matches_decides() {
    let config = config(
        r#"
[[rule]]
hosts = ["wiki.localhost"]
paths = ["/public", "/**/feed"]
policy = "bypass"
[[rule]]
paths = ["/admin"]
networks = ["10.0.0.0/8", "2001:db8::/32"]
groups = ["admins"]
policy = "second"
max_age = "5m"
[[rule]]
paths = ["/admin"]
policy = "deny"
[[rule]]
hosts = ["*.localhost"]
methods = ["GET"]
networks = ["10.0.0.0/8"]
policy = "first"
"#,
    )
    .unwrap();
    let wiki = |what, groups| decided(&config, "wiki.localhost", what, groups);
    assert_eq!(wiki(("GET", "/public/a", "192.0.2.1"), None), (1, Policy::Bypass));
    assert_eq!(wiki(("HEAD", "/x/feed", "192.0.2.1"), None), (1, Policy::Bypass));
    assert_eq!(
        wiki(("POST", "/public/a", "192.0.2.1"), None),
        (0, SECOND),
        "only reading, unless it says so"
    );
    assert_eq!(decided(&config, "shop.localhost", ("GET", "/public", "192.0.2.1"), None), (0, SECOND));
    let fresh = Policy::Second { max_age: Some(Duration::from_secs(300)) };
    assert_eq!(wiki(("POST", "/admin", "10.1.1.1"), Some(&["admins"])), (2, fresh));
    assert_eq!(wiki(("POST", "/admin", "10.1.1.1"), Some(&["staff"])), (3, Policy::Deny));
    assert_eq!(wiki(("POST", "/admin", "192.0.2.1"), Some(&["admins"])), (3, Policy::Deny));
    assert_eq!(wiki(("GET", "/", "10.1.1.1"), Some(&[])), (4, Policy::First));
    assert_eq!(wiki(("GET", "/", "192.0.2.1"), Some(&[])), (0, SECOND));
}

#[test]
fn a_rule_about_groups_first_asks_who_it_is() {
    let config = config("[[rule]]\ngroups = [\"staff\"]\npolicy = \"deny\"").unwrap();
    let wiki = |groups| decided(&config, "wiki.localhost", ("POST", "/", "192.0.2.1"), groups);
    assert_eq!(wiki(None), (1, Policy::First));
    assert_eq!(wiki(Some(&["staff"])), (1, Policy::Deny));
    assert_eq!(wiki(Some(&["admins"])), (0, SECOND));
}

#[test]
fn an_app_that_ignores_case_is_judged_without() {
    let config = config("[[rule]]\npaths = [\"/Admin/*.PHP\"]\npolicy = \"deny\"").unwrap();
    let at = |host: &str, path: &str| {
        let site = config.sites.iter().find(|site| site.origin.host().as_str() == host).unwrap();
        let site = Site::new(site);
        let judged = site.judged(path.as_bytes()).into_owned();
        let get = Method::GET;
        let asked = Asked { path: &judged, method: &get, address: None, is_in: None };
        site.rules().find(&asked).policy
    };
    assert_eq!(at("shop.localhost", "/aDMIN/x.php"), Policy::Deny);
    assert_eq!(at("wiki.localhost", "/aDMIN/x.php"), SECOND);
    assert_eq!(at("wiki.localhost", "/Admin/x.PHP"), Policy::Deny);
}

#[test]
fn a_need_is_met_by_level_and_age() {
    let fresh = Need { max_age: Some(300), ..Need::SECOND };
    let met =
        |need: Need, level, second_at| need.is_met(Reached { level, second_at, trusted_at: None }, 1000);
    assert!(met(Need::FIRST, Level::First, None) && met(Need::FIRST, Level::Second, Some(1)));
    assert!(!met(Need::SECOND, Level::First, None) && met(Need::SECOND, Level::Second, Some(1)));
    assert!(met(fresh, Level::Second, Some(700)) && !met(fresh, Level::Second, Some(699)));
    assert!(!met(fresh, Level::Second, None) && !met(fresh, Level::First, Some(1000)));
}

#[test]
fn a_trusted_browser_meets_what_takes_it_and_never_a_fresh_code() {
    let by_trust = Reached { level: Level::Second, second_at: None, trusted_at: Some(700) };
    let taken = |trust| Need { trust, ..Need::SECOND };
    for (need, is_met) in [
        (Need::FIRST, true),
        (Need::SECOND, false),
        (taken(Some(0)), false),
        (taken(Some(299)), false),
        (taken(Some(300)), true),
        (Need { max_age: Some(86_400), ..taken(Some(300)) }, false),
    ] {
        assert_eq!(need.is_met(by_trust, 1000), is_met, "{need:?}");
    }
    assert!(!taken(Some(300)).is_met(Reached { level: Level::First, ..by_trust }, 1000));
    // A code given since is worth what it always is.
    let by_code = Reached { second_at: Some(900), trusted_at: None, ..by_trust };
    assert!(Need { max_age: Some(100), ..Need::SECOND }.is_met(by_code, 1000));
}

#[test]
fn a_rule_that_can_decide_nothing_is_refused_with_its_line() {
    for (rules, word) in [
        (
            "[[rule]]\npolicy = \"second\"\n[[rule]]\npaths = [\"/a\"]\npolicy = \"deny\"",
            "can never decide: rule 1",
        ),
        (
            "[[rule]]\npaths = [\"/a\"]\npolicy = \"deny\"\n[[rule]]\npaths = [\"/a/b/*\"]\npolicy = \"second\"",
            "can never decide: rule 1",
        ),
        (
            "[[rule]]\nnetworks = [\"10.0.0.0/8\"]\npolicy = \"deny\"\n[[rule]]\nnetworks = [\"10.1.0.0/16\"]\nhosts = [\"wiki.localhost\"]\npolicy = \"second\"",
            "can never decide: rule 1",
        ),
        ("[[rule]]\nhosts = [\"wkii.localhost\"]\npolicy = \"deny\"", "host of no [[site]]"),
        ("[[rule]]\nhosts = [\"*.example.com\"]\npolicy = \"deny\"", "host of no [[site]]"),
        ("[[rule]]\nhosts = []\npolicy = \"deny\"", "would match nothing"),
        ("[[rule]]\ngroups = [\"staf\"]\npolicy = \"deny\"", "not among the `groups`"),
        ("[[rule]]\nnetworks = [\"office.example.com\"]\npolicy = \"deny\"", "a name could change"),
        ("[[rule]]\nnetworks = [\"10.0.0.1/8\"]\npolicy = \"deny\"", "write 10.0.0.0/8"),
        ("[[rule]]\nmethods = [\"TRACE\"]\npolicy = \"deny\"", "a method that the gate passes on"),
        ("[[rule]]\npaths = [\"/a/../b\"]\npolicy = \"deny\"", "a path as it stands"),
        ("[[rule]]\ngroups = [\"staff\"]\npolicy = \"bypass\"", "contradicts itself"),
        ("[[rule]]\npolicy = \"deny\"\nmax_age = \"5m\"", "grows old"),
        ("[[rule]]\npaths = [\"/a\"]", "policy"),
        ("[[rule]]\npolicy = \"deni\"", "must be one of bypass, first, second, deny"),
    ] {
        let said = mistakes(rules);
        assert!(said.contains(word), "{rules}\n{said}");
        let last = said.lines().last().unwrap();
        let line: usize = last.split(':').nth(1).unwrap().parse().unwrap();
        assert!(line >= 13, "it is a line of a rule: {last}");
    }
}

#[test]
fn nearly_the_same_is_not_covered() {
    for rules in [
        "[[rule]]\nmethods = [\"GET\"]\npolicy = \"deny\"\n[[rule]]\npaths = [\"/a\"]\npolicy = \"second\"",
        "[[rule]]\npaths = [\"/a/b\"]\npolicy = \"deny\"\n[[rule]]\npaths = [\"/a\"]\npolicy = \"deny\"",
        "[[rule]]\npaths = [\"/a\"]\npolicy = \"bypass\"\n[[rule]]\npaths = [\"/a\"]\npolicy = \"deny\"",
        "[[rule]]\ngroups = [\"staff\"]\npolicy = \"deny\"\n[[rule]]\ngroups = [\"staff\", \"admins\"]\npolicy = \"second\"",
    ] {
        config(rules).unwrap();
    }
}
