"""Finishes an unpacked source archive: dist.py VERSION, run by mk/dist.sh in the archive's folder.

- Crates that no build on Linux needs become empty: cargo reads their Cargo.toml, and never compiles them.
- vendor/LICENSES.md lists the licence of every crate, and the files with its text.
- robustipc.cdx.json lists, for each of the three things that are built, the crates that become a part of it (required), and
  those that only build or test it (excluded). The form is CycloneDX 1.5.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid

CARGO = os.environ.get("CARGO", "cargo")
# The packages that are built: the manifest, its name in the list, and what it makes.
PARTS = [
    ("Cargo.toml", "librobustipc", "library", "the shared and the static library"),
    ("posix/Cargo.toml", "librobustipc-posix", "library", "the drop-in for <mqueue.h>"),
    ("tool/Cargo.toml", "ripc", "application", "the program ripc"),
]
TARGETS = ["x86_64-unknown-linux-gnu", "i686-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf",
           "riscv64gc-unknown-linux-gnu", "x86_64-unknown-linux-musl"]


def metadata(manifest, target, flags=""):
    """What cargo knows about a package on a target."""
    command = [CARGO, "metadata", "--locked", "--format-version=1", "--manifest-path", manifest, "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, capture_output=True, env={**os.environ, "RUSTFLAGS": flags}).stdout)


def closure(data, kinds):
    """The packages that the root needs, through dependencies of these kinds (None is a normal one). With normal ones only,
    macros are left out, because they run in the compiler."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    packages = {package["id"]: package for package in data["packages"]}
    found, waiting = set(), [(data["resolve"]["root"], kinds)]
    while waiting:
        node, wanted = waiting.pop()
        if node in found or (kinds == {None} and is_macro(packages[node])):
            continue
        found.add(node)
        for dependency in nodes[node]["deps"]:
            if any(kind["kind"] in wanted for kind in dependency["dep_kinds"]):
                # Nobody needs the tests of a dependency.
                waiting.append((dependency["pkg"], wanted - {"dev"}))
    return [packages[node] for node in found]


def is_macro(package):
    """Whether a package runs in the compiler."""
    return any("proc-macro" in target["kind"] for target in package["targets"])


def collect():
    """Every package by name and version, and for each part the names and versions that become a part of what it builds."""
    packages, built = {}, {}
    for manifest, name, _, _ in PARTS:
        built[name] = set()
        for target in TARGETS:
            for flags in ("", "--cfg loom") if manifest == "Cargo.toml" else ("",):
                data = metadata(manifest, target, flags)
                for package in closure(data, {None, "build", "dev"}):
                    packages[package["name"], package["version"]] = package
                if not flags:
                    built[name] |= {(package["name"], package["version"]) for package in closure(data, {None}) if package["source"]}
    return packages, built


def make_empty(folder):
    """Leaves of a crate that Linux does not need what cargo reads, and the licence."""
    with open(os.path.join(folder, ".cargo-checksum.json")) as file:
        checksum = json.load(file)
    for entry in os.listdir(folder):
        path = os.path.join(folder, entry)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif entry != "Cargo.toml" and not is_licence(entry):
            os.remove(path)
    os.mkdir(os.path.join(folder, "src"))
    with open(os.path.join(folder, "src", "lib.rs"), "w"):
        pass
    # No target but the library, and no build script: their files are gone.
    with open(os.path.join(folder, "Cargo.toml")) as file:
        blocks = file.read().split("\n[")
    kept = [block for number, block in enumerate(blocks)
            if number == 0 or not block.startswith(("[example]]", "[test]]", "[bench]]", "[bin]]", "lib]"))]
    text = "\n[".join(kept)
    lines = [line for line in text.split("\n") if not line.startswith(("build = ", "readme = ", "auto"))]
    with open(os.path.join(folder, "Cargo.toml"), "w") as file:
        file.write("\n".join(lines))
    checksum["files"] = {}
    with open(os.path.join(folder, ".cargo-checksum.json"), "w") as file:
        json.dump(checksum, file, sort_keys=True)


def is_licence(name):
    """Whether a file has the text of a licence."""
    return name.upper().startswith(("LICEN", "COPYING", "COPYRIGHT", "UNLICENSE", "NOTICE"))


