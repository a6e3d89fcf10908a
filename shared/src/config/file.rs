//! Reading files that decide something: only where nobody but root and this process's user could have written them.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What a file is for, and so who else may touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Settings: not behind a symbolic link.
    Settings,
    /// Something public, such as a certificate. Links are followed, because the programs that renew certificates keep
    /// links to the newest one; what is judged is the file that was opened.
    Public,
    /// Something that others must not know, such as a certificate's key. Links are followed; its group may read it, as
    /// Debian's `ssl-cert` and systemd's credentials have it.
    Secret,
}

impl Kind {
    /// Mode bits that the file must not have, and the command that takes them away.
    const fn forbidden(self) -> (u32, &'static str) {
        match self {
            Self::Settings | Self::Public => (0o022, "go-w"),
            Self::Secret => (0o027, "g-w,o-rwx"),
        }
    }
}

/// Reads a whole file of at most 1 MiB.
///
/// # Errors
/// A sentence without the file's name.
pub fn read(file: &Path, kind: Kind) -> Result<Zeroizing<Vec<u8>>, String> {
    // Without NONBLOCK a FIFO in the file's place would hold the daemon for ever.
    let mut flags = OFlags::NONBLOCK;
    if kind == Kind::Settings {
        flags |= OFlags::NOFOLLOW;
    }
    let opened =
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(file).map_err(|why| {
            match why.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                Some(rustix::io::Errno::LOOP) => "is a symbolic link; name the file itself".to_owned(),
                _ => format!("cannot be opened: {why}"),
            }
        })?;
    let length = check(file, &opened, kind)?;
    // One allocation, so that no half of a key is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length.min(LONGEST)).unwrap_or(0) + 1));
    opened.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|why| format!("cannot be read: {why}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err("is longer than 1 MiB".to_owned());
    }
    Ok(bytes)
}

/// Judges the file that was opened, not its name; its length.
fn check(file: &Path, opened: &File, kind: Kind) -> Result<u64, String> {
    let metadata = opened.metadata().map_err(|why| format!("cannot be looked at: {why}"))?;
    let own = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if metadata.uid() != 0 && metadata.uid() != own {
        return Err(format!("belongs to uid {}; run: chown root {}", metadata.uid(), file.display()));
    }
    let (forbidden, change) = kind.forbidden();
    if metadata.mode() & forbidden != 0 {
        let what = if metadata.mode() & 0o022 != 0 { "written" } else { "read" };
        return Err(format!("can be {what} by others; run: chmod {change} {}", file.display()));
    }
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_key_that_others_can_read_is_refused_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("privkey1.pem"), folder.path().join("privkey.pem"));
        std::fs::write(&file, "secret").unwrap();
        symlink(&file, &link).unwrap();
        for (mode, secret, public) in
            [(0o600, true, true), (0o640, true, true), (0o644, false, true), (0o660, false, false)]
        {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            for path in [&file, &link] {
                assert_eq!(read(path, Kind::Secret).is_ok(), secret, "{mode:o}");
                assert_eq!(read(path, Kind::Public).is_ok(), public, "{mode:o}");
            }
            assert_eq!(read(&file, Kind::Settings).is_ok(), public, "{mode:o}");
            assert!(read(&link, Kind::Settings).unwrap_err().contains("symbolic link"));
        }
        let refusal = read(&link, Kind::Secret).unwrap_err();
        assert!(refusal.contains(&format!("chmod g-w,o-rwx {}", link.display())), "{refusal}");
    }

    #[test]
    fn what_is_no_file_or_endless_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), Kind::Public).unwrap_err().contains("not a regular file"));
        assert!(read(Path::new("/dev/zero"), Kind::Public).unwrap_err().contains("not a regular file"));
        let long = folder.path().join("long");
        std::fs::write(&long, vec![b' '; 1024 * 1024 + 1]).unwrap();
        std::fs::set_permissions(&long, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(read(&long, Kind::Public).unwrap_err().contains("longer than 1 MiB"));
    }
}
