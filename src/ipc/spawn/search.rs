//! Finds the files that a program's name may mean, as execvp(3) does.

use crate::base::alloc::{List, LongCText};
use crate::base::errno::Errno;
use crate::sys::spawn;
use core::ffi::CStr;

/// The directories that are searched if there is no PATH.
const DEFAULT_PATH: &CStr = c"/bin:/usr/bin";

/// The files to try in turn. A name with a slash is the path of one file.
pub(super) fn candidates(name: &CStr) -> Result<List<LongCText>, Errno> {
    if name.to_bytes().contains(&b'/') {
        let mut one = List::new();
        one.push(LongCText::of(&[name.to_bytes()])?)?;
        return Ok(one);
    }
    in_path(name, spawn::variable(c"PATH").unwrap_or(DEFAULT_PATH))
}

/// The file of that name in each directory of `path`. An empty entry is the current directory.
fn in_path(name: &CStr, path: &CStr) -> Result<List<LongCText>, Errno> {
    let mut files = List::new();
    if name.is_empty() {
        return Ok(files);
    }
    for directory in path.to_bytes().split(|&byte| byte == b':') {
        let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        files.push(LongCText::of(&[directory, slash, name.to_bytes()])?)?;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_searched_for_as_execvp_does() {
        let found = |path| {
            let files = in_path(c"ls", path).ok().unwrap();
            let shown = |file: &LongCText| file.to_string_lossy().into_owned();
            files.iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(found(c"/bin:/usr/bin"), ["/bin/ls", "/usr/bin/ls"]);
        assert_eq!(found(c":/bin"), ["ls", "/bin/ls"]);
        assert_eq!(found(c""), ["ls"]);
        assert!(in_path(c"", c"/bin").ok().unwrap().is_empty());
        let one = candidates(c"./ls").ok().unwrap();
        assert!(one.len() == 1 && &*one[0] == c"./ls");
    }
}
