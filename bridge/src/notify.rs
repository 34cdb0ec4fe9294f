//! Messages to systemd: sd_notify(3), without its library.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells the service manager a state, if there is one.
pub(crate) fn tell(state: &str) {
    let Ok(path) = std::env::var("NOTIFY_SOCKET") else {
        return;
    };
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    let mut text = state.to_owned();
    if state == "RELOADING=1" {
        // With Type=notify-reload the manager wants to know when the reload began.
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the call writes the struct.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        let since_start = std::time::Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
        let microseconds = since_start.as_micros();
        text = format!("{state}\nMONOTONIC_USEC={microseconds}");
    }
    // A manager that does not listen is no reason to end.
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        let _ = socket.send_to_addr(text.as_bytes(), &address);
    }
}
