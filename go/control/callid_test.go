package control

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Guarantees: both languages give the same bits, and refuse the same ones.
func TestCallIDVectorsHold(t *testing.T) {
	var list []struct {
		Comment, Bits, Origin string
		Link                  uint16
		Epoch                 uint8
		Sequence              uint64
		Valid                 bool
	}
	vectors(t, "callid.json", &list)
	require.GreaterOrEqual(t, len(list), 8, "vectors went missing")
	for _, v := range list {
		bits, err := strconv.ParseUint(v.Bits, 0, 64)
		require.NoError(t, err, v.Comment)
		origin := FromHost
		if v.Origin == "peer" {
			origin = FromPeer
		}
		made, err := NewCallID(origin, v.Link, uint32(v.Epoch), v.Sequence)
		assert.Equal(t, v.Valid, err == nil, v.Comment)
		parsed, err := ParseCallID(bits)
		assert.Equal(t, v.Valid, err == nil, v.Comment)
		if v.Valid {
			assert.Equal(t, CallID(bits), made, v.Comment)
			assert.Equal(t, origin, parsed.Origin(), v.Comment)
			assert.Equal(t, v.Link, parsed.Link(), v.Comment)
			assert.Equal(t, v.Epoch, parsed.Epoch(), v.Comment)
			assert.Equal(t, v.Sequence, parsed.Sequence(), v.Comment)
		}
	}
}

// Guarantees: every part comes back, whatever its neighbours are; what does not fit is refused.
func TestCallIDPartsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		origin := Origin(rapid.IntRange(0, 1).Draw(t, "origin"))
		link := rapid.Uint16().Draw(t, "link")
		epoch := rapid.Uint32().Draw(t, "epoch")
		sequence := rapid.Uint64Range(0, 1<<41).Draw(t, "sequence")
		id, err := NewCallID(origin, link, epoch, sequence)
		fits := link >= 1 && link <= MaxLink && sequence >= 1 && sequence <= MaxSequence
		if (err == nil) != fits {
			t.Fatalf("link %d sequence %d: %v", link, sequence, err)
		}
		if !fits {
			return
		}
		if got, err := ParseCallID(uint64(id)); err != nil || got != id {
			t.Fatalf("parsed %v, %v", got, err)
		}
		if id.Origin() != origin || id.Link() != link || id.Epoch() != uint8(epoch) ||
			id.Sequence() != sequence {
			t.Fatalf("%#x does not hold %v %v %v %v", uint64(id), origin, link, epoch, sequence)
		}
	})
}
