package otaptest

import (
	"encoding/binary"

	"github.com/strait-data/strait/go/record"
)

// Dump returns the Arrow IPC streams of a batch slot, by schema id: each is the schema's message,
// its records one after the other, and the end-of-stream marker (S-4). It reads the slot by itself,
// so that a reader of another make sees the slot's own bytes.
func (p *Preambles) Dump(slot []byte) (map[uint32][]byte, error) {
	var b record.Batch
	if err := b.Read(slot); err != nil {
		return nil, err
	}
	out := map[uint32][]byte{}
	for _, e := range b.Entries {
		s, ok := out[e.SchemaID]
		if !ok && e.SchemaID > 0 {
			s = append(s, p.Contents[e.SchemaID-1][64:]...)
		}
		out[e.SchemaID] = append(s, slot[e.Offset:e.Offset+e.MetadataLen+e.BodyLen]...)
	}
	for id, s := range out {
		out[id] = append(binary.LittleEndian.AppendUint32(s, 0xFFFFFFFF), 0, 0, 0, 0)
	}
	return out, nil
}
