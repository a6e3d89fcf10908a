//! The interface description and the messages are two writings of one thing: this holds them together, field by field.
//!
//! The messages are read as text: what is compared is every field's name, its type, and whether it may be absent.

use std::collections::BTreeMap;

use super::{DESCRIPTION, INTERFACE, METHODS};

/// Every file that holds messages.
const MESSAGES: &str = concat!(
    include_str!("account.rs"),
    include_str!("api_key.rs"),
    include_str!("door.rs"),
    include_str!("emergency.rs"),
    include_str!("enrolment.rs"),
    include_str!("fault.rs"),
    include_str!("gate.rs"),
    include_str!("grace.rs"),
    include_str!("ids.rs"),
    include_str!("keys.rs"),
    include_str!("login_enrolment.rs"),
    include_str!("operator.rs"),
    include_str!("person.rs"),
    include_str!("policy.rs"),
    include_str!("session.rs"),
    include_str!("trail.rs"),
    include_str!("words.rs"),
);

/// A field's or an enum's word, and the type as the description writes it (empty for a word).
type Fields = Vec<(String, String)>;

#[derive(Debug, Default, PartialEq)]
struct Description {
    types: BTreeMap<String, Fields>,
    methods: BTreeMap<String, (Fields, Fields)>,
    errors: BTreeMap<String, Fields>,
}

fn described() -> Description {
    let text: String = DESCRIPTION.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let text = text.strip_prefix("interface ").unwrap().strip_prefix(INTERFACE).unwrap();
    let mut found = Description::default();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (keyword, after) = rest.split_once(' ').unwrap();
        let (name, after) = after.split_once('(').unwrap();
        let (inside, after) = after.split_once(')').unwrap();
        let name = name.trim().to_owned();
        match keyword {
            "type" => drop(found.types.insert(name, fields(inside))),
            "error" => drop(found.errors.insert(name, fields(inside))),
            "method" => {
                let after = after.trim_start().strip_prefix("->").unwrap();
                let (answer, after) = after.trim_start().strip_prefix('(').unwrap().split_once(')').unwrap();
                found.methods.insert(name, (fields(inside), fields(answer)));
                rest = after.trim();
                continue;
            }
            other => panic!("{other}"),
        }
        rest = after.trim();
    }
    found
}

fn fields(inside: &str) -> Fields {
    let parts = inside.split(',').map(str::trim).filter(|part| !part.is_empty());
    let field = |part: &str| match part.split_once(':') {
        Some((name, kind)) => (name.trim().to_owned(), kind.trim().to_owned()),
        None => (part.to_owned(), String::new()),
    };
    parts.map(field).collect()
}

/// A struct or an enum of the messages: each member's name, its Rust type (none in an enum) and its serde attributes.
struct Item {
    attributes: String,
    members: Vec<(String, Option<String>, String)>,
}

fn written() -> BTreeMap<String, Item> {
    let mut items = BTreeMap::new();
    let mut lines = MESSAGES.lines();
    let mut attributes = String::new();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum ")) else {
            if !line.starts_with("#[") {
                attributes.clear();
            }
            attributes.push_str(line);
            continue;
        };
        let Some((name, open)) = head.split_once(" {") else { continue };
        let members = if open == "}" { Vec::new() } else { members(&mut lines) };
        items.insert(name.to_owned(), Item { attributes: std::mem::take(&mut attributes), members });
    }
    items
}

fn members<'t>(lines: &mut impl Iterator<Item = &'t str>) -> Vec<(String, Option<String>, String)> {
    let mut members = Vec::new();
    let mut attributes = String::new();
    for line in lines.take_while(|line| *line != "}").map(str::trim) {
        if line.starts_with("#[") {
            attributes.push_str(line);
        } else if !line.starts_with("//") {
            let line = line.trim_end_matches(',');
            let member = match line.strip_prefix("pub ").and_then(|field| field.split_once(": ")) {
                Some((name, kind)) => (name.to_owned(), Some(kind.to_owned())),
                None => (line.to_owned(), None),
            };
            members.push((member.0, member.1, std::mem::take(&mut attributes)));
        }
    }
    members
}

