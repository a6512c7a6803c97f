package otap

import (
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/strait-data/strait/go/record"
)

// attrs measures and writes one attributes table: parent_id, key, and the value columns. Keys go
// through a dictionary; because maps tend to have the same keys in the same order, the key at a
// position is first compared with the one that was there in the map before.
type attrs struct {
	schema   *payloadSchema
	values   values
	keys     textDict
	owners   []owner
	codes    []uint16 // of the key, by row; until the dictionary overflows
	texts    []string // keys by row, once it has overflowed; else nil
	measured int      // rows before the map that is being measured
	guess    []uint16 // code of the key at each position
	pick     *picker  // which keys are sent; nil = all, with everything
	spare    *picker  // the memory of the last picker

	parent, key column
	encodings   [attributesSer + 1]encoding // by number, as decided
	published   *record.Schema
}

// owner is a row of another table, and where its attributes end; they begin where those of the one
// before end.
type owner struct {
	id  uint32
	end int32
}

func (a *attrs) reset(t *text, pick *picker) {
	a.values.reset(t)
	a.keys.reset()
	a.pick, a.published = pick, nil
	a.owners, a.codes, a.texts, a.guess = a.owners[:0], a.codes[:0], nil, a.guess[:0]
}

func (a *attrs) rows() int { return len(a.values.types) }

// own gives the rows that follow, up to end, to an owner.
func (a *attrs) own(id uint32, end int) {
	if n := len(a.owners); n > 0 && a.owners[n-1].id == id {
		a.owners[n-1].end = int32(end)
		return
	}
	a.owners = append(a.owners, owner{id, int32(end)})
}

// ownerOf returns the owner of a row.
func (a *attrs) ownerOf(row int) uint32 {
	i := sort.Search(len(a.owners), func(i int) bool { return row < int(a.owners[i].end) })
	return a.owners[i].id
}

// measure takes in the attributes of one owner. On an error, key is the attribute's.
func (a *attrs) measure(id uint32, m pcommon.Map) (key string, err error) {
	n, from := m.Len(), len(a.codes)
	if n == 0 {
		return "", nil
	}
	a.measured = from
	a.owners = append(a.owners, owner{id, int32(from + n)})
	a.codes = extend(a.codes, n)
	vs := &a.values
	vs.grow(n)
	codes, guess, raw := a.codes[from:], a.guess, a.keys.raw
	plainText := !vs.text.repair
	j := 0
	for k, v := range m.All() {
		if j < len(guess) && raw[guess[j]] == k {
			codes[j] = guess[j]
		} else {
			if codes[j], err = a.code(k, j); err != nil {
				return k, err
			}
			guess, raw = a.guess, a.keys.raw
		}
		if a.texts != nil {
			s, _ := vs.text.fix(k) // code has checked it
			a.texts = append(a.texts, s)
		}
		if t := v.Type(); t == pcommon.ValueTypeStr && plainText {
			vs.putStr(from+j, v.Str())
		} else if err = vs.put(from+j, v); err != nil {
			return k, err
		}
		j++
	}
	return "", nil
}

// code looks a key up that was not guessed, and guesses it next time.
func (a *attrs) code(k string, j int) (uint16, error) {
	if a.texts != nil || a.overflows(k, j) {
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
func (a *attrs) overflows(k string, j int) bool {
	if !a.keys.full() {
		return false
	}
	if _, ok := a.keys.find(k); ok {
		return false
	}
	done := a.codes[:a.measured+j] // rows before this one
	a.texts = make([]string, 0, 2*len(done))
	for _, c := range done {
		a.texts = append(a.texts, a.keys.out[c])
	}
	a.guess = a.guess[:0]
	return true
}

// text returns the key of a row.
func (a *attrs) text(i int) string {
	if a.texts != nil {
		return a.texts[i]
	}
	return a.keys.out[a.codes[i]]
}

// decide chooses the columns; superset: all of them, plain (S-8).
func (a *attrs) decide(superset bool) record.Key {
	a.parent.enc, a.key.enc = plain, textEncoding(&a.keys)
	if a.texts != nil || superset {
		a.key.enc = plain
	}
	a.values.decide(superset)
	e := a.encodings[:]
	e[attributesParentID], e[attributesKey], e[attributesType] = plain, a.key.enc, plain
	for i := range a.values.cols {
		e[attributesStr+i] = a.values.cols[i].enc
	}
	return record.Key{Payload: a.schema.number, Columns: schemaKey(e)}
}

// arrowSchema returns the schema of the table as it was decided.
func (a *attrs) arrowSchema() (*arrow.Schema, error) {
	return arrow.NewSchema(arrowFields(a.schema.columns, a.encodings[:]), nil), nil
}

// plan announces the table's messages.
func (a *attrs) plan(p *record.Plan) {
	n := a.rows()
	if a.key.enc != plain {
		a.key.planDict(p, a.published, 0, &a.keys)
	}
	p.Message(a.published, -1, n)
	a.parent.planFixed(p, n, a.schema.columns[attributesParentID].bytes())
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

// write writes the table.
func (a *attrs) write(p *record.Plan) {
	n := a.rows()
	parents := p.Bytes(a.parent.first)
	if a.schema.columns[attributesParentID].typ == columnUInt16 {
		writeOwners(record.Fixed[uint16](parents, n), a.owners)
	} else {
		writeOwners(record.Fixed[uint32](parents, n), a.owners)
	}
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
	a.values.write(p)
}

// writeOwners writes the parent of each row.
func writeOwners[T uint16 | uint32](dst []T, owners []owner) {
	from := 0
	for _, o := range owners {
		rows := dst[from:o.end]
		for i := range rows {
			rows[i] = T(o.id)
		}
		from = int(o.end)
	}
}
