//! The table itself: one entry per processor node of the engine's core set.
//!
//! Sources: the configuration types of otel-arrow-dfe-core-nodes 0.62 (a test compares).

use crate::catalog::node::{Choice, Key, Node, Shape};
use Shape::{Any, Bool, Duration, Either, Int, List, Map, Number, Object, OneOf, Scalar, Size};
use Shape::{Tagged, Text, Word};

const ALL: &[&str] = &["logs", "traces", "metrics"];

const KEY: Key = Key::required("key", Text, "attribute key");
const VALUE: Key = Key::required("value", Scalar, "attribute value");

const ATTRIBUTE: &[Key] = &[
    Key::optional(
        "actions",
        List(&Tagged(
            "action",
            &[
                (
                    "rename",
                    &[
                        Key::required("source_key", Text, "key to rename"),
                        Key::required("destination_key", Text, "its new name"),
                    ],
                ),
                ("delete", &[KEY]),
                ("insert", &[KEY, VALUE]),
                ("upsert", &[KEY, VALUE]),
                ("update", &[KEY, VALUE]),
                (
                    "hash",
                    &[
                        KEY,
                        Key::optional("algorithm", Word(&["sha256"]), "hash function"),
                        Key::optional("salt", Text, "put before the value"),
                    ],
                ),
            ],
        )),
        "what to do; the engine applies all of them at once, so no key may occur twice",
    ),
    Key::optional(
        "apply_to",
        List(&Word(&["signal", "resource", "scope"])),
        "whose attributes; `signal` when not given",
    ),
];

const FORMAT: &[Key] = &[
    Key::optional("min_size", Int(0), "a batch this big is sent"),
    Key::optional("max_size", Int(1), "a bigger batch is split"),
    Key::required(
        "sizer",
        Word(&["requests", "items", "bytes"]),
        "what sizes count",
    ),
    Key::optional(
        "max_split_fragments",
        Int(1),
        "OTLP: pieces of one resource at most",
    ),
    Key::optional(
        "max_split_overhead_bytes",
        Int(1),
        "OTLP: repeated headers at most",
    ),
    Key::optional(
        "max_split_fragments_per_flush",
        Int(1),
        "OTLP: pieces of one flush at most",
    ),
];

const BATCH: &[Key] = &[
    Key::optional("otap", Object(FORMAT), "sizes for records"),
    Key::optional("otlp", Object(FORMAT), "sizes for OTLP bytes"),
    Key::optional("codecs", Map(&Object(FORMAT)), "sizes by codec name"),
    Key::optional(
        "max_batch_duration",
        Duration,
        "a batch this old is sent; 200ms when not given",
    ),
    Key::optional("inbound_request_limit", Int(1), "calls waited for at most"),
    Key::optional(
        "outbound_request_limit",
        Int(1),
        "batches under way at most",
    ),
    Key::optional("format", Text, "otap, otlp, preserve, or a codec's name"),
];

const ADMISSION: &[Key] = &[Key::optional(
    "on_full",
    Word(&["reject_immediately", "backpressure"]),
    "what to do when the chosen output is full",
)];

const CONTENT_ROUTER: &[Key] = &[
    Key::required(
        "routing_key",
        OneOf(&[Key::optional(
            "resource_attribute",
            Text,
            "resource attribute to route by",
        )]),
        "what to route by",
    ),
    Key::required("routes", Map(&Text), "attribute value to output port"),
    Key::optional(
        "default_output",
        Text,
        "port for what no route takes; refused when not given",
    ),
    Key::optional(
        "case_sensitive",
        Bool,
        "compare values with their case; true when not given",
    ),
    Key::optional("admission_policy", Object(ADMISSION), "full outputs"),
];

const TYPE_ROUTER: &[Key] = &[Key::optional(
    "admission_policy",
    Object(ADMISSION),
    "full outputs",
)];

