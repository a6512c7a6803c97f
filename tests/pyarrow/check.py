#!/usr/bin/env python3
"""Reads dumps of slots with pyarrow, and compares them with what was put in.

Usage: check.py DIRECTORY

The directory is written by `go run ./pyarrow/dump DIRECTORY` (in tests/). It holds one Arrow IPC stream per
schema id and case (CASE.ID.arrows), and CASE.json with the logs that were encoded, as flat facts. This
script is a reader of another make: it knows nothing of Strait but the columns of OTAP.
"""

import json
import pathlib
import sys

import pyarrow as pa

TABLES = {"logs", "log_attrs", "resource_attrs", "scope_attrs"}


def read(path: pathlib.Path) -> pa.Table:
    """Returns the one table of a stream, validated in full."""
    with pa.ipc.open_stream(path.read_bytes()) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


def attributes(table: pa.Table | None) -> dict[int, list]:
    """Returns the attributes by parent, as [key, type, value] without the columns that are null."""
    found: dict[int, list] = {}
    if table is None:
        return found
    assert table.schema.field("parent_id").metadata == {b"encoding": b"plain"}, "parent_id is not plain"
    for row in table.to_pylist():
        values = [row[c] for c in ("str", "int", "double", "bool", "bytes", "ser") if row.get(c) is not None]
        assert len(values) <= 1, f"several values in {row}"
        value = values[0] if values else None
        if isinstance(value, bytes):
            value = value.hex()
        found.setdefault(row["parent_id"], []).append([row["key"], row["type"], value])
    return found


def nanoseconds(table: pa.Table, name: str) -> list[int]:
    """Returns a timestamp column as u64 bits; an absent column is all 0."""
    if name not in table.column_names:
        return [0] * table.num_rows
    return [(x or 0) % 2**64 for x in table[name].cast(pa.int64()).to_pylist()]


def check(case: pathlib.Path) -> int:
    """Compares one case and returns its number of records."""
    want = json.loads(case.read_text())
    tables = {}
    for name, file in want["files"].items():
        assert name in TABLES, name
        tables[name] = read(case.parent / file)
    logs = tables["logs"]
    rows = want["records"]
    assert logs.num_rows == len(rows), f"{logs.num_rows} rows, expected {len(rows)}"
    assert logs["id"].to_pylist() == list(range(len(rows))), "ids are not ordinals"
    assert logs.schema.field("id").metadata == {b"encoding": b"plain"}, "id is not plain"
    times = nanoseconds(logs, "time_unix_nano")
    columns = [c for c in logs.column_names if not c.endswith("time_unix_nano")]
    plain = logs.select(columns).to_pylist()
    by_log = attributes(tables.get("log_attrs"))
    by_resource = attributes(tables.get("resource_attrs"))
    by_scope = attributes(tables.get("scope_attrs"))
    for i, (row, record) in enumerate(zip(plain, rows, strict=True)):
        got = {
            "time": str(times[i]),
            "severity": row.get("severity_number") or 0,
            "severity_text": row.get("severity_text") or "",
            "flags": row.get("flags") or 0,
            "trace_id": (row.get("trace_id") or b"").hex(),
            "body": (row.get("body") or {}).get("str"),
            "scope": (row.get("scope") or {}).get("name") or "",
            "attributes": by_log.get(i, []),
            "resource": by_resource.get(row["resource"]["id"], []),
            "scope_attributes": by_scope.get(row["scope"]["id"], []),
        }
        assert got == record, f"{case.name}, record {i}:\n got {got}\nwant {record}"
    return len(rows)


def main() -> int:
    cases = sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
    assert cases, "no dump found"
    records = sum(check(c) for c in cases)
    print(f"pyarrow {pa.__version__}: {len(cases)} slots, {records} records are as they were put in")
    return 0


if __name__ == "__main__":
    sys.exit(main())
