//! `ripc doctor`: what this machine offers and permits.

#![allow(
    clippy::unnecessary_cast,
    reason = "on 32-bit machines and with musl these types of libc are others"
)]

use crate::library::{self, Result};
use crate::output;
use crate::status;
use serde_json::json;
use std::fs;
use std::process::ExitCode;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Good,
    /// Works, but something is slower or missing.
    Note,
    /// Something does not work.
    Bad,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Good => "good",
            Level::Note => "note",
            Level::Bad => "bad",
        }
    }
}

struct Finding {
    what: &'static str,
    level: Level,
    found: String,
    advice: &'static str,
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}

fn number(path: &str) -> Option<u64> {
    read(path)?.split_whitespace().next()?.parse().ok()
}

fn kernel() -> Finding {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".into());
    let mut parts = release
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let (level, advice) = match version {
        (0, _) => (
            Level::Note,
            "/proc is not mounted, so the version is unknown",
        ),
        _ if version < (5, 4) => (Level::Bad, "robustipc needs Linux 5.4 or newer"),
        _ if version < (5, 16) => (
            Level::Note,
            "before Linux 5.16 a sleeping waiter wakes up once a second",
        ),
        _ => (Level::Good, ""),
    };
    Finding {
        what: "kernel",
        level,
        found: release,
        advice,
    }
}

/// Whether the kernel knows a call and permits it: the call gets arguments that it has to refuse as wrong.
fn permits(
    what: &'static str,
    call: libc::c_long,
    arguments: [libc::c_long; 5],
    refusals: &[i32],
    advice: &'static str,
) -> Finding {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the arguments are numbers and NULL pointers, which the calls refuse before they do anything.
    let result = unsafe { libc::syscall(call, a, b, c, d, e) };
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    let is_there = result >= 0 || refusals.contains(&errno);
    let (level, found) = match (is_there, errno) {
        (true, _) => (Level::Good, "permitted"),
        (false, libc::ENOSYS) => (
            Level::Note,
            "the kernel does not have it, or a sandbox hides it",
        ),
        (false, _) => (Level::Note, "a sandbox or a setting forbids it"),
    };
    if result >= 0 && call == libc::SYS_io_uring_setup {
        // SAFETY: the call has made this descriptor.
        unsafe { libc::close(result as i32) };
    }
    Finding {
        what,
        level,
        found: found.into(),
        advice: if is_there { "" } else { advice },
    }
}

fn shared_memory() -> Finding {
    let what = "/dev/shm";
    // SAFETY: the path is a C string, and the struct is written by the call before it is read.
    let space = unsafe {
        let mut space: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(c"/dev/shm".as_ptr(), &raw mut space) == 0).then_some(space)
    };
    let Some(space) = space else {
        return Finding {
            what,
            level: Level::Bad,
            found: "missing".into(),
            advice: "mount a tmpfs there: mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
        };
    };
    let block = space.f_frsize as u64;
    let (free, size) = (space.f_bavail as u64 * block, space.f_blocks as u64 * block);
    let found = format!("{} MiB free of {} MiB", free >> 20, size >> 20);
    match free < 1 << 20 || free < size / 20 {
        true => Finding {
            what,
            level: Level::Bad,
            found,
            advice: "nearly full: look at ripc ls, remove what is unused with ripc gc, or enlarge it with mount -o remount,size=...",
        },
        false => Finding {
            what,
            level: Level::Good,
            found,
            advice: "",
        },
    }
}

fn limit(what: &'static str, resource: u32, least: u64, advice: &'static str) -> Finding {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call writes one struct.
    unsafe { libc::getrlimit(resource as _, &raw mut limit) };
    let current = limit.rlim_cur as u64;
    let found = if limit.rlim_cur == libc::RLIM_INFINITY {
        "unlimited".into()
    } else {
        current.to_string()
    };
    let level = if current < least {
        Level::Note
    } else {
        Level::Good
    };
    Finding {
        what,
        level,
        found,
        advice: if current < least { advice } else { "" },
    }
}

fn kernel_setting(what: &'static str, path: &str, least: u64, advice: &'static str) -> Finding {
    match number(path) {
        None => Finding {
            what,
            level: Level::Note,
            found: "unknown".into(),
            advice: "/proc is not mounted, or the kernel has no such setting",
        },
        Some(value) if value < least => Finding {
            what,
            level: Level::Note,
            found: value.to_string(),
            advice,
        },
        Some(value) => Finding {
            what,
            level: Level::Good,
            found: value.to_string(),
            advice: "",
        },
    }
}