const DEBUG: &[Key] = &[
    Key::optional(
        "verbosity",
        Word(&["detailed", "normal", "basic"]),
        "how much to print",
    ),
    Key::optional(
        "mode",
        Word(&["batch", "signal"]),
        "print a batch or item by item",
    ),
    Key::optional(
        "signals",
        List(&Word(&["metrics", "logs", "spans"])),
        "which signals to print",
    ),
    Key::optional(
        "output",
        Either(&[Text, List(&Text)]),
        "`console`, a file, or output ports",
    ),
    Key::optional(
        "filters",
        List(&Object(&[
            Key::required(
                "predicate",
                Object(&[
                    Key::required("field", Word(&["attribute"]), "what to look at"),
                    Key::required("value", Any, "what it must be"),
                ]),
                "which items",
            ),
            Key::required(
                "mode",
                Word(&["include", "exclude"]),
                "print them or leave them out",
            ),
        ])),
        "which items to print",
    ),
    Key::optional(
        "sampling",
        Tagged(
            "type",
            &[
                ("no_sampling", &[]),
                (
                    "zap_sampling",
                    &[
                        Key::required("sampling_initial", Int(0), "print the first of an interval"),
                        Key::required("sampling_thereafter", Int(0), "then every so many"),
                        Key::required("sampling_interval", Int(0), "seconds"),
                    ],
                ),
            ],
        ),
        "print only some",
    ),
];

/// Requests that wait inside a node.
const REQUEST_LIMITS: [Key; 2] = [
    Key::optional(
        "inbound_request_limit",
        Int(1),
        "requests that may wait for their outputs",
    ),
    Key::optional(
        "outbound_request_limit",
        Int(1),
        "outputs that may be under way",
    ),
];

const PARTITION: &[Key] = &[
    Key::required(
        "partition_by",
        OneOf(&[Key::required(
            "opl_expression",
            Text,
            "the expression whose value is the partition",
        )]),
        "what to split by",
    ),
    Key::required(
        "partition_header_name",
        Text,
        "transport header that gets the value, for later nodes of the unit",
    ),
    Key::optional(
        "header_serialization_strategy",
        Either(&[
            Word(&["json"]),
            Object(&[Key::required(
                "to_bytes_lossy",
                Object(&[Key::optional(
                    "text_as_binary_header",
                    Bool,
                    "whether text becomes a binary header",
                )]),
                "the value's bytes",
            )]),
        ]),
        "how a value becomes a header",
    ),
    REQUEST_LIMITS[0],
    REQUEST_LIMITS[1],
];

const TRANSFORM: &[Key] = &[
    Key::optional("kql_query", Text, "a query in KQL"),
    Key::optional("opl_query", Text, "a query in OPL"),
    Key::optional(
        "ottl",
        Object(&[Key::optional(
            "log_statements",
            List(&Text),
            "statements for logs",
        )]),
        "statements in OTTL",
    ),
    Key::optional(
        "skip_sanitize_result",
        Bool,
        "leave removed data in the buffers",
    ),
    Key::optional(
        "filter_attribute_keys_case_sensitive",
        Bool,
        "whether keys in conditions match by case",
    ),
    REQUEST_LIMITS[0],
    REQUEST_LIMITS[1],
];

const DURABLE_BUFFER: &[Key] = &[
    Key::required("path", Text, "folder"),
    Key::optional(
        "retention_size_cap",
        Size,
        "disk space at most; 10 GiB when not given",
    ),
    Key::optional(
        "max_age",
        Duration,
        "older data is dropped; kept when not given",
    ),
    Key::optional(
        "size_cap_policy",
        Word(&["backpressure", "drop_oldest"]),
        "when the disk is full",
    ),
    Key::optional("poll_interval", Duration, "how often to look for data"),
    Key::optional(
        "otlp_handling",
        Word(&["pass_through", "convert_to_arrow"]),
        "how OTLP is stored",
    ),
    Key::optional(
        "max_segment_open_duration",
        Duration,
        "a segment is closed after this",
    ),
    Key::optional(
        "initial_retry_interval",
        Duration,
        "first wait after a failure; 1s when not given",
    ),
    Key::optional(
        "max_retry_interval",
        Duration,
        "longest wait; 30s when not given",
    ),
    Key::optional(
        "retry_multiplier",
        Number,
        "growth of the wait; 2 when not given",
    ),
    Key::optional(
        "max_in_flight",
        Int(0),
        "bundles under way at most; 1000 when not given",
    ),
];

const FANOUT: &[Key] = &[
    Key::optional(
        "mode",
        Word(&["parallel", "sequential"]),
        "all at once or one after the other",
    ),
    Key::optional(
        "await_ack",
        Word(&["primary", "all", "none"]),
        "whose answers count",
    ),
    Key::optional(
        "destinations",
        List(&Object(&[
            Key::required("port", Text, "output port"),
            Key::optional("primary", Bool, "the destination whose answer counts"),
            Key::optional("timeout", Duration, "no answer after this is a failure"),
            Key::optional("fallback_for", Text, "used when that port fails"),
        ])),
        "where each batch goes",
    ),
    Key::optional(
        "timeout_check_interval",
        Duration,
        "how often timeouts are looked for",
    ),
    Key::optional(
        "max_inflight",
        Int(0),
        "batches waited for at most; 10000 when not given",
    ),
];

