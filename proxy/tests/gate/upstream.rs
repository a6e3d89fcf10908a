//! Apps over TLS: whoever cannot prove to be the app gets no request.

use crate::browser::sign_in;
use crate::harness::World;
use crate::secure::{Root, SecureApp, write};

/// What the wiki answers when its app has a certificate for `host`, and the gate is told `more`.
fn wiki(app: &SecureApp, more: &str) -> (u16, String, World) {
    let upstream = format!("upstream = \"https://{}\"\n{more}", app.address);
    let world = World::start_secure("", &upstream);
    let landed = sign_in(&mut world.secure_browser(), "111111");
    (landed.status, landed.body, world)
}

#[test]
fn an_app_over_tls_proves_that_it_is_the_app() {
    let folder = tempfile::tempdir().unwrap();
    let (root, other) = (Root::new(), Root::new());
    let files = [("root", &root), ("other", &other)].map(|(name, root)| {
        let file = folder.path().join(name);
        write(&file, &root.pem());
        format!("upstream_ca = \"{}\"", file.display())
    });
    let [ca, other_ca] = &files;
    let app = SecureApp::start(&root, "app.internal");
    let (status, body, _) = wiki(&app, &format!("{ca}\nupstream_name = \"app.internal\""));
    assert_eq!(status, 200, "{body}");
    assert!(body.to_lowercase().contains("remote-user: alice"), "{body}");
    assert_eq!(app.names(), [Some("app.internal".to_owned())]);
    for (more, reason) in [
        (format!("{ca}\nupstream_name = \"other.internal\""), "not valid for name"),
        (ca.clone(), "not valid for name"),
        (format!("{other_ca}\nupstream_name = \"app.internal\""), "certificate"),
        ("upstream_name = \"app.internal\"".to_owned(), "UnknownIssuer"),
    ] {
        let (status, body, world) = wiki(&app, &more);
        assert_eq!(status, 502, "{more}: {body}");
        let log = world.log();
        assert!(log.contains("TLSHandshakeFailure") && log.contains(reason), "{more}: {log}");
    }
    assert_eq!(app.names().len(), 1);
    // Without a name the certificate has to be for the address.
    let by_address = SecureApp::start(&root, "127.0.0.1");
    let (status, body, _) = wiki(&by_address, ca);
    assert_eq!(status, 200, "{body}");
    assert_eq!(by_address.names(), [None]);
}
