package unit

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/control"
)

// What needs the Rust side is tested in tests/native; this is the rest.

// specOf is a unit of one component.
func specOf(kind Kind, id string, edges []Edge) Spec {
	return Spec{ID: id, Edges: edges, Members: []Member{{ID: id, Kind: kind, Type: "some"}}}
}

// Guarantees: each limit of a transport is named.
func TestTransportLimits(t *testing.T) {
	require.NoError(t, DefaultTransport().Validate())
	for word, change := range map[string]func(*Transport){
		"max_wait":          func(t *Transport) { t.MaxWait = 0 },
		"wake":              func(t *Transport) { t.Wake = "sometimes" },
		"ring::descriptors": func(t *Transport) { t.Geometry.Descriptors = 1000 },
		"ring::size_mib":    func(t *Transport) { t.Geometry.Blocks = 0 },
	} {
		transport := DefaultTransport()
		change(&transport)
		require.ErrorContains(t, transport.Validate(), word)
	}
}

// Guarantees: without the Rust part a processor can be made and shut down; Start says what to do,
// batches are refused, and one without items passes.
func TestWithoutRust(t *testing.T) {
	sink := new(consumertest.LogsSink)
	p, err := NewLogs(
		Spec{
			ID: "otap", Lanes: 1, Fidelity: Strict, Edges: Between(Logs),
			Members: []Member{{ID: "otap", Kind: KindProcessor, Nodes: []any{}}},
		},
		DefaultTransport(),
		componenttest.NewNopTelemetrySettings(),
		ToLogs(sink),
	)
	require.NoError(t, err)
	err = p.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorIs(t, err, control.ErrNoPeer)
	require.ErrorContains(t, err, "strait build")
	d := plog.NewLogs()
	require.NoError(t, p.ConsumeLogs(t.Context(), d))
	d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	require.ErrorIs(t, p.ConsumeLogs(t.Context(), d), errNotRunning)
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
}

// Guarantees: above the memory that is allowed, a batch is refused before anything of it is
// encoded: retryable, with the component's name.
func TestBatchesAreRefusedForMemory(t *testing.T) {
	control.SetMemory(200<<20, 100<<20)
	defer control.SetMemory(0, 0)
	u := &Unit{spec: Spec{ID: "otap/a"}, state: stateRunning}
	_, err := u.enter()
	require.EqualError(t, err, "otap/a: the Rust components of this Collector have allocated "+
		"200 MiB, and take no more above 100 MiB")
	require.False(t, consumererror.IsPermanent(err))
	control.SetMemory(99<<20, 100<<20)
	require.Nil(t, control.MemoryRefusal())
}

// Guarantees: what is behind an edge out takes what it carries, and each edge has one; a receiver's
// edges are those that somebody asked for, in that order.
func TestEdgesLeadSomewhere(t *testing.T) {
	nop, telemetry := consumertest.NewNop(), componenttest.NewNopTelemetrySettings()
	for want, x := range map[string]struct {
		edges []Edge
		nexts []Next
	}{
		"some: 1 edges out, 0 consumers": {FromTo(Logs, Metrics), nil},
		"some: 0 edges out, 1 consumers": {Into(Logs), []Next{ToLogs(nop)}},
		"some: edge 1 carries metrics, its consumer takes logs": {
			FromTo(Logs, Metrics), []Next{ToLogs(nop)},
		},
	} {
		spec := specOf(KindConnector, "some", x.edges)
		_, err := NewLogs(spec, DefaultTransport(), telemetry, x.nexts...)
		require.EqualError(t, err, want)
	}
	r := NewReceiver(specOf(KindReceiver, "some", nil), DefaultTransport(), telemetry)
	require.NoError(t, r.Add(ToMetrics(nop)))
	require.NoError(t, r.Add(ToLogs(nop)))
	require.Equal(t, []Edge{
		{Direction: Out, Signal: Metrics}, {Number: 1, Direction: Out, Signal: Logs},
	}, r.Unit().spec.Edges)
	require.ErrorIs(t, r.Start(t.Context(), componenttest.NewNopHost()), control.ErrNoPeer)
	require.NoError(t, r.Shutdown(t.Context()))
}
