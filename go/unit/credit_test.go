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
}

// Guarantees: the credit is what Rust says of every edge out, which is what was wished at most.
func TestTheCreditIsWhatRustSays(t *testing.T) {
	wishes := []edgeWish{{0, 64}, {1, 64}}
	reply := func(credits ...int) *startReply {
		r := new(startReply)
		for i, credit := range credits {
			e := EdgeReport{Edge: Edge{Number: uint16(i), Direction: Out}, Credit: credit}
			r.Edges = append(r.Edges, e)
		}
		return r
	}
	credit, err := reply(3, 3).creditOf(wishes)
	require.NoError(t, err)
	require.Equal(t, 3, credit)
	for _, wrong := range []*startReply{reply(64), reply(64, 0), reply(64, 65)} {
		_, err := wrong.creditOf(wishes)
		require.ErrorContains(t, err, "edge 1: the credit is ")
	}
	credit, err = new(startReply).creditOf(nil)
	require.NoError(t, err)
	require.Zero(t, credit, "an exporter's")
}
