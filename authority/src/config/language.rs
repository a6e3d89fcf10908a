//! The language of the host, for doors where the configuration says none.

use std::fs;

use twofold_shared::wire::Language;

/// Where systems keep their locale.
const FILES: [&str; 2] = ["/etc/default/locale", "/etc/locale.conf"];

/// What the host's locale says: German where messages are German there, English otherwise.
pub fn of_the_system() -> Language {
    FILES
        .iter()
        .find_map(|file| fs::read_to_string(file).ok())
        .map_or(Language::English, |text| of_locale(&text))
}

/// Reads a file of shell variables as locale(7) has them: `LC_ALL` comes before `LC_MESSAGES`, and that before `LANG`.
fn of_locale(text: &str) -> Language {
    let value = |name: &str| {
        let assigned = |line: &'_ str| {
            Some(line.trim().strip_prefix(name)?.strip_prefix('=')?.trim_matches(['"', '\'']).to_owned())
        };
        text.lines().rev().find_map(assigned).filter(|value| !value.is_empty())
    };
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(value).unwrap_or_default();
    let language = locale.split(['_', '.', '@']).next().unwrap_or_default();
    if language == "de" { Language::German } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn german_is_spoken_where_the_hosts_messages_are() {
        for text in [
            "LANG=de_DE.UTF-8\n",
            "LANG=\"de_AT.UTF-8\"\n",
            "LANG=C\nLC_MESSAGES=de\n",
            "LANG=C\nLC_ALL='de_CH'",
        ] {
            assert_eq!(of_locale(text), Language::German, "{text}");
        }
        for text in
            ["", "LANG=C.UTF-8\n", "#LANG=de_DE\n", "LANG=de_DE\nLC_ALL=C\n", "XLANG=de", "LANG=den_CA"]
        {
            assert_eq!(of_locale(text), Language::English, "{text}");
        }
    }
}
