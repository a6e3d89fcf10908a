//! The last suite: what the whole run has logged holds nothing that the whole run has issued.

use std::fs;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use twofold_tests::traces::{all_issued, logs};

/// Whether something of this kind that stands in `text` at a place is what was issued. Digits occur by chance in process
/// ids, ports, times and request numbers, so a code counts only as a number of its own, and where it stands for nothing
/// else, milliseconds for one.
fn counts(kind: &str, text: &[u8], place: Range<usize>) -> bool {
    if !matches!(kind, "code" | "backup code") {
        return true;
    }
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let mut back = before.iter().rev();
    let mut on = after.iter();
    // The trail of every second test of clocks has "stepped by 899999 ms".
    let is_measure = after.starts_with(b" ms");
    !part_of_more(back.next(), back.next()) && !part_of_more(on.next(), on.next()) && !is_measure
}

/// Whether digits go on beyond their end, where these two bytes follow: in a word, in brackets, or as a part of an address, a
/// time or a fraction. What only ends or joins a sentence there excuses nothing.
fn part_of_more(next: Option<&u8>, beyond: Option<&u8>) -> bool {
    next.is_some_and(|next| match next {
        b'.' | b':' | b'-' => beyond.is_some_and(u8::is_ascii_digit),
        b'[' | b']' | b'_' => true,
        other => other.is_ascii_alphanumeric(),
    })
}

/// The numbers of those of `issued` that occur in `text`. All are looked for in one pass: a long run issues tens of
/// thousands.
fn occurring(finder: &AhoCorasick, issued: &[(String, String)], text: &[u8]) -> Vec<usize> {
    let found = finder.find_overlapping_iter(text);
    found
        .filter(|found| {
            issued.get(found.pattern().as_usize()).is_some_and(|(kind, _)| counts(kind, text, found.range()))
        })
        .map(|found| found.pattern().as_usize())
        .collect()
}

fn finder(issued: &[(String, String)]) -> AhoCorasick {
    AhoCorasick::new(issued.iter().map(|(_, value)| value)).expect("they fit")
}

#[test]
#[ignore = "reads what the other suites leave; ./dev test runs it last"]
fn no_log_of_the_run_holds_anything_that_was_issued() {
    let issued: Vec<_> = all_issued().into_iter().filter(|(_, value)| value.len() >= 6).collect();
    let finder = finder(&issued);
    let logs = logs();
    assert!(issued.len() > 20, "only {} things were issued: run the other suites first", issued.len());
    assert!(logs.len() > 10, "only {} logs were kept: run the other suites first", logs.len());
    let mut found = Vec::new();
    for file in logs {
        let text = fs::read(&file).expect("it can be read");
        for number in occurring(&finder, &issued, &text) {
            let (kind, value) = &issued[number];
            found.push(format!("{kind} {value} in {}", file.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_code_counts_only_as_a_number_of_its_own() {
    let occurs = |kind: &str, value: &str, text: &str| {
        let issued = [("password".to_owned(), "never".to_owned()), (kind.to_owned(), value.to_owned())];
        !occurring(&finder(&issued), &issued, text.as_bytes()).is_empty()
    };
    assert!(occurs("code", "123456", "wrong code 123456 for alice"));
    for sentence in
        ["code 123456: wrong", "is it 123456.", "wrong:123456", "tried 123456-", "code:123456:wrong"]
    {
        assert!(occurs("code", "123456", sentence), "{sentence}");
    }
    for number in
        ["09:40:00.123456Z", "1.123456", "123456.7", "fe80::7:123456", "123456-2-twofoldd", "pid_123456"]
    {
        assert!(!occurs("code", "123456", number), "{number}");
    }
    assert!(!occurs("code", "123456", "sshd[123456]: port 91234567"));
    assert!(!occurs("code", "899999", "clock done: stepped by 899999 ms"));
    assert!(occurs("code", "899999", "code 899999 milliseconds late"));
    assert!(occurs("backup code", "00000007", "code 00000007"));
    assert!(!occurs("backup code", "00000007", "request=00000000000000000000000000000007"));
    assert!(occurs("password", "abcdef", "xabcdefx"));
}
