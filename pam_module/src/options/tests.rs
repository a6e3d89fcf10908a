//! Words that can stand on the module's line, and those that cannot.

use proptest::prelude::*;

use super::*;

fn parse(phase: Phase, line: &[&str]) -> Result<Options, OptionError> {
    Options::parse(phase, &line.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
}

#[test]
fn no_words_mean_the_defaults() {
    let options = parse(Phase::Auth, &[]).unwrap();
    assert_eq!(options.socket, PathBuf::from("/run/twofold/authority.sock"));
    assert_eq!(options.timeout, Duration::from_secs(8));
    assert_eq!((options.first, options.need_factor, options.prompt), (First::Unsaid, false, None));
}

#[test]
fn each_word_is_read() {
    let auth = parse(
        Phase::Auth,
        &["socket=/run/twofold/web1.sock", "timeout=2500ms", "prompt=Token for %u: ", "first=publickey"],
    )
    .unwrap();
    assert_eq!(auth.socket, PathBuf::from("/run/twofold/web1.sock"));
    assert_eq!(auth.timeout, Duration::from_millis(2500));
    assert_eq!(auth.prompt.as_deref(), Some("Token for %u: "));
    assert_eq!(auth.first, First::Publickey);
    assert_eq!(parse(Phase::Auth, &["first=above"]).unwrap().first, First::Above);
    assert!(parse(Phase::Account, &["need=factor"]).unwrap().need_factor);
    assert_eq!(parse(Phase::Account, &["first=publickey"]).unwrap().first, First::Publickey);
}

#[test]
fn a_bare_number_is_seconds() {
    assert_eq!(parse(Phase::Auth, &["timeout=3"]).unwrap().timeout, Duration::from_secs(3));
    assert_eq!(parse(Phase::Auth, &["timeout=3s"]).unwrap().timeout, Duration::from_secs(3));
}

#[test]
fn a_timeout_that_is_none_is_refused() {
    for value in ["", "s", "0", "0s", "99ms", "61", "-1", "+1", "1.5s", "1m", "8 s", "99999999999", "８"] {
        let word = format!("timeout={value}");
        assert!(matches!(parse(Phase::Auth, &[&word]), Err(OptionError::Value("timeout", _))), "{word}");
    }
}

#[test]
fn values_that_cannot_be_are_refused() {
    let long = format!("socket=/{}", "x".repeat(107));
    let words = [
        "socket=",
        "socket=run/x",
        &long,
        "prompt=",
        "prompt=a\nb",
        "first=",
        "first=ABOVE",
        "first=password",
    ];
    for word in words {
        assert!(matches!(parse(Phase::Auth, &[word]), Err(OptionError::Value(..))), "{word}");
    }
    for word in ["need", "need=", "need=code"] {
        assert!(matches!(parse(Phase::Account, &[word]), Err(OptionError::Value(..))), "{word}");
    }
}

#[test]
fn a_word_of_another_module_is_refused_and_ours_is_named() {
    for (word, ours) in FOREIGN {
        let error = parse(Phase::Auth, &[&format!("{word}=x")]).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains(ours), "{error}");
        assert!(parse(Phase::Auth, &[word]).is_err());
        assert!(parse(Phase::Account, &[word]).is_err());
    }
    assert!(parse(Phase::Auth, &["nullok"]).unwrap_err().to_string().contains("optional"));
}

#[test]
fn a_word_of_nobodys_is_refused() {
    for word in ["frist=above", "First=above", "", "=", "sockets=/x", "first"] {
        assert!(parse(Phase::Auth, &[word]).is_err(), "{word:?}");
    }
}

#[test]
fn a_word_on_the_wrong_line_is_refused() {
    assert_eq!(parse(Phase::Auth, &["need=factor"]), Err(OptionError::WrongLine("need", "account")));
    assert_eq!(parse(Phase::Account, &["first=above"]), Err(OptionError::WrongLine("first", "auth")));
}

#[test]
fn how_the_person_is_asked_is_read() {
    let words = ["echo=on", "tries=3", "lang=de", "forward_pass", "try_first_pass"];
    let options = parse(Phase::Auth, &words).unwrap();
    assert_eq!((options.echo, options.tries, options.language), (Echo::On, 3, Some(Language::German)));
    assert_eq!(options.passing, Passing { answer: AnswerFrom::FirstPassOrPrompt, combined: true });
    let plain = parse(Phase::Auth, &[]).unwrap();
    assert_eq!((plain.echo, plain.tries, plain.language), (Echo::Off, 1, None));
    assert_eq!(plain.passing, Passing { answer: AnswerFrom::Prompt, combined: false });
    let taken = parse(Phase::Auth, &["use_first_pass"]).unwrap().passing;
    assert_eq!(taken, Passing { answer: AnswerFrom::FirstPass, combined: false });
    assert_eq!(parse(Phase::Account, &["lang=en"]).unwrap().language, Some(Language::English));
    for word in [
        "echo",
        "echo=yes",
        "tries=0",
        "tries=6",
        "tries=+1",
        "tries=",
        "lang=fr",
        "lang=DE",
        "forward_pass=yes",
    ] {
        assert!(matches!(parse(Phase::Auth, &[word]), Err(OptionError::Value(..))), "{word}");
    }
    for word in ["echo=on", "tries=3", "forward_pass", "try_first_pass", "use_first_pass"] {
        assert!(matches!(parse(Phase::Account, &[word]), Err(OptionError::WrongLine(..))), "{word}");
    }
}

#[test]
fn words_that_contradict_each_other_are_refused() {
    for words in [
        ["first=above", "forward_pass"],
        ["use_first_pass", "first=above"],
        ["try_first_pass", "first=above"],
        ["forward_pass", "first=publickey"],
        ["try_first_pass", "use_first_pass"],
    ] {
        assert!(matches!(parse(Phase::Auth, &words), Err(OptionError::Contradict(..))), "{words:?}");
    }
}

#[test]
fn a_word_said_twice_is_refused() {
    assert_eq!(parse(Phase::Auth, &["first=above", "first=above"]), Err(OptionError::Twice("first")));
}

proptest! {
    #[test]
    fn parsing_never_panics(words in proptest::collection::vec(".*", 0..4)) {
        let _ = Options::parse(Phase::Auth, &words);
    }

    #[test]
    fn nothing_but_our_own_words_is_taken(word in "[a-z_]{1,12}(=.*)?") {
        let key = word.split('=').next().unwrap_or_default();
        prop_assume!(!["socket", "timeout", "prompt", "first", "echo", "tries", "lang", "forward_pass", "try_first_pass", "use_first_pass", "panic"]
            .contains(&key));
        prop_assert!(Options::parse(Phase::Auth, &[word]).is_err());
    }
}
