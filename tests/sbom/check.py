#!/usr/bin/env python3
"""Checks a Collector's bill of materials against CycloneDX's schema, and against what the tools of Go and Cargo say.

Usage: check.py DOCUMENT BINARY WORKSPACE LIBRARY

WORKSPACE is the generated Cargo workspace (OUTPUT/strait/rust), LIBRARY what it was compiled to. Knows nothing of how `strait build` makes the document.
"""

import hashlib
import json
import pathlib
import subprocess
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def run(*command: str, folder: str = ".") -> list[str]:
    out = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return out.stdout.splitlines()


def go_modules(binary: str) -> set[tuple[str, str]]:
    """The modules that `go version -m` lists; what stands in for one follows it."""
    found = []
    for line in run("go", "version", "-m", binary):
        words = line.split()
        if words[:1] == ["dep"]:
            found.append((words[1], words[2]))
        elif words[:1] == ["=>"] and not words[1].startswith("."):
            found[-1] = (words[1], words[2])
    return set(found)


def requirements(binary: str) -> set[tuple[str, str]]:
    """Which module's go.mod names which, by `go mod graph`: a module can import from no other."""
    lines = run("go", "mod", "graph", folder=str(pathlib.Path(binary).parent))
    return {tuple(end.partition("@")[0] for end in line.split()) for line in lines}


def built(workspace: str) -> dict[str, tuple[str, str]]:
    """The libraries that cargo has compiled, by the name that their object files begin with."""
    build = ("cargo", "build", "--offline", "--locked", "--release", "--ignore-rust-version", "--package",
             "strait-umbrella")
    found = {}
    for line in run(*build, "--message-format", "json", folder=workspace):
        message = json.loads(line)
        for file in message.get("filenames", []):
            if file.endswith(".rlib"):
                place, _, name = message["package_id"].partition("#")
                name, _, version = name.rpartition("@")
                stem = pathlib.Path(file).stem.removeprefix("lib")
                found[stem] = (name or place.rpartition("/")[2], version)
    return found


def with_code(library: str) -> set[str]:
    """The crates that have object files in a static library, by the beginning of their names."""
    return {line.split(".")[0] for line in run("ar", "t", library) if line.endswith(".rcgu.o")}


def main() -> int:
    document, binary, workspace, library = sys.argv[1:]
    text = pathlib.Path(document).read_text()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        print(f"not CycloneDX 1.6: {error}")
        return 1
    bom = json.loads(text)
    components = bom["components"]
    refs = [c["bom-ref"] for c in components] + [bom["metadata"]["component"]["bom-ref"]]
    assert len(refs) == len(set(refs)), "a reference stands twice"
    unknown = {r for d in bom["dependencies"] for r in [d["ref"], *d.get("dependsOn", [])]} - set(refs)
    assert not unknown, f"references to nothing: {unknown}"

    def named(prefix: str) -> set[tuple[str, str]]:
        return {(c["name"], c["version"]) for c in components if c["bom-ref"].startswith(prefix)}

    go = named("pkg:golang/") | named("strait:")
    wanted = go_modules(binary)
    standard = {pair for pair in go if pair[0] == "std"}
    assert len(standard) == 1 and go - standard == wanted, f"Go: {(go - standard) ^ wanted}"
    crates, libraries = named("pkg:cargo/"), built(workspace)
    assert crates <= set(libraries.values()), f"not compiled: {crates - set(libraries.values())}"
    linked = {libraries[name] for name in with_code(library) if name in libraries}
    assert len(linked) > 100 and linked <= crates, f"linked, and not listed: {linked - crates}"
    needs = {d["ref"]: d.get("dependsOn", []) for d in bom["dependencies"]}
    reached, ahead = set(), [bom["metadata"]["component"]["bom-ref"]]
    while ahead:
        if (ref := ahead.pop()) not in reached:
            reached.add(ref)
            ahead += needs.get(ref, [])
    assert reached == set(refs), f"needed by nothing: {set(refs) - reached}"
    names, graph = {c["bom-ref"]: c["name"] for c in components if (c["name"], c.get("version")) in go}, requirements(binary)
    edges = {(names[a], names[b]) for a in needs.keys() & names.keys() for b in needs[a] if names[b] != "std"}
    assert len(edges) > len(wanted) and edges <= graph, f"not in go.mod: {edges - graph}"
    digest = hashlib.sha256(pathlib.Path(binary).read_bytes()).hexdigest()
    assert bom["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": digest}], "the binary's hash"
    without = [c["name"] for c in components if "?" not in c.get("purl", "?") and "hashes" not in c and c["name"] != "std"]
    print(f"bill of materials: {len(wanted)} Go modules, {len(crates)} crates; without a hash: {without}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
