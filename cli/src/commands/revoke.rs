//! What `session revoke` and `browser revoke` share: which one is meant.

use crate::failure::Failure;
use crate::output::visible;

/// The fewest digits of an id that name one.
const FEWEST: usize = 4;

/// The one whose id is `wanted`, or begins with it as no other does. `what` is what they are called: `session`.
pub fn find<'l, T>(
    all: &'l [T],
    id: impl Fn(&T) -> &str,
    wanted: &str,
    what: &str,
) -> Result<&'l T, Failure> {
    let mut found = all.iter().filter(|one| wanted.len() >= FEWEST && id(one).starts_with(wanted));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(Failure::Refused(format!(
            "Several ids begin with “{}”. Give more of it: twofold {what} list",
            visible(wanted)
        ))),
        (None, _) => Err(Failure::Refused(format!(
            "There is no {what} “{}”. See which there are: twofold {what} list",
            visible(wanted)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_enough_as_far_as_it_is_one_of_its_own() {
        let all = ["aaaa0000", "aaaa1111", "bbbb2222"];
        let found = |wanted| find(&all, |one| one, wanted, "session");
        assert_eq!(*found("aaaa1").unwrap(), "aaaa1111");
        assert_eq!(*found("bbbb2222").unwrap(), "bbbb2222");
        assert!(found("aaaa").unwrap_err().to_string().contains("Several"));
        for none in ["", "bbb", "bbbb3", "bbbb22223"] {
            assert!(found(none).unwrap_err().to_string().contains("twofold session list"), "{none:?}");
        }
    }
}
