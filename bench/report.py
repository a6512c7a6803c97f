#!/usr/bin/env python3
"""Makes ratios, a summary and plots of what a run measured.

    report.py FOLDER [--check]

FOLDER holds parts.csv, whole.csv and pairs.csv with their .json, cancel.csv and locks.json (any may be missing), and
machine.json. Written are results.json, summary.md and *.svg. --check ends with 1 when a required ratio is missed or was not measured.
"""

import csv
import json
import pathlib
import statistics
import sys
from collections import defaultdict

from plot import bars

# The required ratios: of batches of 1,000, with 8 callers at a time where callers wait for Rust (one at a time is
# printed too). Each: what, at most, group, case, items, ours, rival, measure.
WHOLE = "whole processor / contrib"
REQUIRED = [
    ("full lossless encode into a slot / OTLP marshal", 0.7, "encode", "logs", 1000, "strait", "otlp", "cpu"),
    ("decode in Rust / memcpy of the slot", 3, "decode", "logs", 1000, "strait", "memcpy", "cpu"),
    ("inline message there and back / L", 3, "message", "there and back", 1, "strait, Go and Rust", "cache line", "wall"),
    ("one way to a Rust node / OTLP/gRPC hop", 0.125, "oneway", "8 in flight", 1000, "strait, engine", "OTLP/gRPC hop", "cpu"),
    ("one way to a Rust node / OTLP by rust2go, converted", 0.25, "oneway", "8 in flight", 1000, "strait, engine",
     "OTLP by rust2go, converted", "cpu"),
    (f"{WHOLE}: severity filter, drops 5 %", 0.8, "whole", "severity, drops 5 %", 1000, "strait, 8 in flight", "contrib", "cpu"),
    (f"{WHOLE}: severity filter, drops 95 %", 0.8, "whole", "severity, drops 95 %", 1000, "strait, 8 in flight", "contrib", "cpu"),
    (f"{WHOLE}: attribute filter", 1.2, "whole", "attribute filter", 1000, "strait, 8 in flight", "contrib", "cpu"),
    (f"{WHOLE}: rename", 1.2, "whole", "rename", 1000, "strait, 8 in flight", "contrib", "cpu"),
    (f"{WHOLE}: masking / transform replace_pattern", 0.5, "whole", "masking", 1000, "strait, 8 in flight", "contrib", "cpu"),
    ("four Rust processors as one part / apart", 0.4, "part", "rows of mask_cards", 1000, "one part, 4", "apart, 4", "cpu"),
]

# In each group every rival is compared with this one, and this is measured.
BASE = {
    "encode": ("otlp", "cpu"),
    "decode": ("memcpy", "cpu"),
    "message": ("cache line", "wall"),
    "oneway": ("OTLP/gRPC hop", "cpu"),
    "whole": ("contrib", "cpu"),
    "part": ("apart, 4", "cpu"),
    "pair": ("Go to Go", "cpu"),
    "rust": ("apart", "cpu"),
}

SUITES = ("parts", "whole", "pairs")


def read(folder):
    """Returns {(group, case, items): {rival: {cpu, wall, allocs: [per item, one per round]}}}, in the order measured."""
    cells = {}
    for suite in SUITES:
        path = folder / f"{suite}.csv"
        if not path.exists():
            continue
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                cell = cells.setdefault((row["group"], row["case"], int(row["items"])), {})
                rival = cell.setdefault(row["rival"], defaultdict(list))
                done = int(row["iterations"]) * int(row["items"])
                rival["cpu"].append(int(row["cpu_ns"]) / done)
                rival["wall"].append(int(row["wall_ns"]) / done)
                rival["allocs"].append(int(row["allocs"]) / int(row["iterations"]))
    return cells


