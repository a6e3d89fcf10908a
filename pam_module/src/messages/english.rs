//! English.

use super::{Doors, News, Words};

pub(super) const WORDS: Words = Words {
    code_for: "Code for {}: ",
    password_and_code_for: "Password and code for {}: ",
    wrong: "That code didn't match. Codes change every 30 seconds: wait for the next one and type it without spaces.",
    used: "That backup code was already used; take another.",
    used_until: "That code was already used; the next one comes in {}.",
    wait: "Too many tries. Wait a while before the next one.",
    wait_for: "Too many tries. You can try again in {}.",
    clock: "This server's clock looks wrong, so codes from an app can't be checked now. Use a backup code, and tell \
            whoever runs it.",
    closed: "Too many wrong codes came from places we don't know. Use a backup code, or sign in from a place you have \
             used before.",
    busy: "Too much is going on at once. Try again in a few seconds.",
    unenrolled: "This server asks for a second factor, and you have none yet. Set one up first: whoever runs this server \
                 knows where.",
    invitation: "This server asks for a second factor, and you have none yet. Setting one up takes an invitation: ask \
                 whoever runs this server.",
    invitation_wanted: "{}, this server asks for a second factor, and you have none yet.\n\
                        Setting one up takes an invitation, which comes from whoever runs this server.",
    invitation_wrong: "That invitation isn't good. It has 26 letters and digits, and is void after an hour.",
    invitation_code: "Invitation code: ",
    no_factor: "This server asks for a second factor, and this way of signing in has none. Sign in with your code.",
    unavailable: "Codes can't be checked on this server now. Tell whoever runs it.",
    request: " Request {}",
    units: ["s", "min", "h"],
    last_backup_code: "That was your last backup code. Make new ones while you still can sign in.",
    one_backup_code: "1 backup code left. Replace them while you still can sign in.",
    few_backup_codes: "{} backup codes left. Replace them while you still can sign in.",
    backup_codes: "{} backup codes left.",
    doors: Doors {
        authority: "by the server itself",
        command: "with the twofold command",
        roots_command: "by root, with the twofold command",
        portal: "at the portal",
        place: "at {}",
        on: " on ",
        enrolment: "on {}",
    },
    browser: ["unknown browser", " on "],
    device_enrolled: News {
        start: "New device",
        called: [" ", " enrolled"],
        at: Some(" "),
        from: " from ",
        on: " on ",
        end: ". If that wasn't you, tell whoever runs this server at once.",
    },
    browser_ended: News {
        start: "An old cookie of your browser",
        called: [" ", ""],
        at: None,
        from: " came back from ",
        on: " on ",
        end: ": it was copied. If that wasn't you, tell whoever runs this server at once.",
    },
    emergency_code_used: News {
        start: "Somebody came into your account with an emergency code",
        called: [" ", ""],
        at: Some(" "),
        from: " from ",
        on: " on ",
        end: ". If that wasn't you, tell whoever runs this server at once.",
    },
    name_joined: News {
        start: "A name was added to your account with one of your codes:",
        called: [" ", ""],
        at: Some(" "),
        from: " from ",
        on: " on ",
        end: ". If that wasn't you, tell whoever runs this server at once.",
    },
    enrol: "{}, this server asks for a second factor, and you have none yet.\n\
            Scan this with an authenticator app. It won't scan? Type i for the inverse picture.",
    enrol_key: "Or type this key into the app: {}",
    enrol_code: "Then the code that the app shows: ",
    enrol_wrong: "That isn't the app's code for this key. Wait for the next one; check that the phone's time is right.\n\
                  The key is: {} (i shows the picture again, inverse)",
    enrolled: "It works. Here are backup codes for {}, for when the app is away.\n\
               Each works once. They are not shown again:",
    put_away: "Put them somewhere safe, then press Enter: ",
    enrolment_left: "Nothing was set up. Delete the new entry from your app: the next sign-in begins with another key.",
    not_switched_on: "Your second factor could not be switched on. Delete the new entry from your app, and sign in again.",
};
