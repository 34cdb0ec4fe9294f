//! Whether this process may poll a queue's descriptor.
//!
//! No library is told when a descriptor is polled. So a twin has to be kept up to date beforehand, and by
//! all processes that use the queue. A program's objects name the functions that they import. A program
//! that imports no function that polls, and none by which it could get at one, cannot poll. A program
//! that does import one may poll other descriptors only; then its user can say so
//! (`ROBUSTIPC_POSIX=never-polls`).

use crate::choice::{Choice, choice};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;

/// The functions that poll, or that lead to others which poll.
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
    // These lead to functions that poll: in a library loaded later, or in a process that receives the
    // descriptor.
    c"dlopen",
    c"dlmopen",
    c"dlsym",
    c"dlvsym",
    c"sendmsg",
    c"sendmmsg",
];

/// How the names of objects begin that import such functions for other purposes.
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

/// Whether this process may poll. The answer of the first call stays true: an object that comes later
/// comes through dlopen(), which is on the list.
pub(crate) fn may_poll() -> bool {
    static ANSWER: AtomicU8 = AtomicU8::new(0);
    match ANSWER.load(Relaxed) {
        1 => return false,
        2 => return true,
        _ => {}
    }
    let may = choice() != Choice::NeverPolls
        // SAFETY: the function has the type that the call expects, and needs no data.
        && unsafe { libc::dl_iterate_phdr(Some(imports_polling), core::ptr::null_mut()) } != 0;
    ANSWER.store(1 + u8::from(may), Relaxed);
    may
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

// Tags of <elf.h>.
const DT_HASH: isize = 4;
const DT_STRTAB: isize = 5;
const DT_SYMTAB: isize = 6;
const DT_STRSZ: isize = 10;
const DT_SONAME: isize = 14;
const DT_GNU_HASH: isize = 0x6fff_fef5;

/// The tables of a loaded object, as its dynamic section names them. 0: the object has none.
#[derive(Default)]
struct Tables {
    strings: usize,
    strings_size: usize,
    symbols: usize,
    hash: usize,
    gnu_hash: usize,
    /// The offset of the object's own name in the strings.
    soname: Option<usize>,
}

/// dl_iterate_phdr() calls this for each object. 1 if the object may poll.
unsafe extern "C" fn imports_polling(
    info: *mut libc::dl_phdr_info,
    _: usize,
    _: *mut c_void,
) -> c_int {
    // SAFETY: dl_iterate_phdr() passes a valid pointer for the time of this call.
    let info = unsafe { &*info };
    // SAFETY: the pointer leads to as many headers as the count says.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let Some(header) = headers
        .iter()
        .find(|header| header.p_type == libc::PT_DYNAMIC)
    else {
        return 0;
    };
    let base = info.dlpi_addr as usize;
    let section = base.wrapping_add(header.p_vaddr as usize) as *const Dynamic;
    // SAFETY: the object is loaded, and that is the address of its dynamic section.
    let tables = unsafe { Tables::of(section, base) };
    // SAFETY: the tables are a loaded object's.
    c_int::from(unsafe { tables.name_polling() })
}

impl Tables {
    /// # Safety
    ///
    /// `section` is the dynamic section of an object that is loaded at `base`.
    unsafe fn of(section: *const Dynamic, base: usize) -> Tables {
        let mut tables = Tables::default();
        let mut entry = section;
        loop {
            // SAFETY: by this function's contract; the section ends with an entry of tag 0, and the loop
            // stops there.
            let Dynamic { tag, value } = unsafe { &*entry };
            // libc has turned these values into addresses, except in the object that the kernel maps.
            let address = if *value < base { base + value } else { *value };
            match *tag {
                0 => return tables,
                DT_STRTAB => tables.strings = address,
                DT_STRSZ => tables.strings_size = *value,
                DT_SYMTAB => tables.symbols = address,
                DT_HASH => tables.hash = address,
                DT_GNU_HASH => tables.gnu_hash = address,
                DT_SONAME => tables.soname = Some(*value),
                _ => {}
            }
            // SAFETY: this entry was not the last one.
            entry = unsafe { entry.add(1) };
        }
    }

    /// Whether the object imports a function of [`POLLING`], unless it is one of [`EXEMPT`].
    ///
    /// # Safety
    ///
    /// The tables are those of a loaded object.
    unsafe fn name_polling(&self) -> bool {
        if self.strings == 0 || self.symbols == 0 || (self.gnu_hash == 0 && self.hash == 0) {
            return false;
        }
        // SAFETY: the offset lies within the object's strings, each of which ends with a 0.
        let text =
            |offset: usize| unsafe { CStr::from_ptr((self.strings + offset) as *const c_char) };
        if let Some(name) = self.soname.map(text) {
            let name = name.to_bytes();
            if EXEMPT.iter().any(|exempt| name.starts_with(exempt)) {
                return false;
            }
        }
        // SAFETY: by this function's contract.
        let count = unsafe { self.count_symbols() };
        (1..count).any(|number| {
            // SAFETY: the object has memory for that many symbols.
            let symbol = unsafe { &*(self.symbols as *const Symbol).add(number) };
            // Section 0: the symbol is imported.
            symbol.st_shndx == 0
                && (symbol.st_name as usize) < self.strings_size
                && POLLING.contains(&text(symbol.st_name as usize))
        })
    }

    /// How many symbols have to be examined.
    ///
    /// # Safety
    ///
    /// The tables are those of a loaded object, and it has symbols and a hash table.
    unsafe fn count_symbols(&self) -> usize {
        // The second word of a GNU hash table is the number of its first symbol. The imported symbols
        // come before that one. The second word of the older table is the number of all symbols.
        let table = if self.gnu_hash != 0 {
            self.gnu_hash
        } else {
            self.hash
        };
        // SAFETY: by this function's contract; both tables begin with at least two words.
        let count = unsafe { *(table as *const u32).add(1) } as usize;
        if self.gnu_hash == 0 || count > 1 {
            return count;
        }
        // A GNU hash table without entries says 1, however many symbols are imported. So everything up to
        // the strings counts. Other data may lie there. It is either no name, or it leads to a wrong yes,
        // which does no harm.
        self.strings.saturating_sub(self.symbols) / size_of::<Symbol>()
    }
}
