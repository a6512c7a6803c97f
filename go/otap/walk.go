package otap

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// Walk looks at pdata item by item for what cannot cross: text that is not UTF-8, values that nest
// too deep, entity references, containers without items. The encoder finds that a batch cannot
// cross, and stops; a Walk finds which items cannot, so that the others do. It judges as the
// encoder does (TestWalkJudgesLikeTheEncoder). It changes nothing but what Mend says.
//
// An item is a log record, a span or a data point. What a container holds that cannot cross
// concerns every item in it.
type Walk struct {
	fidelity Fidelity
	plan     *Projection // what is read; nil: everything
	mend     bool

	faults  map[int]*PathError
	named   int
	item    int
	items   int
	texts   int
	refs    int
	without []*PathError // of containers without items
	bare    int

	outer []*PathError // of the containers around the item, outermost first; nil: none
	fault error        // of the value that is looked at, where it is
	where string
}

// NewWalk returns a walk that judges what a unit reads of logs, by the plan that pr was made of;
// with nil, and for other signals, everything.
func NewWalk(f Fidelity, pr *Projection) *Walk { return &Walk{fidelity: f, plan: pr} }

// maxNamed is how many faults of one walk have their places written out; the others say only what
// is wrong.
const maxNamed = 10

// Items is how many items there were.
func (w *Walk) Items() int { return w.items }

// Fault says why item i cannot cross; nil: it can. ErrNotProjectable in it means: not in this form.
func (w *Walk) Fault(i int) *PathError { return w.faults[i] }

// Faults is how many items cannot cross.
func (w *Walk) Faults() int { return len(w.faults) }

// Bare is how many resources and scopes without items there are, and the places of the first.
func (w *Walk) Bare() (n int, places []*PathError) { return w.bare, w.without }

// Changed is how many texts BestEffort repairs, and how many entity references it leaves out.
func (w *Walk) Changed() (texts, entityRefs int) { return w.texts, w.refs }

// Clean says whether everything can cross as it is.
func (w *Walk) Clean() bool {
	return len(w.faults) == 0 && w.bare == 0 && w.texts == 0 && w.refs == 0
}

// Mend makes a walk that repairs the text it finds, for BestEffort: of pdata of one's own.
func Mend() *Walk { return &Walk{fidelity: BestEffort, mend: true} }

// enter begins a container; leave ends it, with what check found in it.
func (w *Walk) enter(path func() string, check func()) {
	w.outer = append(w.outer, w.judge(path, check))
}

func (w *Walk) leave() { w.outer = w.outer[:len(w.outer)-1] }

// next judges one item.
func (w *Walk) next(path func() string, check func()) {
	w.item = w.items
	w.items++
	var fault *PathError
	for _, o := range w.outer {
		if o != nil {
			fault = o
			break
		}
	}
	if fault == nil {
		fault = w.judge(path, check)
	}
	if fault == nil {
		return
	}
	if w.faults == nil {
		w.faults = make(map[int]*PathError)
	}
	w.faults[w.item] = fault
}

// judge runs check and returns the first fault that it met.
func (w *Walk) judge(path func() string, check func()) *PathError {
	w.fault, w.where = nil, ""
	check()
	if w.fault == nil {
		return nil
	}
	e := &PathError{Err: w.fault}
	if w.named < maxNamed {
		w.named++
		e.Path = path() + "." + w.where
	}
	return e
}

// fail notes a fault. A form that does not fit is of less weight than a fault that no form cures.
func (w *Walk) fail(where string, err error) {
	if w.fault == nil || (w.fault == ErrNotProjectable && err != ErrNotProjectable) {
		w.fault, w.where = err, where
	}
}

// within checks a part of an item, whose place is written out only where it is bad.
func (w *Walk) within(part func() string, check func()) {
	had := w.fault
	check()
	if w.fault != had {
		w.where = part() + "." + w.where
	}
}

// container notes a resource or a scope without items, where that cannot cross.
func (w *Walk) container(path func() string) {
	if !w.plan.ReadsContainers() {
		return
	}
	w.bare++
	if len(w.without) < maxNamed {
		w.without = append(w.without, &PathError{path(), ErrNoItems})
	}
}

// text checks a text, or repairs it by set.
func (w *Walk) text(where, s string, set func(string)) {
	if utf8.ValidString(s) {
		return
	}
	if w.fidelity == Strict {
		w.fail(where, ErrText)
		return
	}
	w.texts++
	if w.mend {
		set(repaired(s))
	}
}

func repaired(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// references checks the entity references of a resource.
func (w *Walk) references(r pcommon.Resource) {
	n := entity.ResourceEntityRefs(r).Len()
	if n == 0 || w.plan != nil { // with a plan the host keeps them with the original
		return
	}
	if w.fidelity == Strict {
		w.fail("resource.entity_refs", ErrEntityRefs)
		return
	}
	w.refs += n
}

// maxKeyPath is how much of a key a path shows.
const maxKeyPath = 64

func quoted(key string) string {
	if len(key) > maxKeyPath {
		return fmt.Sprintf("%q...", key[:maxKeyPath])
	}
	return fmt.Sprintf("%q", key)
}

// attributes checks every attribute of a map.
func (w *Walk) attributes(where string, m pcommon.Map) {
	bad := false
	for k, v := range m.All() {
		if !utf8.ValidString(k) {
			bad = true
			w.text(where+"["+quoted(k)+"]", k, func(string) {})
		}
		w.attribute(where, k, v)
	}
	if bad && w.mend {
		mendKeys(m)
	}
}

// attribute checks the value of one attribute, whose place is written out only where it is bad.
func (w *Walk) attribute(where, key string, v pcommon.Value) {
	had := w.fault
	w.value("", v, 1)
	if w.fault != had {
		w.where = where + "[" + quoted(key) + "]"
	}
}

// value checks a value and what is nested in it; the outermost has depth 1.
func (w *Walk) value(where string, v pcommon.Value, depth int) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		w.text(where, v.Str(), v.SetStr)
	case pcommon.ValueTypeMap:
		m := v.Map()
		if m == (pcommon.Map{}) {
			return
		}
		if depth > MaxDepth {
			w.fail(where, ErrDepth)
			return
		}
		bad := false
		for k, e := range m.All() {
			bad = bad || !utf8.ValidString(k)
			w.text(where, k, func(string) {})
			w.value(where, e, depth+1)
		}
		if bad && w.mend {
			mendKeys(m)
		}
	case pcommon.ValueTypeSlice:
		s := v.Slice()
		if s == (pcommon.Slice{}) {
			return
		}
		if depth > MaxDepth {
			w.fail(where, ErrDepth)
			return
		}
		for i := range s.Len() {
			w.value(where, s.At(i), depth+1)
		}
	}
}

// mendKeys repairs the keys of a map; order and duplicates stay.
func mendKeys(m pcommon.Map) {
	var b xpdata.MapBuilder
	b.EnsureCapacity(m.Len())
	for k, v := range m.All() {
		v.MoveTo(b.AppendEmpty(repaired(k)))
	}
	b.UnsafeIntoMap(m)
}