const MATCH_TYPE: Key = Key::optional(
    "match_type",
    Word(&["strict", "regexp"]),
    "how text is compared",
);

const PAIRS: Shape = List(&Object(&[KEY, VALUE]));

const LOG_MATCH: &[Key] = &[
    MATCH_TYPE,
    Key::optional("resource_attributes", PAIRS, "all of these on the resource"),
    Key::optional("record_attributes", PAIRS, "one of these on the record"),
    Key::optional("severity_texts", List(&Text), "one of these severity texts"),
    Key::optional(
        "severity_number",
        Object(&[
            Key::required("min", Number, "severity at least"),
            Key::required("match_undefined", Bool, "severity 0 matches too"),
        ]),
        "severity",
    ),
    Key::optional("bodies", List(&Scalar), "one of these bodies"),
];

const SPAN_MATCH: &[Key] = &[
    MATCH_TYPE,
    Key::optional("resource_attributes", PAIRS, "all of these on the resource"),
    Key::optional("span_attributes", PAIRS, "one of these on the span"),
    Key::optional("span_names", List(&Text), "one of these names"),
    Key::optional(
        "event_names",
        List(&Text),
        "an event with one of these names",
    ),
    Key::optional("event_attributes", PAIRS, "an event with one of these"),
    Key::optional("link_attributes", PAIRS, "a link with one of these"),
];

const METRIC_MATCH: &[Key] = &[
    MATCH_TYPE,
    Key::optional("metric_names", List(&Text), "one of these names"),
];

const FILTER: &[Key] = &[
    Key::optional(
        "logs",
        Object(&[
            Key::optional("include", Object(LOG_MATCH), "keep only these"),
            Key::optional("exclude", Object(LOG_MATCH), "drop these"),
        ]),
        "for logs",
    ),
    Key::optional(
        "traces",
        Object(&[
            Key::optional("include", Object(SPAN_MATCH), "keep only these"),
            Key::optional("exclude", Object(SPAN_MATCH), "drop these"),
        ]),
        "for spans",
    ),
    Key::optional(
        "metrics",
        Object(&[
            Key::optional("include", Object(METRIC_MATCH), "keep only these"),
            Key::optional("exclude", Object(METRIC_MATCH), "drop these"),
        ]),
        "for metrics",
    ),
];

const SOURCE: Key = Key::required("source", Text, "capture, column or JSON pointer");

const LOG_PARSER: &[Key] = &[
    Key::required(
        "format",
        Word(&["regex", "json", "csv"]),
        "what the body holds",
    ),
    Key::optional(
        "pattern",
        Text,
        "regex: the pattern, matching the whole body",
    ),
    Key::optional("columns", List(&Text), "csv: column names"),
    Key::optional("delimiter", Text, "csv: one character"),
    Key::optional("header", Word(&["none"]), "csv: no header line"),
    Key::optional("body", Object(&[SOURCE]), "the new body"),
    Key::optional(
        "timestamp",
        Object(&[
            SOURCE,
            Key::required("format", Word(&["rfc3339"]), "how it is written"),
            Key::required(
                "on_missing",
                Word(&["observed", "preserve"]),
                "when it is not there",
            ),
        ]),
        "the record's time",
    ),
    Key::optional(
        "severity",
        Object(&[
            SOURCE,
            Key::required("mapping", Map(&Int(0)), "text to severity number"),
        ]),
        "the record's severity",
    ),
    Key::required(
        "on_error",
        Word(&["preserve"]),
        "a record that does not parse stays as it is",
    ),
    Key::required(
        "limits",
        Object(&[
            Key::required("max_input_bytes", Int(1), "longest body"),
            Key::required("max_scratch_bytes", Int(1), "memory for one batch"),
            Key::required("max_pattern_bytes", Int(1), "longest pattern"),
            Key::required(
                "max_compiled_regex_bytes",
                Int(1),
                "biggest compiled pattern",
            ),
            Key::required("max_json_depth", Int(1), "deepest JSON"),
            Key::required("max_entries", Int(1), "columns or fields at most"),
        ]),
        "bounds",
    ),
    Key::optional(
        "skip_sanitize_result",
        Bool,
        "leave unused buffer content in place",
    ),
];

