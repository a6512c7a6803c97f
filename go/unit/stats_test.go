package unit

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

type noPreambles struct{}

func (noPreambles) PublishPreamble(context.Context, []byte) error { return nil }

// Guarantees: what best effort changes is counted, whichever way a batch crosses.
func TestBestEffortCountsWhatItChanges(t *testing.T) {
	projection, err := otap.NewProjection(otap.Plan{Projectable: true, Columns: []string{"body"}})
	require.NoError(t, err)
	p := &LogsProcessor{Processor: Processor[plog.Logs]{unit: &Unit{}}, projection: projection}
	l := &lane{
		logs: otap.NewLogsEncoder(
			record.NewRegistry(noPreambles{}),
			otap.Options{Fidelity: otap.BestEffort},
		),
	}
	d := plog.NewLogs()
	rl := d.ResourceLogs().AppendEmpty()
	entity.ResourceEntityRefs(rl.Resource()).AppendEmpty().SetType("host")
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("bad \xff")
	for _, pack := range []func(context.Context, *lane, *record.Header, plog.Logs, position) (*packed, error){
		p.packRecords, p.packProjected,
	} {
		packed, err := pack(t.Context(), l, &record.Header{}, d, position{})
		require.NoError(t, err)
		packed.parcel.Release()
	}
	stats := p.unit.Stats()
	require.Equal(t, uint64(2), stats.RepairedTexts)
	require.Equal(t, uint64(1), stats.DroppedEntityRefs, "a projection leaves them with the original")
}
