package main

import (
	"crate.local/mask-cards"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/attributesprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/go/otapprocessor"
)

// job is a piece of work with a configuration of each side that gives the same logs.
type job struct {
	name  string
	mix   data.Mix
	cards bool
	// full is Strait without projection and difference; empty where a component has no such switch.
	contrib, strait, full []stage
}

type values = map[string]any

// nodes is the otap processor with these nodes, and the same with full_decode.
func nodes(list ...any) (strait, full []stage) {
	f := otapprocessor.NewFactory()
	return []stage{
			{f, values{"nodes": list}},
		}, []stage{
			{f, values{"nodes": list, "full_decode": true}},
		}
}

// drop is contrib's filter that drops where the condition holds.
func drop(condition string) stage {
	return stage{
		filterprocessor.NewFactory(),
		values{"error_mode": "propagate", "logs": values{"log_record": []any{condition}}},
	}
}

func attributes(actions ...any) stage {
	return stage{attributesprocessor.NewFactory(), values{"actions": actions}}
}

var (
	renamed = attributes(
		values{"action": "insert", "key": "http.request.method", "from_attribute": "http.method"},
		values{"action": "delete", "key": "http.method"})
	deleted = attributes(values{"action": "delete", "key": "client.address"})

	renameNode = values{"attribute": values{"actions": []any{
		values{
			"action":          "rename",
			"source_key":      "http.method",
			"destination_key": "http.request.method",
		}}}}
	deleteNode = values{
		"attribute": values{"actions": []any{values{"action": "delete", "key": "client.address"}}},
	}

	belowInfo    = "severity_number < SEVERITY_NUMBER_INFO"
	infoAndAbove = values{"filter": values{"logs": values{"include": values{
		"severity_number": values{"min": 9, "match_undefined": false}}}}}
)

func method(which, how string) any {
	return values{"filter": values{"logs": values{how: values{
		"record_attributes": []any{values{"key": "http.method", "value": which}}}}}}
}

func jobs() []job {
	chainOf := func(name string, mix data.Mix, contrib []stage, list ...any) job {
		strait, full := nodes(list...)
		return job{name: name, mix: mix, contrib: contrib, strait: strait, full: full}
	}
	return []job{
		chainOf("severity, drops 5 %", data.Few, []stage{drop(belowInfo)}, infoAndAbove),
		chainOf("severity, drops 95 %", data.Most, []stage{drop(belowInfo)}, infoAndAbove),
		chainOf(
			"attribute filter",
			data.Usual,
			[]stage{drop(`attributes["http.method"] != "POST"`)},
			method("POST", "include"),
		),
		chainOf("rename", data.Usual, []stage{renamed}, renameNode),
		chainOf("delete", data.Usual, []stage{deleted}, deleteNode),
		chainOf("chain of four", data.Few,
			[]stage{drop(belowInfo), drop(`attributes["http.method"] == "PUT"`), renamed, deleted},
			infoAndAbove, method("PUT", "exclude"), renameNode, deleteNode),
		{
			name: "masking", mix: data.Usual, cards: true,
			// The simplest pattern that finds the cards of the data. mask_cards does more: other
			// lengths, other separators, the Luhn check.
			contrib: []stage{
				{
					transformprocessor.NewFactory(),
					values{"error_mode": "propagate", "log_statements": []any{values{
						"context": "log", "statements": []any{
							`replace_pattern(body, "\\d{4} \\d{4} \\d{4} (\\d{4})", "**** **** **** $1")`}}}},
				},
			},
			strait: []stage{{mask_cards.NewFactory(), values{"attributes": false}}},
		},
	}
}
