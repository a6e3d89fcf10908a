//! PHP's own web server, for apps of Debian's.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::Process;
use crate::gate::free_port;

/// Serves `root` on loopback, with `settings` of php.ini and `environment`, in files of its own under `home`.
///
/// # Panics
/// When Debian's `php-cli` is missing.
pub(crate) fn serve(
    name: &str,
    root: &str,
    home: &Path,
    settings: &[(&str, String)],
    environment: &[(&str, &Path)],
) -> (SocketAddr, Process) {
    let port = free_port();
    let mut command = Command::new("php");
    for (key, value) in settings.iter().cloned().chain([("session.save_path", home.display().to_string())]) {
        command.arg("-d").arg(format!("{key}={value}"));
    }
    command
        .args(["-S", &format!("127.0.0.1:{port}"), "-t", root])
        .env("PHP_CLI_SERVER_WORKERS", "4")
        .envs(environment.iter().copied());
    let mut process = Process::start(name, &mut command);
    process.until("PHP listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    (SocketAddr::from(([127, 0, 0, 1], port)), process)
}
