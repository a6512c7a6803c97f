package otap

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/strait-data/strait/go/record"
)

// Plan says what a unit reads, so that only that is sent. It is part of the peer's replies to
// validate and create.
type Plan struct {
	// Projectable is false when the unit reads everything, or changes what a difference cannot say.
	Projectable bool `json:"projectable"`
	// Filters says that a node may drop rows, Edits that one may change them.
	Filters bool `json:"filters"`
	Edits   bool `json:"edits"`
	// Reason says why the unit takes whole batches only, for people.
	Reason string `json:"reason"`
	// Tables are those that the unit reads, by OTAP's names: logs, log_attrs, resource_attrs,
	// scope_attrs. One that is not there is not read.
	Tables map[string]TablePlan `json:"tables"`
}

// TablePlan says what a unit reads of a table.
type TablePlan struct {
	// Columns of logs: time_unix_nano, observed_time_unix_nano, trace_id, span_id, severity_number,
	// severity_text, body, dropped_attributes_count, flags, event_name. Of attributes: key and,
	// unless only their keys are looked at (renames and deletes), value.
	Columns []string `json:"columns"`
	// Keys of the attributes that are read.
	Keys []string `json:"keys"`
	// All asks for every key.
	All bool `json:"all"`
}

// Projection is a checked Plan. It is immutable; many goroutines may use it.
type Projection struct {
	want                           uint64 // columns of the Logs table, a bit each
	ofItems, ofResources, ofScopes attributesPlan
}

// attributesPlan is what is sent of a table of attributes.
type attributesPlan struct {
	keys   []string
	all    bool // keys are not looked at
	values bool // not the keys alone
}

// none says that nothing is sent.
func (a *attributesPlan) none() bool { return !a.all && len(a.keys) == 0 }

// has says whether an attribute with the key is sent.
func (a *attributesPlan) has(key string) bool { return a.all || slices.Contains(a.keys, key) }

// NewProjection checks a plan. It fails when the plan names an unknown table or column, or cannot
// be projected.
func NewProjection(p Plan) (*Projection, error) {
	if !p.Projectable {
		reason := p.Reason
		if reason == "" {
			reason = "the unit reads everything"
		}
		return nil, fmt.Errorf("%w: %s", ErrNotProjectable, reason)
	}
	// The resource struct is there in any case, empty if need be.
	pr := &Projection{want: 1<<logsID | 1<<logsResource}
	for name, t := range p.Tables {
		if err := pr.table(name, t); err != nil {
			return nil, fmt.Errorf("plan of the unit: %w", err)
		}
	}
	if !pr.ofResources.none() {
		pr.want |= 1 << logsResourceID
	}
	if !pr.ofScopes.none() {
		pr.want |= 1 << logsScopeID
	}
	if p.Filters && pr.ofItems.has("") {
		// The peer leaves rows without key and value out of what it compares.
		return nil, fmt.Errorf("%w: the plan filters and names the empty key", ErrNotProjectable)
	}
	return pr, nil
}

// table takes in what is read of one table.
func (pr *Projection) table(name string, p TablePlan) error {
	at := slices.IndexFunc(schemas[:], func(s payloadSchema) bool { return s.name == name })
	if at < 0 {
		return fmt.Errorf("unknown table %q", name)
	}
	var read uint64
	for _, column := range p.Columns {
		col := slices.IndexFunc(
			schemas[at].columns, func(c columnSchema) bool { return c.plan == column },
		)
		if col < 0 || column == "" {
			return fmt.Errorf("unknown column %q of table %s", column, name)
		}
		read |= 1 << col
	}
	switch schemas[at].number {
	case payloadLogs:
		pr.want |= read
		if p.All || len(p.Keys) > 0 {
			return fmt.Errorf("table %s has no keys", name)
		}
		return nil
	case payloadLogAttrs:
		return pr.ofItems.read(name, p, read)
	case payloadResourceAttrs:
		return pr.ofResources.read(name, p, read)
	case payloadScopeAttrs:
		return pr.ofScopes.read(name, p, read)
	}
	return fmt.Errorf("table %s is none of logs", name)
}

// read takes in what is read of a table of attributes.
func (a *attributesPlan) read(name string, p TablePlan, columns uint64) error {
	if columns&(1<<attributesKey) == 0 {
		return fmt.Errorf("table %s is read without the column \"key\"", name)
	}
	*a = attributesPlan{keys: p.Keys, all: p.All, values: columns&(1<<attributesType) != 0}
	return nil
}

