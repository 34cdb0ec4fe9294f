//! Sets the shared library's soname and, with the feature `header`, generates the C header
//! into OUT_DIR. The committed copy in include/ is what users get; a test compares the two.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed=src");

    // Before 1.0 a minor version may break the ABI, so the soname carries it. cargo-c sets the soname itself.
    if std::env::var_os("CARGO_FEATURE_CAPI").is_some() {
        lay_out_files();
    } else {
        let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap();
        let minor = std::env::var("CARGO_PKG_VERSION_MINOR").unwrap();
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,librobustipc.so.{major}.{minor}");
    }

    // dlclose leaves the library loaded. Its pages, its tables and what threads have of it stay as long as the
    // process, so a program that loads and unloads a plugin with it again and again loses nothing.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");

    #[cfg(feature = "header")]
    generate_header();
}

/// Puts the header and the manual where cargo-c picks them up: mk/install.sh describes what is installed.
fn lay_out_files() {
    println!("cargo::rerun-if-changed=include");
    println!("cargo::rerun-if-changed=man");
    println!("cargo::rerun-if-changed=mk/install.sh");
    let root = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    // An earlier run may have left files that have another name by now.
    let _ = std::fs::remove_dir_all(out.join("include"));
    let _ = std::fs::remove_dir_all(out.join("man"));
    let status = std::process::Command::new("sh")
        .arg(root.join("mk/install.sh"))
        .arg("lay-out")
        .arg(&out)
        .status()
        .expect("sh can be run");
    assert!(status.success(), "mk/install.sh lay-out: {status}");
}

#[cfg(feature = "header")]
fn generate_header() {
    let root = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))
        .unwrap_or_else(|error| panic!("cbindgen.toml: {error}"));
    // The type macros are C, so they live in a C file, where an editor and a reader see them as C.
    // cbindgen's own include guard would leave them out; cbindgen.toml begins one that does not.
    let macros = root.join("src/ffi/type_macros.h");
    let macros = std::fs::read_to_string(macros).expect("src/ffi/type_macros.h");
    config.trailer = Some(format!("{macros}\n#endif /* ROBUSTIPC_H */\n"));
    let version = |part| std::env::var(format!("CARGO_PKG_VERSION{part}")).unwrap();
    config.after_includes = Some(format!(
        "\n/* The version of this header; ipc_version() tells the library's. */\n\
         #define IPC_VERSION_MAJOR {}\n\
         #define IPC_VERSION_MINOR {}\n\
         #define IPC_VERSION_PATCH {}\n\
         #define IPC_VERSION_STRING \"{}\"\n\n\
         /* The placed types have the same size and alignment on every machine. */\n\
         #define IPC_ALIGNED(bytes) __attribute__((aligned(bytes)))",
        version("_MAJOR"),
        version("_MINOR"),
        version("_PATCH"),
        version("")
    ));
    cbindgen::Builder::new()
        .with_crate(&root)
        .with_config(config)
        .generate()
        .expect("the header can be generated from src/ffi")
        .write_to_file(out.join("robustipc.h"));
    generate_private_header(&root, &out);
    // For the tests that compare them with the committed ones.
    for (variable, file) in [
        ("ROBUSTIPC_HEADER", "robustipc.h"),
        ("ROBUSTIPC_PRIVATE_HEADER", "private.h"),
    ] {
        println!("cargo::rustc-env={variable}={}", out.join(file).display());
    }
}

/// Generates the header of the calls for the drop-in, which the public header leaves out.
#[cfg(feature = "header")]
fn generate_private_header(root: &std::path::Path, out: &std::path::Path) {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))
        .unwrap_or_else(|error| panic!("cbindgen.toml: {error}"));
    config.export.exclude.clear();
    config.sys_includes.clear();
    config.includes = vec!["robustipc.h".to_string()];
    config.header = Some(
        "/* Calls of librobustipc.so that only the drop-in for <mqueue.h> uses. Not installed.\n \
         *\n \
         * Generated from src/ffi/mq/drop_in.rs by cbindgen (\"make header\"). Do not edit.\n \
         */"
        .to_string(),
    );
    config.include_guard = Some("ROBUSTIPC_PRIVATE_H".to_string());
    cbindgen::Builder::new()
        .with_src(root.join("src/ffi/mq/drop_in.rs"))
        .with_config(config)
        .generate()
        .expect("the private header can be generated from src/ffi/mq/drop_in.rs")
        .write_to_file(out.join("private.h"));
}
