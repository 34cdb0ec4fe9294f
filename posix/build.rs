//! Sets the soname, which carries the minor version as librobustipc.so's does, and finds that library: now
//! for the linker, and later for the dynamic linker.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ROBUSTIPC_LIBRARY_DIRECTORY");
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap();
    let minor = std::env::var("CARGO_PKG_VERSION_MINOR").unwrap();
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,librobustipc-posix.so.{major}.{minor}");
    // dlclose() must not unmap this library, because threads may be asleep in it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // librobustipc.so is installed beside this library, so a program finds it without LD_LIBRARY_PATH. Distributions, whose
    // dynamic linker finds it anyway, set ROBUSTIPC_RPATH to nothing.
    println!("cargo::rerun-if-env-changed=ROBUSTIPC_RPATH");
    let rpath = std::env::var("ROBUSTIPC_RPATH").unwrap_or("$ORIGIN".to_string());
    if !rpath.is_empty() {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-rpath,{rpath}");
    }
    if let Ok(directory) = std::env::var("ROBUSTIPC_LIBRARY_DIRECTORY") {
        println!("cargo::rustc-link-search=native={directory}");
    }
}
