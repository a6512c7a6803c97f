package call

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/unit/edge"
)

// Guarantees: what best effort changes is counted, whichever way a batch crosses.
func TestBestEffortCountsWhatItChanges(t *testing.T) {
	d := plog.NewLogs()
	rl := d.ResourceLogs().AppendEmpty()
	entity.ResourceEntityRefs(rl.Resource()).AppendEmpty().SetType("host")
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("bad \xff")
	for _, x := range []struct {
		plan *otap.Plan
		refs uint64
	}{{nil, 1}, {&readsBody, 0}} { // a projection leaves them with the original
		b := newBench(t, edge.Options{Fidelity: otap.BestEffort, Plan: x.plan}, bigSlab)
		require.NoError(t, b.send(d))
		require.EqualValues(t, 1, b.stats.RepairedTexts.Load())
		require.Equal(t, x.refs, b.stats.DroppedRefs.Load())
	}
}

// Guarantees: what was refused is counted by reason, when it is told.
func TestRefusalsAreCountedByReason(t *testing.T) {
	var stats Stats
	r := new(Refused)
	r.add(3, &otap.PathError{Err: otap.ErrText})
	r.addBare(2, nil)
	want := map[string]uint64{"text": 0, "no_items": 0, "depth": 0, "entity_refs": 0, "size": 0}
	require.Equal(t, want, stats.Snapshot().Refused)
	r.tell(&stats)
	want["text"], want["no_items"] = 3, 2
	require.Equal(t, want, stats.Snapshot().Refused)
}