def manifest_field(folder, field):
    """A text of the section [package] in the Cargo.toml that cargo wrote when it packed the crate."""
    with open(os.path.join(folder, "Cargo.toml")) as file:
        for line in file:
            if line.startswith(field + " = "):
                return json.loads(line.split(" = ", 1)[1])
    raise SystemExit(f"robustipc: {folder} declares no {field}")


def spdx(expression):
    """An SPDX expression; some crates still write a slash for OR."""
    return expression.replace("/", " OR ")


def checksums():
    """The SHA-256 of every crate as the lock files record it."""
    found = {}
    for manifest, *_ in PARTS:
        with open(manifest.replace("Cargo.toml", "Cargo.lock")) as file:
            for block in file.read().split("[[package]]")[1:]:
                fields = dict(line.split(" = ", 1) for line in block.strip().splitlines() if " = " in line)
                if "checksum" in fields:
                    found[json.loads(fields["name"]), json.loads(fields["version"])] = json.loads(fields["checksum"])
    return found


def write_licences(crates, empty):
    """vendor/LICENSES.md"""
    lines = ["# Licences of the crates in this folder", "",
             "Each crate keeps its own licence. \"Empty\" crates are for other systems: only their Cargo.toml is here, because cargo",
             "reads it. If a crate brings no text of its own, ../LICENSE-MIT and ../LICENSE-APACHE have the same texts.", "",
             "| crate | version | licence | texts |", "|---|---|---|---|"]
    for name, version in sorted(crates):
        folder = os.path.join("vendor", f"{name}-{version}")
        texts = ", ".join(sorted(entry for entry in os.listdir(folder) if is_licence(entry)))
        note = " (empty)" if (name, version) in empty else ""
        lines.append(f"| {name} | {version}{note} | {spdx(manifest_field(folder, 'license'))} | {texts or 'none'} |")
    with open("vendor/LICENSES.md", "w") as file:
        file.write("\n".join(lines) + "\n")


def write_list(version, crates, built, sums):
    """robustipc.cdx.json"""
    linked = set().union(*built.values())
    components, dependencies = [], []
    for _, name, kind, description in PARTS:
        components.append({"type": kind, "bom-ref": name, "name": name, "version": version, "description": description,
                           "licenses": [{"expression": "MIT OR Apache-2.0"}]})
        dependencies.append({"ref": name, "dependsOn": [f"pkg:cargo/{crate}@{number}" for crate, number in sorted(built[name])]})
    dependencies[0:0] = [{"ref": "robustipc", "dependsOn": [name for _, name, _, _ in PARTS]}]
    for name, number in sorted(crates):
        folder = os.path.join("vendor", f"{name}-{number}")
        identity = f"pkg:cargo/{name}@{number}"
        components.append({
            "type": "library", "bom-ref": identity, "name": name, "version": number,
            "scope": "required" if (name, number) in linked else "excluded",
            "hashes": [{"alg": "SHA-256", "content": sums[name, number]}],
            "licenses": [{"expression": spdx(manifest_field(folder, "license"))}],
            "purl": identity,
        })
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"timestamp": moment, "component": {
            "type": "library", "bom-ref": "robustipc", "name": "robustipc", "version": version,
            "licenses": [{"expression": "MIT OR Apache-2.0"}]}},
        "components": components, "dependencies": dependencies,
    }
    # The serial number is that of the content.
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}"
    with open("robustipc.cdx.json", "w") as file:
        json.dump(document, file, indent=1, sort_keys=True)
        file.write("\n")


def main():
    """Finishes the archive in the working directory."""
    packages, built = collect()
    needed = {key for key, package in packages.items() if package["source"]}
    sums = checksums()
    crates = {key for key in sums if os.path.isdir(os.path.join("vendor", "{}-{}".format(*key)))}
    if crates != set(sums) or not needed <= crates or len(os.listdir("vendor")) != len(crates):
        raise SystemExit("robustipc: vendor/ and the lock files name different crates")
    empty = crates - needed
    for name, version in empty:
        make_empty(os.path.join("vendor", f"{name}-{version}"))
    write_licences(crates, empty)
    write_list(sys.argv[1], crates, built, sums)


main()
