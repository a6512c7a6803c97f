package native

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/consumer/consumererror"
)

// Guarantees: a value that no attribute can have, in what a component gives, ends the call of that
// batch: for good, and by the component's name. The lane, its link and its other calls go on.
func TestAWrongValueEndsItsCall(t *testing.T) {
	for _, f := range exactForms() {
		for _, wrong := range []string{"wrong type", "wrong cbor", "wrong integer"} {
			t.Run(f.name+"/"+wrong, func(t *testing.T) {
				host := &statuses{}
				s := &sink{}
				sp := f.component("faulty", map[string]any{"everything": true})
				p := startOn(t, sp, f.transport, s, host)
				for range 8 { // more often than a link may be renewed
					err := p.ConsumeLogs(t.Context(), order(10, wrong))
					require.True(t, consumererror.IsPermanent(err), "%v", err)
					require.ErrorContains(t, err, "faulty/test")
					require.Zero(t, s.count())
				}
				require.NoError(t, p.ConsumeLogs(t.Context(), logs(10)))
				require.Equal(t, 10, s.count())
				require.Equal(t, componentstatus.StatusNone, host.last(), "nothing was said")
				quiet(t, p)
			})
		}
	}
}
