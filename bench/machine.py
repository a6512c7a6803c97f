#!/usr/bin/env python3
"""Prints, as JSON, the machine and the tools that a run is made with. The one argument, if given, is a note."""

import json
import os
import pathlib
import subprocess
import sys


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def proc(file, key):
    for line in pathlib.Path(file).read_text().splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"


def governor():
    path = pathlib.Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return path.read_text().strip() if path.exists() else "not to be seen (virtual machine?)"


facts = {
    "cpu": proc("/proc/cpuinfo", "model name"),
    "cores": os.cpu_count(),
    "memory": proc("/proc/meminfo", "MemTotal"),
    "kernel": os.uname().release,
    "governor": governor(),
    "load_before": " ".join(f"{x:.2f}" for x in os.getloadavg()),
    "go": said("go", "env", "GOVERSION"),
    "rust": said("rustc", "--version"),
    "commit": said("git", "rev-parse", "HEAD"),
    "changed_files": len(said("git", "status", "--porcelain", "--untracked-files=no").splitlines()),
    "command": "bench/run.sh",
    "data": "1,000 logs (also 100 and 8,192), 5 attributes each, 2 resources, 60/20/20 % INFO/WARN/ERROR; bench/data",
}
if len(sys.argv) > 1 and sys.argv[1]:
    facts["note"] = sys.argv[1]
print(json.dumps(facts, indent=1))
