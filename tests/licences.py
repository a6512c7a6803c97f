#!/usr/bin/env python3
"""Fails when a crate or the licence of a crate in the lock file is not one that Apache-2.0 software may ship.

Reads what cargo itself says of every crate in Cargo.lock; needs no tool beyond cargo and Python.
"""
import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0",
    "CC0-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unicode-3.0", "Unlicense", "Zlib",
}


def allowed(expression: str) -> bool:
    """Whether one alternative of an SPDX expression needs nothing beyond ALLOWED."""
    text = expression.replace("/", " OR ")
    tokens = re.findall(r"\(|\)|\bOR\b|\bAND\b|[^()\s]+(?:\s+WITH\s+[^()\s]+)?", text)
    python = []
    for t in tokens:
        python.append({"OR": "or", "AND": "and", "(": "(", ")": ")"}.get(t) or str(re.sub(r"\s+", " ", t) in ALLOWED))
    return bool(eval(" ".join(python)))  # only the words above can be in it


def main() -> int:
    out = subprocess.run(["cargo", "metadata", "--locked", "--format-version", "1"], check=True, capture_output=True)
    packages = json.loads(out.stdout)["packages"]
    bad = []
    for p in packages:
        if p["source"] is None:  # a crate of this repository
            continue
        if not p["license"] or not allowed(p["license"]):
            bad.append(f"{p['name']} {p['version']}: {p['license'] or 'no licence given'}")
    for line in bad:
        print("licence not allowed:", line, file=sys.stderr)
    print(f"licences: {len(packages)} crates, {len(bad)} not allowed")
    return 1 if bad else 0


sys.exit(main())
