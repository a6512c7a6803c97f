package native

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/unit"
)

// Guarantees: what comes out of a unit of several members is what comes out of a unit for each, one
// behind the other: components and nodes, chains and graphs, in either order.
func TestMembersAreUnitsOneBehindTheOther(t *testing.T) {
	masks := ofType("mask_cards", map[string]any{"resources": true})
	edits := ofNodes(chain(atLeast(5), node("attribute", map[string]any{"actions": []any{
		map[string]any{"action": "upsert", "key": "card", "value": "4111111111111111"},
		map[string]any{"action": "delete", "key": "a"},
	}})))
	divides := ofNodes(map[string]any{
		"nodes": map[string]any{"a": deleteA, "b": deleteA},
		"connections": []any{
			map[string]any{"from": "in", "to": []any{"a", "b"}},
			map[string]any{"from": []any{"a", "b"}, "to": "out"},
		},
	})
	for _, f := range exactForms() {
		for name, members := range map[string][2]unit.Member{
			"mask, then edit":   {masks, edits},
			"edit, then mask":   {edits, masks},
			"mask, then divide": {masks, divides},
		} {
			t.Run(f.name+"/"+name, func(t *testing.T) {
				one, two := &sink{}, &sink{}
				together := start(t, unitOf(unit.Logs, f.fidelity, members[0], members[1]),
					f.transport, one)
				behind := start(t, unitOf(unit.Logs, f.fidelity, members[1]), f.transport, two)
				apart := start(t, unitOf(unit.Logs, f.fidelity, members[0]), f.transport, behind)
				rapid.Check(t, func(t *rapid.T) {
					d := crossable(t, otaptest.Options{})
					want, got := through(t, apart, two, d), through(t, together, one, d)
					equal(t, "one unit of two", sorted(want), sorted(got))
				})
			})
		}
	}
}

// Guarantees: a failure of one member names it, not the unit.
func TestAMembersFailureNamesIt(t *testing.T) {
	s := unitOf(unit.Logs, unit.Strict, ofNodes(chain(deleteA)), ofType("faulty", nil))
	p := start(t, s, unit.DefaultTransport(), &sink{})
	require.ErrorContains(t, p.ConsumeLogs(t.Context(), order(3, "permanent")), "faulty/test")
	require.NoError(t, p.ConsumeLogs(t.Context(), logs(3)))
}

// Guarantees: units with ends that this version does not run are refused when they are validated,
// with the edge and the reason; findings of several members name theirs.
func TestUnitsThatAreNotRunYet(t *testing.T) {
	retries := ofNodes(chain(node("retry", map[string]any{})))
	logs, metrics := unit.Between(unit.Logs), unit.Between(unit.Metrics)
	for reason, edges := range map[string][]unit.Edge{
		"edge 0 (in, logs) has no edge out":   logs[:1],
		"edge 0 (out, logs) has no edge in":   {{Direction: unit.Out, Signal: unit.Logs}},
		"edge 1 (out, metrics) is of another": {logs[0], metrics[1]},
		"edges are numbered in their order":   logs[1:],
	} {
		s := unitOf(unit.Logs, unit.Strict, retries)
		s.Edges = edges
		_, err := unit.Validate(s)
		require.ErrorContains(t, err, reason)
	}
	bad := unitOf(unit.Logs, unit.Strict, ofType("mask_cards", nil), ofNodes(chain("fliter")))
	_, err := unit.NewLogs(
		bad, unit.DefaultTransport(), componenttest.NewNopTelemetrySettings(), unit.ToLogs(&sink{}),
	)
	require.ErrorContains(t, err, "otap/test::nodes::0::fliter")
}
