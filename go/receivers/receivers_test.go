package receivers

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listening is a host that keeps what it hears.
type listening struct {
	component.Host
	heard []*componentstatus.Event
}

func (l *listening) Report(e *componentstatus.Event) { l.heard = append(l.heard, e) }

// Guarantees: each signal's host hears of every status, one that comes later of the last.
func TestEachSignalHearsOfTheStatus(t *testing.T) {
	var h hosts
	early, late := &listening{Host: componenttest.NewNopHost()}, new(listening)
	h.join(early)
	ok := componentstatus.NewEvent(componentstatus.StatusOK)
	failed := componentstatus.NewEvent(componentstatus.StatusPermanentError)
	componentstatus.ReportStatus(&h, ok)
	h.join(late)
	componentstatus.ReportStatus(&h, failed)
	require.Equal(t, []*componentstatus.Event{ok, failed}, early.heard)
	require.Equal(t, []*componentstatus.Event{ok, failed}, late.heard)
	require.Equal(t, early.GetExtensions(), h.GetExtensions())
}
