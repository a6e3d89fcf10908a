//! Files that are written whole or not at all: a new file beside the old one, on the drive, then renamed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};

/// A file beside `path`, whose name begins with a dot so that neither sshd nor libpam takes it for one of theirs.
pub fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(what);
    path.with_file_name(name)
}

/// Writes a new file and has the drive keep it. Owner, mode and extended attributes (SELinux's label, ACLs) are those of
/// `like`, or root's and 0644.
///
/// # Errors
/// When the file is there already, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8], like: Option<&Path>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    match like {
        Some(like) => copy_metadata(&File::open(like)?, &file)?,
        None => file.set_permissions(fs::Permissions::from_mode(0o644))?,
    }
    file.sync_all()
}

fn copy_metadata(from: &File, to: &File) -> io::Result<()> {
    let metadata = from.metadata()?;
    fchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
    to.set_permissions(metadata.permissions())?;
    let mut names = vec![0_u8; 64 * 1024];
    let length = match flistxattr(from, names.as_mut_slice()) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        Err(why) => return Err(why.into()),
    };
    names.truncate(length);
    for name in names.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0_u8; 64 * 1024];
        let length = fgetxattr(from, name, value.as_mut_slice())?;
        value.truncate(length);
        fsetxattr(to, name, &value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Has the drive keep what was made, renamed and removed in the folder of `path`.
///
/// # Errors
/// When it cannot.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Puts `new` in the place of `path`.
///
/// # Errors
/// When it cannot.
pub fn replace(new: &Path, path: &Path) -> io::Result<()> {
    fs::rename(new, path)?;
    sync_folder_of(path)
}

/// Removes a file that may not be there.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_like_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("sshd"), beside(&folder.path().join("sshd"), ".new"));
        fs::write(&old, "old").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o640)).unwrap();
        let file = File::open(&old).unwrap();
        // Some file systems keep none.
        let kept = fsetxattr(&file, "user.origin", b"here", XattrFlags::empty()).is_ok();
        write_new(&new, b"new", Some(&old)).unwrap();
        assert_eq!(new.file_name().unwrap(), ".sshd.new");
        assert!(write_new(&new, b"again", None).is_err());
        replace(&new, &old).unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "new");
        let metadata = fs::metadata(&old).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o640);
        let mut value = [0_u8; 8];
        let read = fgetxattr(File::open(&old).unwrap(), "user.origin", value.as_mut_slice());
        assert_eq!(read.ok(), kept.then_some(4));
        remove(&new).unwrap();
    }
}
