package native

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/unit"
)

// Properties of whole units: random logs through the real rings and the real engine.

// through sends a copy of logs and gives what comes out; empty where nothing does.
func through(t *rapid.T, p *unit.LogsConsumer, s *sink, d plog.Logs) plog.Logs {
	require.NoError(t, p.ConsumeLogs(context.Background(), otaptest.Clone(d)))
	all := s.take()
	if len(all) == 0 {
		return plog.NewLogs()
	}
	require.Len(t, all, 1)
	return all[0]
}

// crossable draws logs that every unit takes: what has no items is refused by those that read
// resources or scopes.
func crossable(t *rapid.T, o otaptest.Options) plog.Logs {
	d := otaptest.Logs(t, o)
	otaptest.Prune(d)
	return d
}

func equal(t *rapid.T, what string, want, got plog.Logs) {
	want, got = otaptest.Clone(want), otaptest.Clone(got)
	otaptest.Prune(want)
	otaptest.Prune(got)
	if diff := otaptest.Diff(want, got); diff != "" {
		t.Fatalf("%s: %s", what, diff)
	}
}

// Guarantees: what a unit does not change comes out exactly equal, order and duplicates included,
// whatever it holds; containers without logs aside, which records cannot carry.
func TestUnchangedLogsComeOutEqual(t *testing.T) {
	deletesNothing := node("attribute", map[string]any{
		"actions": []any{map[string]any{"action": "delete", "key": "there is no such key"}},
	})
	dropsNothing := node("filter", map[string]any{"logs": map[string]any{}})
	batches := node("batch", map[string]any{
		"otap":               map[string]any{"min_size": 1, "sizer": "items"},
		"max_batch_duration": "10ms",
	})
	for _, f := range exactForms() {
		for name, s := range map[string]unit.Spec{
			"an attribute that is not there": f.spec(chain(deletesNothing)),
			"a filter that drops nothing":    f.spec(chain(dropsNothing)),
			"a component that reads bodies":  f.component("faulty", nil),
			"a component that edits":         f.component("mask_cards", map[string]any{"resources": true}),
			"a batch node":                   f.spec(chain(batches)),
		} {
			t.Run(f.name+"/"+name, func(t *testing.T) {
				out := &sink{}
				p := start(t, s, f.transport, out)
				rapid.Check(t, func(t *rapid.T) {
					d := crossable(t, otaptest.Options{})
					equal(t, "unchanged", d, through(t, p, out, d))
				})
				quiet(t, p)
			})
		}
	}
}

// sorted is a copy with the attributes in the order of their keys: a map has no order, and a key
// that was deleted and inserted again by one chain may keep its place.
func sorted(d plog.Logs) plog.Logs {
	d = otaptest.Clone(d)
	sort := func(m pcommon.Map) {
		keys := slices.Sorted(maps.Keys(maps.Collect(m.All())))
		out := pcommon.NewMap()
		for _, k := range keys {
			v, _ := m.Get(k)
			v.CopyTo(out.PutEmpty(k))
		}
		out.CopyTo(m)
	}
	for _, rl := range d.ResourceLogs().All() {
		sort(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			sort(sl.Scope().Attributes())
			for _, lr := range sl.LogRecords().All() {
				sort(lr.Attributes())
			}
		}
	}
	return d
}

// Guarantees: for random chains of attribute actions and filters the difference, the full records
// and the model agree.
func TestChainsEqualTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := drawChain(t)
		nodes := make([]any, len(steps))
		for i, s := range steps {
			nodes[i] = s.config()
		}
		var units [2]*unit.LogsConsumer
		var sinks [2]*sink
		for i, f := range exactForms() {
			sinks[i] = &sink{}
			p, stop := run(t, f.spec(nodes), f.transport, sinks[i], componenttest.NewNopHost())
			defer stop()
			units[i] = p
		}
		for range 4 {
			d := crossable(t, otaptest.Options{NoDuplicates: true})
			season(t, d)
			want := otaptest.Clone(d)
			for _, s := range steps {
				s.apply(want)
			}
			for i, f := range exactForms() {
				equal(
					t,
					f.name+" of\n"+describe(steps),
					sorted(want),
					sorted(through(t, units[i], sinks[i], d)),
				)
			}
		}
	})
}

// Guarantees: mask_cards does what its README says, on any text, and leaves everything else alone.
func TestMaskCardsEqualsTheModel(t *testing.T) {
	for _, f := range exactForms() {
		t.Run(f.name, func(t *testing.T) {
			out := &sink{}
			p := start(t, f.component("mask_cards", nil), f.transport, out)
			rapid.Check(t, func(t *rapid.T) {
				d := crossable(t, otaptest.Options{NoDuplicates: true})
				putCards(t, d)
				want := otaptest.Clone(d)
				maskLogs(want)
				equal(t, "masked", want, through(t, p, out, d))
			})
		})
	}
}

func putCards(t *rapid.T, d plog.Logs) {
	text := cardText()
	put := func(v pcommon.Value) {
		if rapid.Bool().Draw(t, "put a card") {
			v.SetStr(text.Draw(t, "card text"))
		}
	}
	for _, rl := range d.ResourceLogs().All() {
		for _, v := range rl.Resource().Attributes().All() {
			put(v) // stays: resources are off
		}
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				put(lr.Body())
				for _, v := range lr.Attributes().All() {
					put(v)
				}
			}
		}
	}
}
