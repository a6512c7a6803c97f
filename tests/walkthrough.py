#!/usr/bin/env python3
"""Goes the way of docs/write-a-component.md: each command is run, each output that is shown must be there.

Usage: walkthrough.py STRAIT [PAGE]

In the page, blocks of `console` hold commands behind `$`, each with lines of its output, in their order; `...` stands
for others. A comment in front of a block says what else it is:

  <!-- walk: skip, WHY -->        it is not run
  <!-- walk: background -->       its first command runs until the next such block, or the next heading of level 2
  <!-- walk: shown[, not TEXT] -> lines that the background's command prints next, without TEXT before them
  <!-- walk: soon -->             the output may take a moment: its commands are repeated until it is there
  <!-- walk: part of FILE -->     FILE has these lines
  <!-- walk: patch FILE -->       a change of FILE, as a diff whose hunks are found by their lines

Commands run in bash, in one folder after the other as `cd` says, with STRAIT on the PATH. Ports that the page names are
taken, so 127.0.0.1:4318 and :5140 are replaced by free ones, which the configurations take from the environment.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

# Longest that one command may take; the first of all compiles the engine where that is not in the cache.
PATIENCE = 3600
SOON = 60
# What differs from run to run.
VARIES = re.compile(r"\d+(\.\d+)?\s?(ms|s|min)\b|\d+ of \d+ crates")


class Wrong(Exception):
    """The page and what happens are not the same."""


def plain(line: str) -> str:
    return VARIES.sub("#", " ".join(line.split()))


def missing(expected: list[str], output: str) -> str | None:
    """The first line that is not in the output, in its order."""
    lines = iter(plain(line) for line in output.splitlines())
    for line in expected:
        if line != "..." and not any(plain(line) in found for found in lines):
            return line
    return None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Background:
    """A command that runs beside the others, and what it has printed."""

    def __init__(self, command: str, folder: str, environment: dict[str, str]):
        self.output, self.seen, self.came = "", 0, threading.Condition()
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        for line in self.process.stdout:
            with self.came:
                self.output += line
                self.came.notify()
        with self.came:
            self.process.wait()
            self.came.notify()

    def shows(self, expected: list[str], never: str | None) -> None:
        """Waits until these lines have come after those that were waited for before."""
        with self.came:
            until = time.monotonic() + PATIENCE
            while lacks := missing(expected, self.output[self.seen:]):
                if self.process.returncode is not None or not self.came.wait(until - time.monotonic()):
                    raise Wrong(f"no `{lacks}` in:\n{self.output[self.seen:]}")
            new, self.seen = self.output[self.seen:], len(self.output)
        if never and never in new:
            raise Wrong(f"`{never}` in:\n{new}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(SOON)
        self.reader.join()
        if self.process.returncode != 0:
            raise Wrong(f"ended with {self.process.returncode}:\n{self.output}")


class Walk:
    """Where the walk is."""

    def __init__(self, strait: pathlib.Path, folder: str):
        self.folder, self.background, self.left_in = folder, None, f"{folder}.cwd"
        otlp, lines = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.ports = {"127.0.0.1:4318": otlp, "127.0.0.1:5140": lines, "127.0.0.1/5140": lines.replace(":", "/")}
        path = f"{strait.parent}:{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": path, "OTLP_HTTP": otlp, "LINES": lines, "COLUMNS": "100"}

    def differs(self, command: str, expected: list[str]) -> str | None:
        """Runs a command, and says what is not as expected."""
        for shown, real in self.ports.items():
            command = command.replace(shown, real)
        print(f"$ {command}", flush=True)
        done = subprocess.run(
            ["bash", "-c", f"{command}\ncode=$?; pwd >'{self.left_in}'; exit $code"], cwd=self.folder, timeout=PATIENCE,
            env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.folder = pathlib.Path(self.left_in).read_text().strip()
        lacks = f"no `{missing(expected, done.stdout)}`" if missing(expected, done.stdout) else None
        failed = f"exit code {done.returncode}" if done.returncode else lacks
        return f"{failed} in:\n{done.stdout}" if failed else None

    def console(self, commands: list[tuple[str, list[str]]], what: str) -> None:
        if what == "background":
            self.stop()
            (command, expected), *commands = commands
            print(f"$ {command} &", flush=True)
            began = time.monotonic()
            self.background = Background(command, self.folder, self.environment)
            self.background.shows(expected, None)
            print(f"  ready after {time.monotonic() - began:.1f} s", flush=True)
        until = time.monotonic() + (SOON if what == "soon" else 0)
        for command, expected in commands:
            while wrong := self.differs(command, expected):
                if time.monotonic() > until:
                    raise Wrong(wrong)
                time.sleep(0.1)

    def block(self, what: str, language: str, lines: list[str]) -> None:
        path = pathlib.Path(self.folder)
        if what.startswith("skip, "):
            return
        if what.startswith("part of "):
            if "\n".join(lines) not in (path / what.removeprefix("part of ")).read_text():
                raise Wrong(f"not in {what.removeprefix('part of ')}:\n" + "\n".join(lines))
        elif what.startswith("patch "):
            patch(path / what.removeprefix("patch "), lines)
        elif what.startswith("shown"):
            self.background.shows(lines, what.partition(", not ")[2] or None)
        elif language == "console":
            self.console(commands(lines), what)
        elif what:
            raise Wrong(f"no such block: {what}")

    def stop(self) -> None:
        if self.background:
            self.background.stop()
        self.background = None


def commands(lines: list[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def patch(file: pathlib.Path, lines: list[str]) -> None:
    """Applies a diff, each of whose hunks must be in the file once."""
    text = file.read_text()
    for hunk in "\n".join(lines).split("@@\n"):
        if not hunk:
            continue
        hunk = hunk.strip("\n").split("\n")
        before, after = ("\n".join(line[1:] for line in hunk if line[0] in kept) for kept in (" -", " +"))
        if text.count(before) != 1:
            raise Wrong(f"not in {file} once:\n{before}")
        text = text.replace(before, after)
    file.write_text(text)


def walk(page: pathlib.Path, strait: pathlib.Path, folder: str) -> int:
    here, blocks, what = Walk(strait, folder), 0, ""
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    try:
        for number, line in lines:
            if line.startswith("## "):
                here.stop()
            elif said := re.fullmatch(r"<!-- walk: (.*) -->", line):
                what = said[1]
            elif line.startswith("```"):
                block = []
                for _, inner in lines:
                    if inner == "```":
                        break
                    block.append(inner)
                try:
                    here.block(what, line[3:], block)
                except Wrong as wrong:
                    raise SystemExit(f"{page}:{number}: {wrong}")
                blocks, what = blocks + 1, ""
        here.stop()
    finally:
        if here.background:
            here.background.process.kill()
    return blocks


def main() -> None:
    root = pathlib.Path(__file__).resolve().parent.parent
    page = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root / "docs/write-a-component.md"
    with tempfile.TemporaryDirectory() as folder:
        started = os.path.join(folder, "components")
        os.mkdir(started)
        blocks = walk(page, pathlib.Path(sys.argv[1]).resolve(), started)
    print(f"{page.name}: {blocks} blocks are as they are shown")


main()
