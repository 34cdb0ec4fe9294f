//! Whether this process can wait for a descriptor at all.
//!
//! Nobody is told when a descriptor is polled, so a bell has to be kept beforehand, by all processes
//! of the queue. What a program can call is known: its objects name what they import. One that
//! imports nothing that polls, and nothing by which it could come by that, cannot. One that does may
//! poll other things alone: its user can say so (`ROBUSTIPC_POSIX=never-polls`).

use crate::kernel::{Choice, choice};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;

const POLLING: &[&CStr] = &[
    c"poll",
    c"ppoll",
    c"__poll_chk",
    c"__ppoll_chk",
    c"__ppoll64",
    c"__ppoll64_chk",
    c"select",
    c"pselect",
    c"__select64",
    c"__pselect64",
    c"epoll_ctl",
    c"epoll_create",
    c"epoll_create1",
    c"io_uring_setup",
    c"io_uring_queue_init",
    c"io_uring_queue_init_params",
    c"aio_read",
    c"aio_write",
    c"lio_listio",
    c"io_submit",
    c"syscall",
    // What leads to others: libraries to come, and processes that get the descriptor.
    c"dlopen",
    c"dlmopen",
    c"dlsym",
    c"dlvsym",
    c"sendmsg",
    c"sendmmsg",
];

/// Objects that import such functions for their own purposes.
const EXEMPT: &[&[u8]] = &[
    b"libc.so",
    b"libstdc++.so",
    b"libgcc_s.so",
    b"librobustipc.so",
    b"librobustipc-posix.so",
    b"libm.so",
    b"libpthread.so",
    b"librt.so",
    b"libdl.so",
    b"ld-linux",
    b"linux-vdso.so",
    b"libc-",
];

/// Once found, it stays so: what comes later comes by dlopen().
pub(crate) fn may_poll() -> bool {
    static FOUND: AtomicU8 = AtomicU8::new(0);
    match FOUND.load(Relaxed) {
        1 => return false,
        2 => return true,
        _ => {}
    }
    let found = choice() != Choice::NeverPolls
        // SAFETY: the function takes what the call gives it, and no data.
        && unsafe { libc::dl_iterate_phdr(Some(look), core::ptr::null_mut()) } != 0;
    FOUND.store(1 + u8::from(found), Relaxed);
    found
}

/// An entry of an object's dynamic section.
#[repr(C)]
struct Dynamic {
    tag: isize,
    value: usize,
}

#[cfg(target_pointer_width = "64")]
type Symbol = libc::Elf64_Sym;
#[cfg(target_pointer_width = "32")]
type Symbol = libc::Elf32_Sym;

const STRINGS: isize = 5;
const SYMBOLS: isize = 6;
const HASH: isize = 4;
const GNU_HASH: isize = 0x6fff_fef5;
const STRINGS_SIZE: isize = 10;
const SONAME: isize = 14;

unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr() gives it for the time of this call.
    let info = unsafe { &*info };
    let base = info.dlpi_addr as usize;
    // SAFETY: the object's headers, as many as that.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let Some(header) = headers
        .iter()
        .find(|header| header.p_type == libc::PT_DYNAMIC)
    else {
        return 0;
    };
    let mut entry = base.wrapping_add(header.p_vaddr as usize) as *const Dynamic;
    let (mut strings, mut symbols, mut gnu_hash, mut hash) = (0, 0, 0, 0);
    let (mut soname, mut strings_size) = (None, 0);
    loop {
        // SAFETY: a loaded object's dynamic section ends with an entry of tag 0.
        let Dynamic { tag, value } = unsafe { &*entry };
        // libc has made these absolute, but not the kernel's object's.
        let address = if *value < base { base + value } else { *value };
        match *tag {
            0 => break,
            STRINGS => strings = address,
            SYMBOLS => symbols = address,
            GNU_HASH => gnu_hash = address,
            HASH => hash = address,
            STRINGS_SIZE => strings_size = *value,
            SONAME => soname = Some(*value),
            _ => {}
        }
        // SAFETY: not the last one.
        entry = unsafe { entry.add(1) };
    }
    if strings == 0 || symbols == 0 || (gnu_hash == 0 && hash == 0) {
        return 0;
    }
    // SAFETY: an offset in the object's strings, which end with 0 each.
    let text = |offset: usize| unsafe { CStr::from_ptr((strings + offset) as *const c_char) };
    if let Some(name) = soname.map(text) {
        if EXEMPT
            .iter()
            .any(|exempt| name.to_bytes().starts_with(exempt))
        {
            return 0;
        }
    }
    // With the GNU's hash table, the undefined symbols stand before those that are in it; without, the
    // number of all is the second word.
    let table = if gnu_hash != 0 { gnu_hash } else { hash };
    // SAFETY: both tables have two words at least.
    let mut count = unsafe { *(table as *const u32).add(1) } as usize;
    // One without entries says 1, however many are undefined. Between the symbols and the strings
    // there may be other things, which look like no name or lead to a wrong yes, which does no harm.
    if gnu_hash != 0 && count <= 1 {
        count = strings.saturating_sub(symbols) / size_of::<Symbol>();
    }
    for number in 1..count {
        // SAFETY: so many symbols there are.
        let symbol = unsafe { &*(symbols as *const Symbol).add(number) };
        if symbol.st_shndx == 0
            && (symbol.st_name as usize) < strings_size
            && POLLING.contains(&text(symbol.st_name as usize))
        {
            return 1;
        }
    }
    0
}