fn kind(rust: &str) -> String {
    let inner = |wrapper: &str| rust.strip_prefix(wrapper).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inner("Option<") {
        return format!("?{}", kind(inner));
    }
    if let Some(inner) = inner("Vec<") {
        return format!("[]{}", kind(inner));
    }
    match rust {
        "String" | "SecretText" | "Nonce" | "SessionDigest" | "ApiKeyId" | "IpAddr" => "string".to_owned(),
        "Opaque" => "object".to_owned(),
        "u8" | "u32" | "u64" => "int".to_owned(),
        // In an interface description types and errors share their names, and there is an error `Refused`.
        "Refused" => "Refusal".to_owned(),
        other => other.to_owned(),
    }
}

/// What the description has to say of an item. What the caller may leave out is optional in a request; in an answer,
/// what the authority may leave out.
fn expected(item: &Item, request: bool) -> Fields {
    let cased = |word: &str| match () {
        () if item.attributes.contains("snake_case") => snake(word),
        () if item.attributes.contains("lowercase") => word.to_lowercase(),
        () => word.to_owned(),
    };
    let may_lack = if request { "serde(default" } else { "skip_serializing_if" };
    let field = |(name, rust, attributes): &(String, Option<String>, String)| match rust.as_deref().map(kind)
    {
        None => (cased(name), String::new()),
        Some(kind) if attributes.contains(may_lack) && !kind.starts_with('?') => {
            (name.clone(), format!("?{kind}"))
        }
        Some(kind) => (name.clone(), kind),
    };
    item.members.iter().map(field).collect()
}

fn snake(word: &str) -> String {
    let mut snake = String::new();
    for letter in word.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// `Request -> Reply` as the macro in `wire.rs` lists them.
fn replies() -> BTreeMap<String, String> {
    let lines = include_str!("../wire.rs").lines().skip_while(|line| *line != "methods! {").skip(1);
    let pairs = lines.take_while(|line| *line != "}").map(|line| {
        let (request, reply) = line.trim().trim_end_matches(';').split_once(" -> ").unwrap();
        (request.to_owned(), reply.to_owned())
    });
    pairs.collect()
}

#[test]
fn every_method_is_described_field_by_field_and_no_other_is() {
    let (items, described) = (written(), described());
    let expected = replies().into_iter().map(|(request, reply)| {
        let fields = (expected(&items[&request], true), expected(&items[&reply], false));
        (request, fields)
    });
    let expected: BTreeMap<_, _> = expected.collect();
    for (method, fields) in &expected {
        assert_eq!(described.methods.get(method), Some(fields), "{method}");
    }
    assert_eq!(described.methods.len(), expected.len());
    assert_eq!(expected.len(), METHODS.len());
}

#[test]
fn every_type_is_described_field_by_field_and_used() {
    let (items, described) = (written(), described());
    let mut items: BTreeMap<String, Item> =
        items.into_iter().map(|(name, item)| (kind(&name), item)).collect();
    for (name, fields) in &described.types {
        assert_eq!(fields, &expected(&items.remove(name).unwrap(), false), "{name}");
    }
    let methods = described.methods.values().flat_map(|(request, reply)| request.iter().chain(reply));
    let all = methods.chain(described.types.values().flatten()).chain(described.errors.values().flatten());
    let mut used: Vec<&str> = all.map(|(_, kind)| kind.trim_start_matches(['?', '[', ']'])).collect();
    used.retain(|kind| kind.starts_with(char::is_uppercase));
    used.sort_unstable();
    used.dedup();
    let defined: Vec<&str> = described.types.keys().map(String::as_str).collect();
    assert_eq!(used, defined);
}

#[test]
fn no_name_is_given_twice() {
    let described = described();
    let names = described.types.keys().chain(described.methods.keys()).chain(described.errors.keys());
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn every_error_is_described_with_the_same_parameters() {
    let (items, described) = (written(), described());
    let parameters: Fields =
        expected(&items["Fault"], false).into_iter().filter(|(name, _)| name != "kind").collect();
    let kinds: Vec<String> = items["FaultKind"].members.iter().map(|(kind, ..)| kind.clone()).collect();
    assert_eq!(described.errors.len(), kinds.len());
    for kind in kinds {
        assert_eq!(described.errors[&kind], parameters, "{kind}");
    }
}