/// systemd removes a user's objects when the user logs out, unless the user is a system user.
fn remove_ipc() -> Finding {
    let what = "RemoveIPC";
    let text = [
        "/etc/systemd/logind.conf",
        "/etc/systemd/logind.conf.d",
        "/usr/lib/systemd/logind.conf.d",
    ]
    .iter()
    .flat_map(|path| {
        let mut files = vec![(*path).to_owned()];
        files.extend(
            fs::read_dir(path)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path().to_string_lossy().into_owned()),
        );
        files
    });
    let setting = text
        .filter_map(|path| read(&path))
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| line.strip_prefix("RemoveIPC=").map(str::to_owned))
        .next_back();
    let runs = fs::metadata("/run/systemd/seats").is_ok();
    match (runs, setting.as_deref()) {
        (false, _) => Finding {
            what,
            level: Level::Good,
            found: "systemd-logind does not run".into(),
            advice: "",
        },
        (true, Some("no" | "false" | "0")) => Finding {
            what,
            level: Level::Good,
            found: "no".into(),
            advice: "",
        },
        (true, _) => Finding {
            what,
            level: Level::Note,
            found: "yes".into(),
            advice: "objects of an ordinary user vanish when the user logs out: run daemons as system users, or set RemoveIPC=no in /etc/systemd/logind.conf",
        },
    }
}

fn namespace() -> Finding {
    let what = "PID namespace";
    let own = fs::read_link("/proc/self/ns/pid");
    let first = fs::read_link("/proc/1/ns/pid");
    match (own, first) {
        (Ok(own), _) => Finding {
            what,
            level: Level::Good,
            found: format!(
                "{} (locks are shared only inside of one)",
                own.to_string_lossy()
            ),
            advice: "",
        },
        (Err(_), _) => Finding {
            what,
            level: Level::Note,
            found: "unknown".into(),
            advice: "/proc is not mounted: open objects before a chroot, or mount /proc",
        },
    }
}

fn findings() -> Vec<Finding> {
    vec![
        kernel(),
        Finding {
            what: "library",
            level: Level::Good,
            found: library::version(),
            advice: "",
        },
        shared_memory(),
        permits(
            "futex_waitv",
            449,
            [0, 0, 0, 0, 0],
            &[libc::EINVAL, libc::EFAULT],
            "waits on several objects wake up once a second: permit futex_waitv in the sandbox",
        ),
        permits(
            "io_uring",
            libc::SYS_io_uring_setup,
            [1, 0, 0, 0, 0],
            &[libc::EFAULT, libc::EINVAL],
            "descriptors of objects need a thread: permit io_uring, or leave it so",
        ),
        permits(
            "robust futexes",
            libc::SYS_get_robust_list,
            [0, 0, 0, 0, 0],
            &[libc::EFAULT],
            "deaths cannot be reported: permit get_robust_list",
        ),
        permits(
            "pidfd_open",
            libc::SYS_pidfd_open,
            [0, 0, 0, 0, 0],
            &[libc::EINVAL],
            "children are watched by other means: permit pidfd_open",
        ),
        limit(
            "open files",
            libc::RLIMIT_NOFILE as u32,
            256,
            "each open object needs a descriptor: raise ulimit -n",
        ),
        limit(
            "locked memory",
            libc::RLIMIT_MEMLOCK as u32,
            1 << 20,
            "with mlockall, objects count: raise ulimit -l for real-time programs",
        ),
        kernel_setting(
            "mappings per process",
            "/proc/sys/vm/max_map_count",
            1024,
            "each open object needs two mappings: raise vm.max_map_count",
        ),
        kernel_setting(
            "kernel queues' messages",
            "/proc/sys/fs/mqueue/msg_max",
            10,
            "raise fs.mqueue.msg_max for larger kernel queues",
        ),
        remove_ipc(),
        namespace(),
    ]
}

/// `ripc doctor`
pub(super) fn doctor(json: bool) -> Result<ExitCode> {
    let findings = findings();
    if json {
        let shown = |finding: &Finding| json!({ "what": finding.what, "level": finding.level.name(), "found": finding.found, "advice": (!finding.advice.is_empty()).then_some(finding.advice) });
        output::json(&json!({ "findings": findings.iter().map(shown).collect::<Vec<_>>() }));
    } else {
        let row = |finding: &Finding| {
            vec![
                finding.level.name().into(),
                finding.what.into(),
                finding.found.clone(),
            ]
        };
        output::table(&["", "WHAT", "FOUND"], findings.iter().map(row).collect());
        for finding in findings.iter().filter(|finding| !finding.advice.is_empty()) {
            output::line(&format!("{}: {}", finding.what, finding.advice));
        }
    }
    let is_bad = findings.iter().any(|finding| finding.level == Level::Bad);
    Ok(if is_bad {
        ExitCode::from(status::UNHEALTHY)
    } else {
        ExitCode::SUCCESS
    })
}
