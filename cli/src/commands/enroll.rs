//! `twofold enroll`: a new secret, on its one way to its owner's phone.

use twofold_shared::client::CallError;
use twofold_shared::qr::Picture;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    self, BeginEnrolment, BegunEnrolment, ConfirmEnrolment, ConfirmedEnrolment, FaultKind, Word,
};
use zeroize::Zeroizing;

use crate::args::{Algorithm, Enroll};
use crate::ask::{Origin, say};
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output::{groups_of_four, visible};
use crate::words;

/// Begins, shows, waits for the first code, and shows the backup codes once.
pub fn run(desk: &mut Desk, arguments: &Enroll) -> Result<(), Failure> {
    let whose = called(arguments.whose.account.as_deref());
    let from = codes_from(&arguments.codes);
    let begun = begin(desk, arguments, &whose, from)?;
    show(desk, arguments, &whose, &begun)?;
    let confirmed = confirm(desk, arguments, &begun, from)?;
    desk.screen.object(&confirmed)?;
    if !arguments.uri {
        desk.screen
            .say(&format!("\nTwo-factor is on for {whose}: “{}”.", visible(&confirmed.device.label)))?;
    }
    if !confirmed.backup_codes.is_empty() {
        super::backup_codes::show(desk, &whose, &confirmed.backup_codes, arguments.uri)?;
    }
    Ok(())
}

fn begin(desk: &mut Desk, arguments: &Enroll, whose: &str, from: Origin) -> Result<BegunEnrolment, Failure> {
    let secret = match arguments.import_fd {
        Some(number) => {
            Some(desk.asker.secret(Origin::Descriptor(number, "--import-fd"), "", "--import-fd")?)
        }
        None => None,
    };
    desk.change(whose, from, |code| BeginEnrolment {
        account: arguments.whose.account.clone(),
        label: arguments.label.clone(),
        algorithm: arguments.algorithm.into(),
        digits: arguments.digits,
        period_seconds: arguments.period,
        // A request may be sent twice, the second time with a code; it is wiped each time.
        import: secret.as_ref().map(|secret| SecretText::new(secret.reveal().to_owned())),
        code,
    })
}

fn show(desk: &Desk, arguments: &Enroll, whose: &str, begun: &BegunEnrolment) -> Result<(), Failure> {
    let screen = &desk.screen;
    screen.object(begun)?;
    if arguments.uri {
        return Ok(screen.raw(begun.uri.reveal())?);
    }
    screen.say(&format!("A second factor for {whose}.\n"))?;
    let picture = if arguments.no_qr || screen.is_json() { None } else { Picture::draw(begun.uri.reveal()) };
    match (picture, screen.columns()) {
        (Some(picture), Some(columns)) if columns >= picture.columns() => {
            screen.say("Scan this with your authenticator app:\n")?;
            screen.line(&picture.to_text())?;
            screen.say("\nCan't scan? Type this key instead:\n")?;
        }
        (Some(picture), Some(_)) => {
            let needed = picture.columns();
            screen.say(&format!("This terminal is too narrow for the QR code ({needed} columns).\n"))?;
            screen.say("Type this key into your authenticator app:\n")?;
        }
        _ => screen.say("Type this key into your authenticator app:\n")?,
    }
    screen.line(&Zeroizing::new(format!("  {}\n", *groups_of_four(begun.secret.reveal()))))?;
    if let Some(unusual) = unusual(arguments) {
        screen.say(&format!("  {unusual}\n"))?;
    }
    screen.say(&format!(
        "Keep the key to yourself. It is not on yet, and void in {} unless you give its first code.\n",
        words::duration(begun.expires_seconds)
    ))?;
    Ok(())
}

/// What has to be set in the app by hand where the QR code is not scanned.
fn unusual(arguments: &Enroll) -> Option<String> {
    let usual = (Algorithm::Sha1, 6, 30);
    if (arguments.algorithm, arguments.digits, arguments.period) == usual {
        return None;
    }
    let hash = match arguments.algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    Some(format!("{hash}, {} digits, a new code every {} s", arguments.digits, arguments.period))
}

fn confirm(
    desk: &mut Desk,
    arguments: &Enroll,
    begun: &BegunEnrolment,
    from: Origin,
) -> Result<ConfirmedEnrolment, Failure> {
    loop {
        let code = desk.code(from, "First code from the app: ").map_err(left)?.into_secret();
        let request = ConfirmEnrolment { enrolment: begun.enrolment.clone(), code };
        let fault = match desk.authority.call(&request) {
            Ok(confirmed) => return Ok(confirmed),
            Err(CallError::Fault(fault)) => fault,
            Err(error) => return Err(error.into()),
        };
        match (fault.kind, fault.refusal) {
            (FaultKind::Refused, Some(refused)) if refused.word == Word::Wrong => {
                say(&likely_causes(arguments));
            }
            (FaultKind::Refused, Some(refused)) if matches!(refused.word, Word::Used | Word::Wait) => {
                say(&words::refusal(&refused));
            }
            (FaultKind::NoSuchEnrolment, _) => {
                return Err(Failure::Refused(
                    "This enrolment has expired; nothing was turned on. Delete it from your app and begin again: \
                     twofold enroll"
                        .to_owned(),
                ));
            }
            _ => return Err(CallError::Fault(fault).into()),
        }
    }
}

/// Who leaves before the first code should know what becomes of the key on the screen.
fn left(failure: Failure) -> Failure {
    const VOID: &str = "stopped; nothing was turned on. The key above becomes void by itself: delete it from your \
                        app. `twofold enroll` begins again with a new one.";
    match failure {
        Failure::Interrupted(_) => Failure::Interrupted(VOID.to_owned()),
        Failure::Refused(_) => Failure::Refused(VOID.to_owned()),
        other => other,
    }
}

fn likely_causes(arguments: &Enroll) -> String {
    let mut causes = vec![
        "the code changed while you typed: wait for the next one",
        "the phone's clock is off: let it set its time by itself",
        "the code is of another entry in the app: take the newest",
        "the key was mistyped: delete the entry and type it again",
    ];
    if wire::Algorithm::from(arguments.algorithm) != wire::Algorithm::Sha1 {
        causes.insert(0, "the app ignores --algorithm, as most do: press Ctrl-C and begin again without it");
    } else if (arguments.digits, arguments.period) != (6, 30) {
        causes.insert(0, "the app ignores --digits or --period: press Ctrl-C and begin again without them");
    }
    format!("That code didn't match. Likely causes, most likely first:\n  - {}", causes.join("\n  - "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    fn enroll(flags: &[&str]) -> Enroll {
        match Arguments::try_parse_from(["twofold", "enroll"].iter().chain(flags)).unwrap().command {
            Command::Enroll(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_app_that_ignores_the_hash_is_the_first_suspect() {
        assert!(!likely_causes(&enroll(&[])).contains("--algorithm"));
        let said = likely_causes(&enroll(&["--algorithm", "sha256"]));
        assert!(said.find("--algorithm").unwrap() < said.find("clock").unwrap());
        assert!(likely_causes(&enroll(&["--digits", "8"])).contains("--digits"));
    }

    #[test]
    fn only_unusual_parameters_are_spelled_out() {
        assert_eq!(unusual(&enroll(&[])), None);
        assert_eq!(
            unusual(&enroll(&["--algorithm", "sha512", "--digits", "8", "--period", "60"])).unwrap(),
            "SHA-512, 8 digits, a new code every 60 s"
        );
    }
}
