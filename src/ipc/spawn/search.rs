//! Finds the files that a program's name may mean, as execvp(3) does.

use crate::sys::spawn;
use core::ffi::CStr;
use std::ffi::CString;

/// The directories that are searched if there is no PATH.
const DEFAULT_PATH: &CStr = c"/bin:/usr/bin";

/// The files to try in turn. A name with a slash is the path of one file.
pub(super) fn candidates(name: &CStr) -> Vec<CString> {
    if name.to_bytes().contains(&b'/') {
        return vec![name.to_owned()];
    }
    let path = spawn::variable(c"PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
    in_path(name, &path)
}

/// The file of that name in each directory of `path`. An empty entry is the current directory.
fn in_path(name: &CStr, path: &CStr) -> Vec<CString> {
    if name.is_empty() {
        return Vec::new();
    }
    let directories = path.to_bytes().split(|&byte| byte == b':');
    directories
        .filter_map(|directory| {
            let mut file = directory.to_vec();
            if !file.is_empty() {
                file.push(b'/');
            }
            file.extend_from_slice(name.to_bytes());
            CString::new(file).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_searched_for_as_execvp_does() {
        let found = |path| {
            in_path(c"ls", path)
                .into_iter()
                .map(|file| file.into_string().unwrap_or_default())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(c"/bin:/usr/bin"), ["/bin/ls", "/usr/bin/ls"]);
        assert_eq!(found(c":/bin"), ["ls", "/bin/ls"]);
        assert_eq!(found(c""), ["ls"]);
        assert!(in_path(c"", c"/bin").is_empty());
        assert_eq!(candidates(c"./ls"), [c"./ls".to_owned()]);
    }
}
