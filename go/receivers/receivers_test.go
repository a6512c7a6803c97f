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

// Guarantees: each signal's host hears of every status.
func TestEachSignalHearsOfTheStatus(t *testing.T) {
	var h hosts
	one, two := &listening{Host: componenttest.NewNopHost()}, new(listening)
	require.Equal(t, 1, h.join(one))
	require.Equal(t, 2, h.join(two))
	ok := componentstatus.NewEvent(componentstatus.StatusOK)
	failed := componentstatus.NewEvent(componentstatus.StatusPermanentError)
	componentstatus.ReportStatus(&h, ok)
	componentstatus.ReportStatus(&h, failed)
	require.Equal(t, []*componentstatus.Event{ok, failed}, one.heard)
	require.Equal(t, []*componentstatus.Event{ok, failed}, two.heard)
	require.Equal(t, one.GetExtensions(), h.GetExtensions())
}
