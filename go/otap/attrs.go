package otap

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/strait-data/strait/go/record"
)

func doubleBits(f float64) uint64 { return math.Float64bits(f) }

// attrs measures and writes one attributes table: parent_id, key, and the value columns. Keys go
// through a dictionary; because maps tend to have the same keys in the same order, the key at a
// position is first compared with the one that was there in the map before.
type attrs struct {
	payload uint16
	values  values
	keys    textDict
	codes   []uint16 // of the key, by row; until the dictionary overflows
	texts   []string // keys by row, once it has overflowed
	guess   []uint16 // code of the key at each position
	pick    *picker  // which keys are sent; nil = all, with everything
	spare   *picker  // the memory of the last picker

	parent, key column
	schema      *record.Schema
	parents     []uint16 // while writing
	row         int
}

func (a *attrs) reset(payload uint16, t *text, pick *picker) {
	a.values.reset(t)
	a.keys.reset()
	clear(a.texts)
	a.payload, a.pick, a.schema, a.row = payload, pick, nil, 0
	a.codes, a.texts, a.guess = a.codes[:0], a.texts[:0], a.guess[:0]
	a.parents = nil
}

func (a *attrs) rows() int { return len(a.values.types) }

// measure takes in one map. On an error, key is the attribute's.
func (a *attrs) measure(m pcommon.Map) (key string, err error) {
	j := 0
	for k, v := range m.All() {
		var c uint16
		if j < len(a.guess) && a.keys.raw[a.guess[j]] == k {
			c = a.guess[j]
		} else if c, err = a.code(k, j); err != nil {
			return k, err
		}
		if len(a.texts) > 0 {
			s, _ := a.values.text.fix(k) // code has checked it
			a.texts = append(a.texts, s)
		} else {
			a.codes = append(a.codes, c)
		}
		if _, err = a.values.measure(v); err != nil {
			return k, err
		}
		j++
	}
	return "", nil
}

// code looks a key up that was not guessed, and guesses it next time.
func (a *attrs) code(k string, j int) (uint16, error) {
	if len(a.texts) > 0 || a.overflows(k) {
		s, err := a.values.text.fix(k)
		if err == nil && s != k {
			a.values.text.repaired++
		}
		return 0, err
	}
	c, err := a.keys.code(k, a.values.text)
	if err != nil {
		return 0, err
	}
	if j < len(a.guess) {
		a.guess[j] = c
	} else if j == len(a.guess) {
		a.guess = append(a.guess, c)
	}
	return c, nil
}

// overflows says whether k does not fit the dictionary any more; then all keys are kept row by row
// from there on, and the column is plain (S-11).
func (a *attrs) overflows(k string) bool {
	if !a.keys.full() {
		return false
	}
	if _, ok := a.keys.find(k); ok {
		return false
	}
	for _, c := range a.codes {
		a.texts = append(a.texts, a.keys.out[c])
	}
	a.guess = a.guess[:0]
	return true
}

// text returns the key of a row.
func (a *attrs) text(i int) string {
	if len(a.texts) > 0 {
		return a.texts[i]
	}
	return a.keys.out[a.codes[i]]
}

// decide chooses the columns; superset: all of them, plain (S-8).
func (a *attrs) decide(force [valCount]bool, superset bool) record.Key {
	a.parent.enc, a.key.enc = plain, textEncoding(&a.keys)
	if len(a.texts) > 0 || superset {
		a.key.enc = plain
	}
	if superset {
		for i := range force {
			force[i] = true
		}
	}
	a.values.decide(force)
	return record.Key{Payload: a.payload, Columns: a.values.key()<<2 | uint64(a.key.enc)}
}

// plan announces the table's messages.
func (a *attrs) plan(p *record.Plan) {
	n := a.rows()
	if a.key.enc != plain {
		a.key.planDict(p, a.schema, 0, &a.keys)
	}
	p.Message(a.schema, -1, n)
	a.parent.planFixed(p, n, 2)
	if a.key.enc == plain {
		sum := 0
		for i := range n {
			sum += len(a.text(i))
		}
		a.key.planVariable(p, n, sum)
	} else {
		a.key.planFixed(p, n, a.key.enc.width())
	}
	a.values.plan(p)
}

// begin takes the buffers and writes keys and types.
func (a *attrs) begin(p *record.Plan) {
	n := a.rows()
	a.parents = record.Fixed[uint16](p.Bytes(a.parent.first), n)
	if a.key.enc == plain {
		off := record.Fixed[int32](p.Bytes(a.key.first), n+1)
		data := p.Bytes(a.key.second)
		at := 0
		off[0] = 0
		for i := range n {
			at += copy(data[at:], a.text(i))
			off[i+1] = int32(at)
		}
	} else {
		a.key.writeDict(p, &a.keys)
		a.key.writeKeys(p, a.codes)
	}
	a.values.begin(p)
	a.row = 0
}

// put writes the attributes of one map, whose owner has the ordinal id.
func (a *attrs) put(id uint16, m pcommon.Map) {
	i := a.row
	for _, v := range m.All() {
		a.parents[i] = id
		a.values.put(i, v)
		i++
	}
	a.row = i
}
