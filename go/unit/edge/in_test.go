package edge

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/otap"
)

// Guarantees: what Rust says of a unit, and what the transport asks for, decide in which ways
// batches cross and in which order they are tried, whether they are changed in place, looked at
// first, and whether containers without items pass by.
func TestWhichWayBatchesCross(t *testing.T) {
	type way struct {
		crossings                    string
		mutates, screens, passesBare bool
	}
	filters := otap.Plan{Projectable: true, Filters: true, Tables: map[string]otap.TablePlan{
		"logs": {Columns: []string{"body"}},
	}}
	reads := otap.Plan{Projectable: true, Tables: map[string]otap.TablePlan{
		"resource_attrs": {Columns: []string{"key", "value"}, Keys: []string{"k"}},
	}}
	for _, x := range []struct {
		o    Options
		want way
	}{
		{Options{}, way{"otlp", false, false, true}},
		{Options{Converts: true}, way{"otlp", false, true, false}},
		{Options{Plan: &filters}, way{"otlp", false, false, true}},
		{Options{Records: true}, way{"records", false, false, false}},
		{Options{Records: true, Plan: &otap.Plan{}}, way{"records", false, false, false}},
		{Options{Records: true, Plan: &filters}, way{"difference records", true, false, true}},
		{Options{Records: true, Plan: &reads}, way{"difference records", false, false, false}},
		{
			Options{Records: true, Plan: &filters, Whole: true},
			way{"records difference", false, false, true},
		},
	} {
		in, err := NewIn(Logs, x.o)
		require.NoError(t, err)
		names := ""
		for _, c := range in.Crossings() {
			switch c.(type) {
			case *otlpCrossing[plog.Logs]:
				names += " otlp"
			case *recordsCrossing[plog.Logs]:
				names += " records"
			case *differenceCrossing[plog.Logs]:
				names += " difference"
			}
		}
		got := way{names[1:], in.Mutates(), in.Screens(), in.PassesBare()}
		require.Equal(t, x.want, got, "%+v", x.o)
	}
	_, err := NewIn(Logs, Options{Records: true, Plan: &otap.Plan{
		Projectable: true, Tables: map[string]otap.TablePlan{
			"logs": {Columns: []string{"no such column"}},
		},
	}})
	require.ErrorContains(t, err, "no such column")
	in, err := NewIn(Traces, Options{Records: true})
	require.NoError(t, err)
	require.Len(t, in.Crossings(), 1)
	require.Nil(t, in.On(Link{}).encoder, "traces have no records yet")
}
