//! Sets the soname, which carries the minor version as librobustipc.so's does, and finds that library.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ROBUSTIPC_LIBRARY_DIRECTORY");
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap();
    let minor = std::env::var("CARGO_PKG_VERSION_MINOR").unwrap();
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,librobustipc-posix.so.{major}.{minor}");
    // No handle of this library's to dlclose() it by: threads may be asleep in it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    if let Ok(directory) = std::env::var("ROBUSTIPC_LIBRARY_DIRECTORY") {
        println!("cargo::rustc-link-search=native={directory}");
    }
}