def ratio(cell, ours, rival, what):
    """The ratio of medians and of minimums, and median and quartiles of the ratios within rounds.

    For wall time, `median` is that within rounds: what a cache line takes changes within a run, several times over.
    """
    a, b = cell[ours][what], cell[rival][what]
    rounds = sorted(x / y for x, y in zip(a, b))
    return {
        "median": statistics.median(rounds) if what == "wall" else statistics.median(a) / statistics.median(b),
        "minimum": min(a) / min(b),
        "q1": rounds[len(rounds) // 4],
        "q3": rounds[3 * len(rounds) // 4],
        "rounds": len(rounds),
    }


def required(cells):
    for name, most, group, case, items, ours, rival, what in REQUIRED:
        cell = cells.get((group, case, items), {})
        measured = ours in cell and rival in cell
        entry = {"name": name, "at_most": most, "group": group, "case": case, "items": items, "ours": ours, "rival": rival,
                 "measure": what, "reached": ratio(cell, ours, rival, what) if measured else None}
        entry["met"] = measured and entry["reached"]["median"] <= most
        yield entry


def percentile(values, of):
    return sorted(values)[min(len(values) - 1, len(values) * of // 100)]


def cancels(folder, cells):
    """Yields, of each case, what a cancel took against one thread wake and 20 L, at the 99th percentile; as `required` does."""
    taken = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    path = folder / "cancel.csv"
    if path.exists():
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                taken[row["case"]][row["rival"]][row["round"]].append(int(row["ns"]))
    line = cells.get(("message", "there and back", 1), {}).get("cache line")
    for case in ("idle", "loaded"):
        name = f"cancel in Go to cancelled() in Rust / a thread wake and 20 L, {case}, 99th percentiles"
        entry = {"name": name, "at_most": 1, "group": "cancel", "case": case, "items": 1, "ours": "cancel to cancelled()",
                 "rival": "thread wake", "measure": "wall", "reached": None, "met": False}
        ours, wakes = (taken[case][rival] for rival in (entry["ours"], entry["rival"]))
        if ours and wakes and line:
            more = 20 * statistics.median(line["wall"])
            rounds = sorted(percentile(ours[n], 99) / (percentile(wakes[n], 99) + more) for n in ours)
            flat = {"ours": sum(ours.values(), []), "wake": sum(wakes.values(), [])}
            entry["reached"] = {
                "median": percentile(flat["ours"], 99) / (percentile(flat["wake"], 99) + more),
                "minimum": rounds[0], "q1": rounds[len(rounds) // 4], "q3": rounds[3 * len(rounds) // 4],
                "rounds": len(rounds),
            }
            entry["ns"] = {f"{who} p{of}": percentile(all_, of) for who, all_ in flat.items() for of in (50, 99)}
            entry["met"] = entry["reached"]["median"] <= 1
        yield entry


def member(cells):
    """What a member more costs where there is one log, so next to no work: microseconds of CPU a batch, and of a part of 2."""
    cell = cells.get(("part", "rows of mask_cards", 1))
    if not cell:
        return None
    two, eight = (cell[f"one part, {n}"]["cpu"] for n in (2, 8))
    rounds = sorted((b - a) / 6 for a, b in zip(two, eight))
    return {
        "us_median": statistics.median(rounds) / 1000, "us_minimums": (min(eight) - min(two)) / 6000,
        "us_q1": rounds[len(rounds) // 4] / 1000, "us_q3": rounds[3 * len(rounds) // 4] / 1000,
        "of_a_part_of_2": statistics.median(rounds) / statistics.median(two),
    }


def everything(cells):
    for (group, case, items), cell in cells.items():
        base, what = BASE[group]
        for rival, values in cell.items():
            yield {
                "group": group, "case": case, "items": items, "rival": rival, "measure": what, "base": base,
                "ns_per_item_minimum": min(values[what]), "ns_per_item_median": statistics.median(values[what]),
                "wall_ns_per_item_median": statistics.median(values["wall"]),
                "allocs_per_iteration": statistics.median(values["allocs"]),
                "ratio": ratio(cell, rival, base, what),
            }


def figure(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine_lines(facts):
    lines = [f"- {key.replace('_', ' ')}: {value}" for key, value in facts["machine"].items()]
    for suite in facts["suites"]:
        lines.append(f"- suite {suite['suite']}: {suite['rounds']} rounds, GOGC={suite['gogc']}, "
                     f"{suite['ballast_mib']} MiB of ballast, at most {suite['live_heap_mib_max']} MiB of live heap, "
                     f"GOMAXPROCS={suite['gomaxprocs']}")
    return lines


def summary(results):
    out = ["# What was measured", "", "Made by `bench/run.sh`; bench/README.md says how to read it.", ""]
    if results["machine"].get("note"):
        out += [f"**{results['machine']['note']}**", ""]
    out += machine_lines(results)
    out += ["", "## Required ratios", "",
            "CPU of all threads per log (wall time for the message), ratio of medians; minimums and the middle half of the",
            "rounds beside it.", "",
            "| | at most | median | minimum | rounds, middle half | |", "|---|---|---|---|---|---|"]
    for entry in results["required"]:
        r = entry["reached"]
        if r is None:
            out.append(f"| {entry['name']} | {entry['at_most']} | | | | **not measured** |")
            continue
        verdict = "met" if entry["met"] else f"**missed, {r['median'] / entry['at_most']:.2f}x the limit**"
        out.append(f"| {entry['name']} | {entry['at_most']} | {r['median']:.3g} | {r['minimum']:.3g} "
                   f"| {r['q1']:.3g} to {r['q3']:.3g} | {verdict} |")
    if m := results["member"]:
        out += ["", "## A member more", "",
                "Of a batch of one log, a part of 8 processors less one of 2, a sixth: what a member costs beside its own work.",
                "At most 3 us were asked for.", "",
                f"{m['us_median']:.2g} us of CPU by the median of the rounds ({m['us_q1']:.2g} to {m['us_q3']:.2g} in their middle half), "
                f"{m['us_minimums']:.2g} by the minimums; {m['of_a_part_of_2']:.2g} of what the part of 2 costs."]
    took = [entry for entry in results["required"] if "ns" in entry]
    if took:
        out += ["", "## cancel", "", "Wall ns: from the cancel of a call in Go to `cancelled()` in Rust, and from a bell to the thread it wakes.",
                "", "| case | cancel, median | p99 | thread wake, median | p99 |", "|---|---|---|---|---|"]
        for entry in took:
            values = [figure(entry["ns"][f"{who} p{of}"]) for who in ("ours", "wake") for of in (50, 99)]
            out.append(f"| {entry['case']} | {' | '.join(values)} |")
    if results["locks"]:
        out += ["", "## locks", "",
                "What Go's mutex profile counts while 64 callers send batches of 100 logs over 8 lanes: how often somebody waited",
                "for a lock, per 1,000 batches, by the function that held it.", "", "| rival | all | where |", "|---|---|---|"]
        for rival in results["locks"]:
            per = {where: 1000 * n / rival["Batches"] for where, n in rival["Waits"].items()}
            most = sorted(per.items(), key=lambda item: -item[1])[:4]
            where = ", ".join(f"`{name.rsplit('/', 1)[-1]}` {n:.2g}" for name, n in most)
            out.append(f"| {rival['Rival']} | {sum(per.values()):.2g} | {where} |")
    group = None
    for entry in results["everything"]:
        if entry["group"] != group:
            group = entry["group"]
            out += ["", f"## {group}", "",
                    f"{entry['measure']} ns per item; ratios are to {entry['base']}. Allocations are Go's, per batch.", "",
                    "| case | items | rival | min ns | median ns | wall ns | allocs | ratio of medians | of minimums |",
                    "|---|---|---|---|---|---|---|---|---|"]
        out.append("| {case} | {items} | {rival} | {a} | {b} | {w} | {n} | {r:.3g} | {m:.3g} |".format(
            a=figure(entry["ns_per_item_minimum"]), b=figure(entry["ns_per_item_median"]),
            w=figure(entry["wall_ns_per_item_median"]),
            n="-" if group in ("pair", "rust") else figure(entry["allocs_per_iteration"]),
            r=entry["ratio"]["median"], m=entry["ratio"]["minimum"], **entry))
    return "\n".join(out) + "\n"


def plots(folder, results):
    met = [e for e in results["required"] if e["reached"]]
    bars(folder / "required.svg", "Required ratios: reached / allowed (1 = the limit, shorter is better)",
         [(f"{e['name']}: {e['reached']['median']:.3g} (at most {e['at_most']})",
           [("", e["reached"]["median"] / e["at_most"])]) for e in met], mark=1)
    titles = {
        "encode": "Encode: CPU ns per log", "decode": "Read a slot in Rust: CPU ns per log",
        "message": "A message there and back: wall ns", "oneway": "One way to Rust: CPU ns per log, all threads",
        "whole": "Whole processors: CPU ns per log, all threads",
        "part": "Rust processors in a row: CPU ns per log, all threads",
        "pair": "Whole Collectors, receiver to exporter: CPU ns per log",
        "rust": "Pipelines in Rust from end to end: CPU ns per log",
    }
    for group, title in titles.items():
        cells = defaultdict(list)
        for e in results["everything"]:
            if e["group"] == group and e["items"] in (1, 1000):
                cells[e["case"]].append((e["rival"], e["ns_per_item_median"]))
        if cells:
            bars(folder / f"{group}.svg", title + ("" if group == "message" else ", batches of 1,000"), list(cells.items()))


def main():
    folder = pathlib.Path(sys.argv[1])
    cells = read(folder)
    suites = [json.loads(p.read_text()) for p in (folder / f"{suite}.json" for suite in SUITES) if p.exists()]
    locks = folder / "locks.json"
    results = {
        "machine": json.loads((folder / "machine.json").read_text()),
        "suites": suites,
        "required": [*required(cells), *cancels(folder, cells)],
        "member": member(cells),
        "locks": json.loads(locks.read_text()) if locks.exists() else [],
        "everything": list(everything(cells)),
    }
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    text = summary(results)
    (folder / "summary.md").write_text(text)
    plots(folder, results)
    print(text.split("\n## encode")[0])
    if "--check" in sys.argv and not all(e["met"] for e in results["required"]):
        sys.exit(1)


main()
