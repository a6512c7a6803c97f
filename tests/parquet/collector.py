#!/usr/bin/env python3
"""A Collector with the example exporter `parquet_files`, killed and ended, and what DuckDB reads afterwards.

Usage: collector.py COLLECTOR

Without a queue a client's answer is the exporter's verdict: what was answered well must be there after a SIGKILL,
and each file must be whole. With a queue that gathers batches, what was taken must be there after a SIGTERM, once.
"""

import contextlib
import http.client
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import duckdb

EIGHT = 1_796_025_600_000_000_000  # 2026-11-30, 08:00 UTC
PATIENCE = 60
CLIENTS = 4


def config(address: str, folder: pathlib.Path, queue: dict) -> str:
    """A configuration, as JSON, which is YAML."""
    exporter = {"folder": str(folder), "attribute": "client", "sending_queue": queue}
    return json.dumps({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": address}}}},
        "exporters": {"parquet_files": exporter},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["parquet_files"]}},
        },
    })


def request(client: int, bodies: list[str]) -> bytes:
    logs = [
        {"timeUnixNano": str(EIGHT + n % 2 * 3_600_000_000_000), "body": {"stringValue": body},
         "attributes": [{"key": "client", "value": {"stringValue": f"c/{client}"}}]}
        for n, body in enumerate(bodies)
    ]
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}).encode()


class Collector:
    """A Collector while it runs."""

    def __init__(self, program: str, folder: pathlib.Path, queue: dict):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = "127.0.0.1:%d" % free.getsockname()[1]
        self.log = tempfile.TemporaryFile()
        arguments = [program, "--config", "yaml:" + config(self.address, folder, queue)]
        self.process = subprocess.Popen(arguments, stderr=self.log)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self.post(0, [])
            except OSError:
                assert self.process.poll() is None and time.monotonic() < until, self.said()
                time.sleep(0.01)

    def post(self, client: int, bodies: list[str]) -> None:
        """Sends logs, and returns when they were taken."""
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=PATIENCE)) as connection:
            connection.request("POST", "/v1/logs", request(client, bodies), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 200, (answer.status, answer.read(), self.said())

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        assert code == (-how if how == signal.SIGKILL else 0), (code, self.said())

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-4000:]


def killed_under_load(program: str, folder: pathlib.Path, round: int) -> set[str]:
    """The bodies of logs that were safe when the Collector was killed."""
    collector = Collector(program, folder, {"enabled": False})
    safe, enough = set(), threading.Semaphore(0)

    def send(client: int) -> None:
        n = 0
        # It ends with the Collector.
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                bodies = [f"{round}-{client}-{n}-{log}" for log in range(100)]
                collector.post(client, bodies)
                safe.update(bodies)
                enough.release()
                n += 1

    clients = [threading.Thread(target=send, args=[client]) for client in range(CLIENTS)]
    for client in clients:
        client.start()
    for _ in range(10 * round):
        assert enough.acquire(timeout=PATIENCE), collector.said()
    collector.end(signal.SIGKILL)
    for client in clients:
        client.join()
    return safe


def read(folder: pathlib.Path) -> dict[str, int]:
    """How often each body is there, of all files: DuckDB fails on one that is not whole."""
    rows = duckdb.sql(f"""select body, count(*) from read_parquet('{folder}/**/*.parquet', hive_partitioning = true)
        where client = attributes['client'] group by body""").fetchall()
    return dict(rows)


def main() -> None:
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary, "killed")
        safe = set().union(*(killed_under_load(program, folder, round) for round in range(1, 6)))
        collector = Collector(program, folder, {"enabled": False})
        collector.post(0, ["last"])
        collector.end(signal.SIGTERM)
        seen = read(folder)
        assert safe | {"last"} <= seen.keys(), f"{len(safe - seen.keys())} of {len(safe)} logs are lost"
        assert not list(folder.glob(".unfinished/*")), "something unfinished is left"

        folder = pathlib.Path(temporary, "gathered")
        gathers = {"batch": {"flush_timeout": "1h", "min_size": 1_000_000}}
        collector = Collector(program, folder, gathers)
        bodies = [f"{n}" for n in range(1000)]
        for n in range(0, 1000, 100):
            collector.post(1, bodies[n:n + 100])
        collector.end(signal.SIGTERM)
        assert read(folder) == {body: 1 for body in bodies}
        files = list(folder.glob("**/*.parquet"))
        assert len(files) == 2, files
    print(f"{len(safe)} logs were safe through 5 kills; a shutdown left none behind")


main()
