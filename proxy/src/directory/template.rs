//! Where a name goes in a distinguished name or a filter of the configuration, escaped so that it stays a value.

use ldap3::{dn_escape, ldap_escape, parse_filter};

/// What stands for the name.
const NAME: &str = "{name}";
/// Needs escaping everywhere, so what parses with it has the name where a value is.
const HARD: &str = "*)(\\\0";

/// A distinguished name (RFC 4514) one value of which is the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnTemplate {
    before: String,
    after: String,
}

/// A filter (RFC 4515) in which the name is, or is part of, one or more values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTemplate(String);

impl DnTemplate {
    /// Reads one.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let odd =
            "must have {name} once, as a whole value, such as \"uid={name},ou=people,dc=example,dc=com\"";
        let (before, after) = text.split_once(NAME).ok_or(odd)?;
        let template = Self { before: before.to_owned(), after: after.to_owned() };
        let is_whole = after.starts_with(',') && after.contains('=') && template.attribute().is_some();
        if is_whole && !has_braces(before) && !has_braces(after) && !text.contains('\0') {
            Ok(template)
        } else {
            Err(odd.to_owned())
        }
    }

    /// The attribute whose value is the name.
    #[must_use]
    pub fn attribute(&self) -> Option<&str> {
        let attribute = self.before.strip_suffix('=')?;
        let attribute = attribute.rsplit(['+', ',']).next()?.trim();
        is_attribute(attribute).then_some(attribute)
    }

    /// The name of this person's entry.
    #[must_use]
    pub fn of(&self, name: &str) -> String {
        format!("{}{}{}", self.before, dn_escape(name), self.after)
    }
}

impl FilterTemplate {
    /// Reads one.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.contains(NAME) || has_braces(&text.replace(NAME, "")) {
            return Err("must have {name} in it, such as \"(&(objectClass=person)(uid={name}))\"".to_owned());
        }
        let template = Self(text.to_owned());
        if text.starts_with('(') && parse_filter(template.of(HARD)).is_ok() {
            Ok(template)
        } else {
            Err("must be a filter in brackets with {name} where a value stands, such as \"(uid={name})\""
                .to_owned())
        }
    }

    /// The attribute whose whole value is the name, wherever the filter has it; none where there are several.
    #[must_use]
    pub fn attribute(&self) -> Option<&str> {
        let mut found = None;
        let pieces: Vec<&str> = self.0.split(NAME).collect();
        for pair in pieces.windows(2) {
            let (Some(before), Some(after)) = (pair.first(), pair.last()) else { return None };
            let attribute = before.strip_suffix('=')?.rsplit('(').next()?;
            if !after.starts_with(')') || !is_attribute(attribute) {
                return None;
            }
            if found.is_some_and(|found| found != attribute) {
                return None;
            }
            found = Some(attribute);
        }
        found
    }

    /// The filter for this person's entry.
    #[must_use]
    pub fn of(&self, name: &str) -> String {
        self.0.replace(NAME, &ldap_escape(name))
    }
}

/// Whether this is the name of an attribute: letters, digits and hyphens, or a number with dots.
#[must_use]
pub fn is_attribute(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

fn has_braces(text: &str) -> bool {
    text.contains(['{', '}'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_stays_a_value_of_a_distinguished_name() {
        let template = DnTemplate::parse("uid={name},ou=people,dc=example,dc=com").unwrap();
        assert_eq!(template.attribute(), Some("uid"));
        for (name, escaped) in [
            ("alice", "alice"),
            ("alice,ou=admins", "alice\\2cou\\3dadmins"),
            ("a+cn=root", "a\\2bcn\\3droot"),
            ("#04 ", "\\2304\\20"),
            ("a\\,b\0\"<>;", "a\\5c\\2cb\\00\\22\\3c\\3e\\3b"),
        ] {
            assert_eq!(template.of(name), format!("uid={escaped},ou=people,dc=example,dc=com"));
        }
    }

    #[test]
    fn a_name_stays_a_value_of_a_filter() {
        let template = FilterTemplate::parse("(&(objectClass=person)(uid={name}))").unwrap();
        assert_eq!(template.attribute(), Some("uid"));
        for (name, escaped) in
            [("alice", "alice"), ("*", "\\2a"), ("a)(uid=*", "a\\29\\28uid=\\2a"), ("\\2a\0", "\\5c2a\\00")]
        {
            assert_eq!(template.of(name), format!("(&(objectClass=person)(uid={escaped}))"));
        }
    }

    #[test]
    fn what_has_no_one_attribute_for_the_name_says_so() {
        for (filter, attribute) in [
            ("(|(uid={name})(uid={name}))", Some("uid")),
            ("(|(uid={name})(mail={name}))", None),
            ("(mail={name}@example.com)", None),
            ("(uid={name}*)", None),
            ("(uid>={name})", None),
        ] {
            assert_eq!(FilterTemplate::parse(filter).unwrap().attribute(), attribute, "{filter}");
        }
    }

    #[test]
    fn templates_that_could_not_work_are_refused() {
        for dn in [
            "uid=alice,dc=example",
            "{name}",
            "uid={name}",
            "{name}@example.com",
            "uid=x{name},dc=example",
            "uid={name}x,dc=example",
            "uid={name},cn={name},dc=example",
            "uid={name},ou={ou},dc=example",
            "={name},dc=example",
        ] {
            assert!(DnTemplate::parse(dn).is_err(), "{dn}");
        }
        for filter in [
            "(uid=alice)",
            "uid={name}",
            "({name}=alice)",
            "(uid={name}",
            "(uid={user})",
            "(&(uid={name}){x})",
        ] {
            assert!(FilterTemplate::parse(filter).is_err(), "{filter}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_place(name: String) {
            let filter = FilterTemplate::parse("(uid={name})").unwrap().of(&name);
            let inner = filter.strip_prefix("(uid=").unwrap().strip_suffix(')').unwrap();
            prop_assert!(!inner.contains(['(', ')', '*', '\0']));
            prop_assert!(parse_filter(&filter).is_ok());
            let dn = DnTemplate::parse("uid={name},dc=example").unwrap().of(&name);
            let inner = dn.strip_prefix("uid=").unwrap().strip_suffix(",dc=example").unwrap();
            prop_assert!(!inner.contains([',', '+', ';', '"', '<', '>', '=', '\0']));
        }
    }
}
