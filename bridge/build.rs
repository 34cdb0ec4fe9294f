//! Finds librobustipc.so: now for the linker, and later, beside the program's own folder, for the dynamic linker.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ROBUSTIPC_LIBRARY_DIRECTORY");
    println!("cargo::rustc-link-arg-bins=-Wl,-rpath,$ORIGIN/../lib");
    if let Ok(directory) = std::env::var("ROBUSTIPC_LIBRARY_DIRECTORY") {
        println!("cargo::rustc-link-search=native={directory}");
        println!("cargo::rustc-link-arg-tests=-Wl,-rpath,{directory}");
    }
}
