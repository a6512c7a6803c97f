package unit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/strait-data/strait/go/ring"
)

// Guarantees: what a unit says itself holds, then what the process says, then what is built in; a
// receiver has one lane whatever the process says; a runtime that was taken back no longer holds,
// and the one before it does again.
func TestUnitsInheritTheirRuntime(t *testing.T) {
	inherited := func(kind Kind, own Runtime) *Unit {
		u := New(Spec{
			Lanes: own.Lanes, MaxInFlight: own.MaxInFlight, Members: []Member{{Kind: kind}},
		}, own.Transport(), componenttest.NewNopTelemetrySettings())
		u.inherit()
		return u
	}
	u := inherited(KindProcessor, Runtime{})
	require.Equal(t, DefaultTransport(), u.transport)
	require.Equal(t, 1, u.spec.Lanes)
	require.Equal(t, 64, u.spec.MaxInFlight)

	first := SetRuntime(Runtime{Lanes: 2, MaxWait: time.Second, Wake: WakeLatency})
	last := SetRuntime(Runtime{Lanes: 4, MaxInFlight: 8, Geometry: ring.Geometry{Blocks: 4096}})
	u = inherited(KindExporter, Runtime{MaxInFlight: 16, Geometry: ring.Geometry{Descriptors: 64}})
	require.Equal(t, 4, u.spec.Lanes)
	require.Equal(t, 16, u.spec.MaxInFlight)
	require.Equal(t, ring.Geometry{Descriptors: 64, Blocks: 4096}, u.transport.Geometry)
	require.Equal(t, WakeEfficient, u.transport.Wake)
	require.Equal(t, 1, inherited(KindReceiver, Runtime{}).spec.Lanes)

	last()
	u = inherited(KindConnector, Runtime{})
	require.Equal(t, 2, u.spec.Lanes)
	require.Equal(t, Transport{
		Geometry: DefaultTransport().Geometry, Wake: WakeLatency, MaxWait: time.Second,
	}, u.transport)
	first()
	require.Equal(t, DefaultTransport(), inherited(KindProcessor, Runtime{}).transport)
}
