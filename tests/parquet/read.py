#!/usr/bin/env python3
"""Reads what `cargo run -p parquet-files --example write FOLDER` wrote, with DuckDB and with pyarrow.

Usage: read.py FOLDER

Both read the folder as a data set: the values of `date`, `hour` and `service.name` come from its folders. It also
holds an unfinished file, as a killed process leaves one, which neither must see.
"""

import pathlib
import sys

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset

LOGS = 9000
SERVICES = {"shop", "a/b", "größe"}


def with_duckdb(folder: pathlib.Path) -> None:
    logs = duckdb.connect()
    logs.execute(f"create view logs as from read_parquet('{folder}/**/*.parquet', hive_partitioning = true)")

    def one(query: str):
        return logs.execute(query).fetchall()

    assert one("select count(*), count(distinct body), min(severity_number) from logs") == [(LOGS, LOGS, 9)]
    by = one('select "service.name", hour, count(*) from logs group by all')
    assert {(service, int(hour)) for service, hour, _ in by} == {(s, h) for s in SERVICES for h in (8, 9, 10)}, by
    assert sum(count for *_, count in by) == LOGS and {count for *_, count in by} <= set(range(990, 1011)), by
    # What the folder says is what the file says.
    wrong = one("""select count(*) from logs where hour(time at time zone 'UTC') != hour
        or resource_attributes['service.name'] != "service.name" or date != '2026-11-30'""")
    assert wrong == [(0,)], wrong
    # `attributes` is a map: an entry by its key.
    with_all = one("""select count(*) from logs where attributes['text'] = 'x' and attributes['number'] = '7'
        and attributes['nested'] = '[true,0.5]' and attributes['nothing'] is null and cardinality(attributes) = 4""")
    assert with_all == [(LOGS // 10,)], with_all
    assert one("select trace_id from logs where body = 'order 255'") == [("ff".rjust(32, "0"),)]


def with_pyarrow(folder: pathlib.Path) -> None:
    logs = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive")
    table = logs.to_table()
    table.validate(full=True)
    assert table.num_rows == LOGS
    assert set(table["body"].to_pylist()) == {f"order {n}" for n in range(LOGS)}
    assert set(table["service.name"].to_pylist()) == SERVICES
    assert table.schema.field("time").type == pa.timestamp("ns", tz="UTC"), table.schema
    assert table.schema.field("attributes").type == pa.map_(pa.string(), pa.string()), table.schema
    # A filter on a folder opens only its files.
    at_nine = logs.to_table(filter=pc.field("hour") == 9, columns=["body", "time", "attributes"])
    assert at_nine.num_rows == LOGS // 3
    assert {time.hour for time in pc.cast(at_nine["time"], pa.timestamp("s", tz="UTC")).to_pylist()} == {9}
    first = at_nine.filter(pc.equal(at_nine["body"], "order 10"))["attributes"].to_pylist()
    assert first == [[("text", "x"), ("number", "7"), ("nested", "[true,0.5]"), ("nothing", None)]], first


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    assert list(folder.glob(".unfinished/*/*")), "nothing unfinished to be left alone"
    with_duckdb(folder)
    with_pyarrow(folder)
    print(f"DuckDB {duckdb.__version__} and pyarrow {pa.__version__} read {LOGS} logs alike")


main()