const LOG_SAMPLING: &[Key] = &[Key::required(
    "policy",
    OneOf(&[
        Key::optional(
            "zip",
            Object(&[
                Key::required("interval", Duration, "length of a window"),
                Key::required("max_items", Int(1), "records per window at most"),
            ]),
            "so many per window",
        ),
        Key::optional(
            "ratio",
            Object(&[
                Key::required("emit", Int(1), "keep so many"),
                Key::required("out_of", Int(1), "of so many"),
            ]),
            "a fixed share",
        ),
    ]),
    "how to sample",
)];

const RETRY: &[Key] = &[
    Key::optional("initial_interval", Duration, "first wait"),
    Key::optional("max_interval", Duration, "longest wait"),
    Key::optional("max_elapsed_time", Duration, "give up after this"),
    Key::optional("multiplier", Number, "growth of the wait"),
    Key::optional(
        "exhaustion_action",
        Word(&["propagate_transient", "mark_permanent"]),
        "what the last failure becomes",
    ),
];

const REAGGREGATION: &[Key] = &[
    Key::optional(
        "period",
        Duration,
        "how often aggregates are sent; 60s when not given",
    ),
    Key::optional("inbound_request_limit", Int(1), "calls waited for at most"),
    Key::optional(
        "outbound_request_limit",
        Int(3),
        "batches under way at most",
    ),
    Key::optional("max_stream_cardinality", Int(1), "metric streams at most"),
];

const STATELESS: Node = Node {
    urn: "",
    name: "",
    signals: ALL,
    doc: "",
    keys: &[],
    converts: false,
    retains: false,
    holds: false,
    resumes: false,
    stateful: false,
    ports: false,
    choice: Choice::Always,
    included: true,
};

/// Every offered node, by name.
pub const TABLE: &[Node] = &[
    Node {
        urn: "urn:otel:processor:attribute",
        name: "attribute",
        doc: "renames, deletes, inserts, updates or hashes attributes",
        keys: ATTRIBUTE,
        converts: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:batch",
        name: "batch",
        doc: "merges and splits batches by size and age",
        keys: BATCH,
        converts: true,
        retains: true,
        holds: true,
        stateful: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:content_router",
        name: "content_router",
        doc: "chooses an output by a resource attribute",
        keys: CONTENT_ROUTER,
        stateful: true,
        ports: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:debug",
        name: "debug",
        doc: "prints what passes",
        keys: DEBUG,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:durable_buffer",
        name: "durable_buffer",
        doc: "acknowledges once data is on disk, sends it on from there",
        keys: DURABLE_BUFFER,
        converts: true,
        retains: true,
        resumes: true,
        stateful: true,
        choice: Choice::Default,
        included: cfg!(feature = "durable-buffer"),
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:fanout",
        name: "fanout",
        doc: "sends each batch to several outputs",
        keys: FANOUT,
        retains: true,
        stateful: true,
        ports: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:filter",
        name: "filter",
        doc: "keeps or drops items",
        keys: FILTER,
        converts: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:log_parser",
        name: "log_parser",
        signals: &["logs"],
        doc: "parses log bodies: regular expression, JSON, CSV",
        keys: LOG_PARSER,
        converts: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:log_sampling",
        name: "log_sampling",
        signals: &["logs"],
        doc: "keeps a share of the logs",
        keys: LOG_SAMPLING,
        converts: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:partition",
        name: "partition",
        doc: "splits batches by the value of an expression",
        keys: PARTITION,
        converts: true,
        retains: true,
        stateful: true,
        choice: Choice::OnRequest,
        included: cfg!(feature = "partition"),
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:retry",
        name: "retry",
        doc: "tries again after a failure that may pass",
        keys: RETRY,
        retains: true,
        stateful: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:temporal_reaggregation",
        name: "temporal_reaggregation",
        signals: &["metrics"],
        doc: "merges metric points of a period",
        keys: REAGGREGATION,
        converts: true,
        retains: true,
        holds: true,
        stateful: true,
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:transform",
        name: "transform",
        doc: "changes data as a query says: KQL, OPL or OTTL",
        keys: TRANSFORM,
        converts: true,
        retains: true,
        stateful: true,
        choice: Choice::OnRequest,
        included: cfg!(feature = "transform"),
        ..STATELESS
    },
    Node {
        urn: "urn:otel:processor:type_router",
        name: "type_router",
        doc: "chooses an output by signal",
        keys: TYPE_ROUTER,
        stateful: true,
        ports: true,
        ..STATELESS
    },
];
