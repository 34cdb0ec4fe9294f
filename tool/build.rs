//! Finds librobustipc.so: now for the linker, and later, beside the program's own folder, for the dynamic linker.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ROBUSTIPC_LIBRARY_DIRECTORY");
    // Distributions, whose dynamic linker finds the library anyway, set ROBUSTIPC_RPATH to nothing.
    println!("cargo::rerun-if-env-changed=ROBUSTIPC_RPATH");
    let rpath = std::env::var("ROBUSTIPC_RPATH").unwrap_or("$ORIGIN/../lib".to_string());
    if !rpath.is_empty() {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{rpath}");
    }
    if let Ok(directory) = std::env::var("ROBUSTIPC_LIBRARY_DIRECTORY") {
        println!("cargo::rustc-link-search=native={directory}");
    }
}
