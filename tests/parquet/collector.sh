#!/usr/bin/env bash
# The example exporter `parquet_files` in a real Collector: killed, ended, and read with DuckDB. The crate `parquet`
# turns on a feature of a crate below Arrow, so the engine is compiled once more for this Collector; therefore `make
# test` does not run this; `make test-parquet` does, with the `strait` command in STRAIT.
set -euo pipefail
cd "$(dirname "$0")/../.."
"${STRAIT:?the command}" build --quiet --config tests/parquet/builder.yaml
"$(tests/parquet/run.sh --python)" tests/parquet/collector.py build/parquet/otelcol-parquet
