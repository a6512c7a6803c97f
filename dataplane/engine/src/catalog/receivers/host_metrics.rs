//! The `host_metrics` node: reads the machine's own figures from `/proc` and `/sys`.
//!
//! A reading has until the next one is due. One that the pipeline has no room for is dropped, with
//! a line in the log: the next one is newer.

use crate::catalog::node::{Asked, Choice, Node};
use crate::catalog::shape::Shape::{Bool, DurationFrom, Int, List, Object, Text, Word};
use crate::catalog::shape::{Key, Shape};
use crate::finding::Finding;
use serde_json::Value;
use std::time::Duration;
use strait_component::{Kind, Signal};

/// The least time between two readings. One takes milliseconds, and each that takes longer than it
/// may is a line in the log.
const LEAST: Duration = Duration::from_millis(100);
/// The longest: the engine adds it to its clock.
const MOST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const ENABLED: Key = Key::optional("enabled", Bool, "read them; true when not given");
const INTERVAL: Key = Key::optional(
    "interval",
    DurationFrom(LEAST),
    "between two readings; `collection_interval` when not given",
);
const LIMIT: Key = Key::optional("limit", Bool, "how much there is at most, too");
const FAMILY: &[Key] = &[ENABLED, INTERVAL];

const MATCH: Key = Key::optional(
    "match_type",
    Word(&["strict", "glob", "regexp"]),
    "how names are compared; `strict` when not given",
);
const DEVICES: Shape = Object(&[
    Key::required("devices", List(&Text), "names of devices"),
    MATCH,
]);
const INTERFACES: Shape = Object(&[
    Key::required("interfaces", List(&Text), "names of interfaces"),
    MATCH,
]);
const TYPES: Shape = Object(&[
    Key::optional("fs_types", List(&Text), "types of filesystems"),
    MATCH,
]);
const MOUNTS: Shape = Object(&[
    Key::optional("mount_points", List(&Text), "where they are mounted"),
    MATCH,
]);
const NAMES: Shape = Object(&[
    Key::required("names", List(&Text), "names of processes"),
    MATCH,
]);

const FILESYSTEM: &[Key] = &[
    ENABLED,
    INTERVAL,
    LIMIT,
    Key::optional(
        "include_virtual_filesystems",
        Bool,
        "`tmpfs` and others too",
    ),
    Key::optional(
        "include_remote_filesystems",
        Bool,
        "those of a network too, which may hang",
    ),
    Key::optional("include_devices", DEVICES, "these alone"),
    Key::optional("exclude_devices", DEVICES, "not these"),
    Key::optional("include_fs_types", TYPES, "these alone"),
    Key::optional("exclude_fs_types", TYPES, "not these"),
    Key::optional("include_mount_points", MOUNTS, "these alone"),
    Key::optional("exclude_mount_points", MOUNTS, "not these"),
];

const PROCESS: &[Key] = &[
    Key::optional("include", NAMES, "these alone"),
    Key::optional("exclude", NAMES, "not these"),
    Key::optional(
        "max_processes",
        Int(1),
        "processes of a reading at most; 100 when not given",
    ),
    Key::optional(
        "labels",
        Object(&[
            Key::optional("command", Bool, "`process.command`"),
            Key::optional("executable_name", Bool, "`process.executable.name`"),
            Key::optional("parent_pid", Bool, "`process.parent_pid`"),
        ]),
        "what is said of each, besides its number",
    ),
    Key::optional(
        "metrics",
        Object(&[
            Key::optional("cpu_time", Bool, "`process.cpu.time`"),
            Key::optional("cpu_utilization", Bool, "`process.cpu.utilization`"),
            Key::optional("memory_usage", Bool, "`process.memory.usage`"),
            Key::optional("memory_virtual", Bool, "`process.memory.virtual`"),
            Key::optional("disk_io", Bool, "`process.disk.io`"),
            Key::optional("threads", Bool, "`process.thread.count`"),
            Key::optional("uptime", Bool, "`process.uptime`"),
        ]),
        "what is read of each; all of it when not given",
    ),
];

