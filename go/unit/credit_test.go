package unit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Guarantees: the credit is what fits the ring's places and the calls that the engine holds, and
// never nothing.
func TestCreditFitsTheRing(t *testing.T) {
	for _, x := range []struct {
		inFlight int
		places   uint32
		want     int
	}{{64, 1024, 64}, {0, 1024, 64}, {65_536, 1024, 256}, {64, 8, 2}, {1, 1024, 1}} {
		transport := DefaultTransport()
		transport.Geometry.Descriptors = x.places
		require.Equal(t, x.want, creditOf(&Spec{MaxInFlight: x.inFlight}, &transport))
	}
	transport, three := DefaultTransport(), []Edge{{0, Out, Logs}, {1, Out, Traces}, {2, Out, Metrics}}
	require.Equal(t, 85, creditOf(&Spec{MaxInFlight: 65_536, Edges: three}, &transport))
}

// Guarantees: each edge out has the credit that Rust says, which is what was wished at most.
func TestCreditsAreByEdge(t *testing.T) {
	wishes := []edgeWish{{0, 64}, {1, 64}}
	reply := func(credits ...int) *startReply {
		r := new(startReply)
		for i, credit := range credits {
			e := EdgeReport{Edge: Edge{Number: uint16(i), Direction: Out}, Credit: credit}
			r.Edges = append(r.Edges, e)
		}
		return r
	}
	credits, err := reply(64, 3).credits(wishes)
	require.NoError(t, err)
	require.Equal(t, map[uint16]int{0: 64, 1: 3}, credits)
	for _, wrong := range []*startReply{reply(64), reply(64, 0), reply(64, 65)} {
		_, err := wrong.credits(wishes)
		require.ErrorContains(t, err, "edge 1: the credit is ")
	}
	credits, err = new(startReply).credits(nil)
	require.NoError(t, err)
	require.Empty(t, credits, "an exporter's")
}
