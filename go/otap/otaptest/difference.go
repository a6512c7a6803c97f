package otaptest

import "encoding/binary"

// Targets, actions and the owner of a difference (format.md, section 4).
const (
	TargetLog          = 1
	TargetResource     = 2
	TargetScope        = 3
	TargetBody         = 4
	TargetSeverity     = 5
	TargetSeverityText = 6
	TargetEvent        = 7

	Set    = 1
	Delete = 2
	Rename = 3

	Every = 0xFFFFFFFF
)

// Op is one operation of a difference. Text is the value of str, bytes, map and slice, Number that
// of the others.
type Op struct {
	Target, Action, Kind uint8
	Owner                uint32
	Key, Text            string
	Number               uint64
}

// Difference writes a difference. keep says which rows stay; nil means that all do.
func Difference(rows int, keep []bool, ops []Op) []byte {
	le := binary.LittleEndian
	b := make([]byte, 32)
	copy(b, "SDF1")
	kept := rows
	if keep != nil {
		le.PutUint32(b[12:], uint32(len(b)))
		kept = 0
		bits := make([]byte, (rows+63)/64*8)
		for i, k := range keep {
			if k {
				bits[i>>3] |= 1 << (i & 7)
				kept++
			}
		}
		b = append(b, bits...)
	}
	le.PutUint32(b[4:], uint32(rows))
	le.PutUint32(b[8:], uint32(kept))
	le.PutUint32(b[16:], uint32(len(ops)))
	le.PutUint32(b[20:], uint32(len(b)))
	var data []byte
	for _, o := range ops {
		var x [32]byte
		x[0], x[1], x[2] = o.Target, o.Action, o.Kind
		le.PutUint32(x[4:], o.Owner)
		le.PutUint32(x[8:], uint32(len(data)))
		le.PutUint32(x[12:], uint32(len(o.Key)))
		data = append(data, o.Key...)
		switch o.Kind {
		case 1, 5, 6, 7:
			le.PutUint32(x[16:], uint32(len(data)))
			le.PutUint32(x[20:], uint32(len(o.Text)))
			data = append(data, o.Text...)
		default:
			le.PutUint64(x[16:], o.Number)
		}
		b = append(b, x[:]...)
	}
	le.PutUint32(b[24:], uint32(len(b)))
	le.PutUint32(b[28:], uint32(len(data)))
	return append(b, data...)
}
