//! `ripc bench`: what a message costs on this machine, in one process and between two. For comparisons with other libraries, see `make
//! bench` in the source.

use crate::cli::Bench;
use crate::library::{self, Error, FOREVER, KIND_MQ, Queue, Result};
use crate::output;
use serde_json::json;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [64, 1024, 65536];

/// `ripc bench`
pub(super) fn bench(bench: &Bench, json: bool) -> Result<()> {
    let duration = Duration::from_nanos(bench.duration.unsigned_abs());
    let mut rows = Vec::new();
    for size in SIZES {
        rows.push((
            "one thread, send and receive",
            size,
            one_thread(size, duration)?,
        ));
        rows.push((
            "two processes, one way",
            size,
            two_processes(size, duration)?,
        ));
    }
    if json {
        let shown = |(what, size, per_second): &(&str, usize, f64)| json!({ "what": what, "bytes": size, "messages_per_second": per_second });
        output::json(&json!({ "rows": rows.iter().map(shown).collect::<Vec<_>>() }));
    } else {
        let row = |(what, size, per_second): &(&str, usize, f64)| {
            vec![
                (*what).to_owned(),
                size.to_string(),
                format!("{per_second:.0}"),
                format!("{:.0}", 1e9 / per_second),
            ]
        };
        output::table(
            &["WHAT", ">BYTES", ">MESSAGES/S", ">NS EACH"],
            rows.iter().map(row).collect(),
        );
    }
    Ok(())
}

/// A queue under a name of this process's own, which is removed at once.
fn queue(size: usize) -> Result<Queue> {
    // SAFETY: getpid cannot fail.
    let name = format!("/ripc-bench-{}", unsafe { libc::getpid() });
    let queue = Queue::create(&name, 64, size, 0o600)?;
    library::remove(KIND_MQ, &name, 0)?;
    Ok(queue)
}

fn one_thread(size: usize, duration: Duration) -> Result<f64> {
    let queue = queue(size)?;
    let message = vec![1; size];
    let begin = Instant::now();
    let mut count = 0_u64;
    while begin.elapsed() < duration {
        for _ in 0..1000 {
            queue.send(&message, 0, 0)?;
            queue.receive(0)?;
        }
        count += 1000;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

fn two_processes(size: usize, duration: Duration) -> Result<f64> {
    let queue = queue(size)?;
    // SAFETY: this process has one thread, so the child may do everything.
    let child = unsafe { libc::fork() };
    match child {
        -1 => return Err(std::io::Error::last_os_error().into()),
        0 => {
            let message = vec![1; size];
            while queue.send(&message, 0, FOREVER).is_ok() {}
            // SAFETY: ends the child without the parent's clean-up.
            unsafe { libc::_exit(1) }
        }
        _ => {}
    }
    let outcome = count_for(&queue, duration);
    // SAFETY: the child is this process's own and has not been waited for.
    let ended = unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), 0)
    };
    if ended != child {
        return Err(Error::new(
            libc::ECHILD,
            "the sending process could not be waited for",
        ));
    }
    outcome
}

fn count_for(queue: &Queue, duration: Duration) -> Result<f64> {
    queue.receive(FOREVER)?;
    let begin = Instant::now();
    let mut count = 0_u64;
    while begin.elapsed() < duration {
        for _ in 0..100 {
            queue.receive(10_000_000_000)?;
        }
        count += 100;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}