const FAMILIES: &[Key] = &[
    Key::optional(
        "cpu",
        Object(&[
            ENABLED,
            INTERVAL,
            Key::optional("utilization", Bool, "shares too, not times alone"),
        ]),
        "`system.cpu`",
    ),
    Key::optional(
        "memory",
        Object(&[
            ENABLED,
            INTERVAL,
            LIMIT,
            Key::optional("shared", Bool, "shared memory too"),
            Key::optional("hugepages", Bool, "huge pages too"),
        ]),
        "`system.memory`",
    ),
    Key::optional("paging", Object(FAMILY), "`system.paging`"),
    Key::optional("system", Object(FAMILY), "`system.uptime`"),
    Key::optional(
        "disk",
        Object(&[
            ENABLED,
            INTERVAL,
            LIMIT,
            Key::optional("include", DEVICES, "these alone"),
            Key::optional("exclude", DEVICES, "not these"),
        ]),
        "`system.disk`",
    ),
    Key::optional("filesystem", Object(FILESYSTEM), "`system.filesystem`"),
    Key::optional(
        "network",
        Object(&[
            ENABLED,
            INTERVAL,
            Key::optional("include", INTERFACES, "these alone"),
            Key::optional("exclude", INTERFACES, "not these"),
        ]),
        "`system.network`",
    ),
    Key::optional(
        "processes",
        Object(&[
            ENABLED,
            INTERVAL,
            Key::optional(
                "mode",
                Word(&["summary", "summary_and_per_process"]),
                "how many there are, or each of them; `summary` when not given",
            ),
            Key::optional("process", Object(PROCESS), "of each"),
        ]),
        "`system.process`, and `process`",
    ),
    Key::optional(
        "load",
        Object(&[
            Key::optional("enabled", Bool, "read it; false when not given"),
            INTERVAL,
        ]),
        "`system.cpu.load_average`",
    ),
];

const KEYS: &[Key] = &[
    Key::optional(
        "collection_interval",
        DurationFrom(LEAST),
        "between two readings; 10s when not given",
    ),
    Key::optional(
        "initial_delay",
        DurationFrom(Duration::ZERO),
        "before the first reading",
    ),
    Key::optional(
        "host_view",
        Object(&[
            Key::optional(
                "root_path",
                Text,
                "where the machine's filesystem is, as `/host` in a container; `/` when not given",
            ),
            Key::optional(
                "validation",
                Word(&["fail_selected", "warn_selected", "none"]),
                "what becomes of figures that are not there at the start; `fail_selected` when not \
                 given",
            ),
        ]),
        "the machine that is looked at",
    ),
    Key::optional(
        "families",
        Object(FAMILIES),
        "what is read; all but `load` when not given",
    ),
];

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:receiver:host_metrics",
    name: "host_metrics",
    kind: Kind::Receiver,
    signals: &[Signal::Metrics],
    doc: "reads the machine's figures: CPU, memory, disks, filesystems, network, processes",
    keys: KEYS,
    choice: Choice::Default,
    included: cfg!(feature = "host-metrics"),
    refuses,
    ..Node::PLAIN
};

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let families = asked.config["families"].as_object();
    let names = families.into_iter().flatten().map(|(name, family)| {
        let place = format!("families::{name}::interval");
        (place, &family["interval"])
    });
    let times = ["collection_interval", "initial_delay"];
    let times = times.map(|key| (key.to_owned(), &asked.config[key]));
    let too_long = |time: &Value| {
        let time = time
            .as_str()
            .and_then(|text| humantime::parse_duration(text).ok());
        time.is_some_and(|time| time > MOST)
    };
    names
        .chain(times)
        .filter(|(_, time)| too_long(time))
        .map(|(place, time)| {
            asked.finding(&place, format!("must be at most 365 days, found {time}"))
        })
        .collect()
}
