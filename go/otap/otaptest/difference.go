package otaptest

import "encoding/binary"

// Targets, actions and the owner of a difference (format.md, section 4). A target is a table, and a
// column in it.
const (
	TargetLog          = 31<<8 | 2
	TargetResource     = 1<<8 | 2
	TargetScope        = 2<<8 | 2
	TargetBody         = 30<<8 | 2
	TargetSeverity     = 30<<8 | 11
	TargetSeverityText = 30<<8 | 12
	TargetEvent        = 30<<8 | 14

	Set    = 1
	Delete = 2
	Rename = 3

	Every = 0xFFFFFFFF
)

// Targets are all of them.
var Targets = []uint32{
	TargetLog, TargetResource, TargetScope, TargetBody, TargetSeverity, TargetSeverityText,
	TargetEvent,
}

// HasKey says whether a target is attributes.
func HasKey(target uint32) bool {
	return target == TargetLog || target == TargetResource || target == TargetScope
}

// Op is one operation of a difference. Text is the value of str, bytes, map and slice, Number that
// of the others.
type Op struct {
	Target       uint32
	Action, Kind uint8
	Owner        uint32
	Key, Text    string
	Number       uint64
}

// Difference writes a difference of logs. keep says which rows stay; nil means that all do.
func Difference(rows int, keep []bool, ops []Op) []byte {
	le := binary.LittleEndian
	b := make([]byte, 48)
	copy(b, "SDF2")
	le.PutUint32(b[4:], 1)
	le.PutUint32(b[8:], 32)
	table := b[32:48]
	le.PutUint16(table, 30)
	le.PutUint32(table[4:], uint32(rows))
	le.PutUint32(table[8:], uint32(rows))
	if keep != nil {
		bits, kept := make([]byte, (rows+63)/64*8), 0
		for i, k := range keep {
			if k {
				bits[i>>3] |= 1 << (i & 7)
				kept++
			}
		}
		le.PutUint32(table[8:], uint32(kept))
		le.PutUint32(table[12:], uint32(len(b)))
		b = append(b, bits...)
	}
	le.PutUint32(b[12:], uint32(len(ops)))
	le.PutUint32(b[16:], uint32(len(b)))
	var data []byte
	for _, o := range ops {
		var x [32]byte
		le.PutUint16(x[:], uint16(o.Target>>8))
		x[2], x[3], x[4] = uint8(o.Target), o.Action, o.Kind
		le.PutUint32(x[8:], o.Owner)
		le.PutUint32(x[12:], uint32(len(data)))
		le.PutUint32(x[16:], uint32(len(o.Key)))
		data = append(data, o.Key...)
		switch o.Kind {
		case 1, 5, 6, 7:
			le.PutUint32(x[24:], uint32(len(data)))
			le.PutUint32(x[28:], uint32(len(o.Text)))
			data = append(data, o.Text...)
		default:
			le.PutUint64(x[24:], o.Number)
		}
		b = append(b, x[:]...)
	}
	le.PutUint32(b[20:], uint32(len(b)))
	le.PutUint32(b[24:], uint32(len(data)))
	return append(b, data...)
}
