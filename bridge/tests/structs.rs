//! The structs that src/library/raw.rs declares have the sizes and the offsets of the header's.

use std::process::Command;

/// The unit test of src/library/raw.rs has the same sizes.
const CHECKS: &str = "
#include <robustipc.h>
#include <stddef.h>
_Static_assert(sizeof(void *) != 8 || sizeof(ipc_object_t) == 400, \"object\");
_Static_assert(sizeof(void *) != 8 || offsetof(ipc_object_t, name) == 56, \"object\");
_Static_assert(sizeof(void *) != 8 || sizeof(ipc_type_t) == 800, \"type\");
_Static_assert(sizeof(void *) != 8 || offsetof(ipc_type_t, fields) == 32, \"type\");
_Static_assert(sizeof(void *) != 8 || sizeof(ipc_mq_attr_t) == 56, \"queue\");
_Static_assert(sizeof(void *) != 8 || offsetof(ipc_mq_attr_t, type) == 32, \"queue\");
_Static_assert(sizeof(void *) != 8 || sizeof(ipc_mq_stat_t) == 96, \"queue\");
_Static_assert(sizeof(void *) != 8 || offsetof(ipc_mq_stat_t, abandoned) == 40, \"queue\");
_Static_assert(sizeof(ipc_sample_t) == 64 && offsetof(ipc_sample_t, publisher) == 24, \"sample\");
_Static_assert(sizeof(void *) != 8 || sizeof(ipc_topic_attr_t) == 88, \"topic\");
_Static_assert(sizeof(void *) != 8 || offsetof(ipc_topic_attr_t, flags) == 56, \"topic\");
_Static_assert(sizeof(void *) != 8 || sizeof(ipc_service_attr_t) == 80, \"service\");
_Static_assert(sizeof(void *) != 8 || offsetof(ipc_service_attr_t, flags) == 48, \"service\");
_Static_assert(sizeof(ipc_request_t) == 72 && offsetof(ipc_request_t, deadline_ns) == 16, \"request\");
_Static_assert(sizeof(ipc_service_stat_t) == 88 && offsetof(ipc_service_stat_t, servers) == 0, \"service\");
_Static_assert(IPC_KIND_SERVICE == 0x800 && IPC_WAIT_REQUEST == 8 && IPC_SERVICE_ONCE == 1, \"service\");
_Static_assert(sizeof(void *) != 8 || sizeof(ipc_ready_t) == 16, \"ready\");
_Static_assert(IPC_KIND_MQ == 0x100 && IPC_KIND_TOPIC == 0x200 && IPC_KIND_CELL == 0x400, \"kinds\");
_Static_assert(IPC_WAIT_MESSAGE == 1 && IPC_WAIT_ROOM == 2 && IPC_TOPIC_WAIT == 1, \"constants\");
_Static_assert(IPC_CREATE == 1 && IPC_READ_ONLY == 4 && IPC_WRITE_ONLY == 8, \"flags\");
";

#[test]
fn the_declarations_are_those_of_the_header() {
    let folder = std::env::temp_dir().join(format!("bridge-structs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("checks.c");
    std::fs::write(&file, CHECKS).unwrap();
    let output = Command::new("cc")
        .args(["-std=c11", "-fsyntax-only", "-I"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../include"))
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
