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