// MeasureProjected is Measure for a batch that holds only what the plan names. It fails with
// ErrNotProjectable when a key that is sent occurs twice in one map; the caller then sends the full
// batch. Entity references do not matter here: the host keeps them with the original.
func (e *Encoder[D]) MeasureProjected(
	ctx context.Context, h *record.Header, pdata D, pr *Projection,
) (*Batch[D], error) {
	hp := *h
	hp.Flags |= record.FlagProjected
	b, err := e.measure(ctx, &hp, pdata, Cursor{}, pr)
	if err != nil {
		return nil, err
	}
	if b.more { // ordinals of a difference are those of the whole batch
		b.Release()
		return nil, fmt.Errorf("%w: it does not fit one slot", ErrNotProjectable)
	}
	return b, nil
}

// apply sets up a batch's tables for the projection; nil is the full batch.
func (pr *Projection) apply(t *tables) {
	if pr == nil {
		t.root.want = 1<<len(t.root.columns) - 1
		t.root.force = 1<<logsID | 1<<logsResource | 1<<logsResourceID | 1<<logsScopeID
		for _, a := range t.attributes() {
			a.reset(&t.text, nil)
		}
		return
	}
	// Columns that are named are sent even when every value is the default: the peer refuses a
	// batch without one that a node was promised.
	t.root.want, t.root.force = pr.want, pr.want
	t.ofItems.project(&t.text, &pr.ofItems)
	t.ofResources.project(&t.text, &pr.ofResources)
	t.ofScopes.project(&t.text, &pr.ofScopes)
}

// picker chooses the attributes of named keys.
type picker struct {
	want    []string // nil: all keys
	lengths uint64   // of the wanted keys, a bit each, modulo 64
	none    bool     // the table is not sent
	values  bool     // values are sent

	seen  []int    // owner + 1 of the last row of each wanted key
	codes []uint16 // dictionary code of each wanted key, where one was seen
}

// bit is a key's in picker.lengths.
func bit(key string) uint64 { return 1 << (len(key) & 63) }

// project sets the table up to send what the plan names.
func (a *attrs) project(t *text, p *attributesPlan) {
	k := a.spare
	if k == nil {
		k = new(picker)
		a.spare = k
	}
	*k = picker{none: p.none(), values: p.values, seen: k.seen[:0], codes: k.codes[:0]}
	if !p.all {
		k.want = p.keys
	}
	for _, key := range p.keys {
		k.lengths |= bit(key)
		k.seen, k.codes = append(k.seen, 0), append(k.codes, 0)
	}
	a.reset(t, k)
}

// sent says whether the table is sent at all.
func (a *attrs) sent() bool { return a.pick == nil || !a.pick.none }

// keysOnly says that keys are sent without values.
func (a *attrs) keysOnly() bool { return a.pick != nil && !a.pick.values }

// take measures the attributes of one owner.
func (a *attrs) take(owner uint32, m pcommon.Map) (key string, err error) {
	if a.pick == nil {
		return a.measure(owner, m)
	}
	if a.pick.want == nil {
		return a.takeAll(owner, m)
	}
	return a.takePicked(owner, m)
}

// takeAll measures every attribute of a projected batch; a key that occurs twice cannot be
// projected, nor one that was repaired: a difference names keys, and the original does not have
// that one.
func (a *attrs) takeAll(owner uint32, m pcommon.Map) (string, error) {
	from := len(a.codes)
	for name, v := range m.All() {
		c, err := a.keys.code(name, a.values.text)
		if err != nil {
			return name, err
		}
		if a.keys.full() || slices.Contains(a.codes[from:], c) || a.keys.out[c] != name {
			return name, ErrNotProjectable
		}
		if err := a.pickRow(owner, c, v); err != nil {
			return name, err
		}
	}
	return "", nil
}

// takePicked measures the attributes whose keys are wanted. Most others are told apart by the
// length of their key, without a look at its bytes, which nobody has touched yet.
func (a *attrs) takePicked(owner uint32, m pcommon.Map) (string, error) {
	k := a.pick
	for name, v := range m.All() {
		if k.lengths&bit(name) == 0 {
			continue
		}
		w := slices.Index(k.want, name)
		if w < 0 {
			continue
		}
		if k.seen[w] != int(owner)+1 {
			if k.seen[w] == 0 {
				k.codes[w] = a.keys.add(k.want[w], k.want[w])
			}
			k.seen[w] = int(owner) + 1
		} else {
			return name, ErrNotProjectable
		}
		if err := a.pickRow(owner, k.codes[w], v); err != nil {
			return name, err
		}
	}
	return "", nil
}

// pickRow takes in one attribute that is sent.
func (a *attrs) pickRow(owner uint32, code uint16, v pcommon.Value) error {
	a.codes = append(a.codes, code)
	a.own(owner, len(a.codes))
	row := len(a.codes) - 1
	a.values.grow(1)
	if a.pick.values {
		return a.values.put(row, v)
	}
	// No value column is there; a reader takes the type's default.
	a.values.putType(row, uint8(v.Type()))
	return nil
}
