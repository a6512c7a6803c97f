package otap

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/strait-data/strait/go/record"
)

// signal is what is of one signal: logs.go says it for logs.
type signal[D any] struct {
	number     record.Signal
	root       uint16 // the payload type whose rows are the items
	attributes uint16 // and that of their attributes
	// What paths call resources, scopes and items.
	resources, scopes, items string

	walker func() walker[D]
	build  func(*decoded) (D, error)
}

// walker reads the pdata of one signal: how it is nested, and what an item's rows are.
type walker[D any] interface {
	// open gives it the pdata; none lets the last one go.
	open(D)
	resources() int
	scopes(resource int) int
	items(resource, scope int) int
	resource(i int) (r pcommon.Resource, schemaURL string)
	scope(resource, i int) (s pcommon.InstrumentationScope, schemaURL string)
	// begin is called before the items of another scope, and block for a few of them after the
	// other: it takes in n items of the run, and returns the place of what cannot cross.
	begin(resource, scope int)
	block(t *tables, first, n int) *itemError
}

// itemError is what an item cannot cross for: its place in the item, and the key where that is of
// an attribute.
type itemError struct {
	item       int
	where, key string
	err        error
}

// tables are what a batch is measured into: the table of its items, and the attributes around them.
type tables struct {
	text                           text
	root                           *table
	ofResources, ofScopes, ofItems attrs
	budget                         int // bytes at which a walk has taken in enough
	entityRefs                     int // that were left out
	bare                           int // resources and scopes without items that were not refused
}

func (t *tables) init(root, attributes uint16) {
	t.root = newTable(root)
	t.ofResources.schema = schemaOf(payloadResourceAttrs)
	t.ofScopes.schema = schemaOf(payloadScopeAttrs)
	t.ofItems.schema = schemaOf(attributes)
}

func (t *tables) reset(f Fidelity) {
	t.text = text{repair: f == BestEffort}
	t.entityRefs, t.bare = 0, 0
	t.root.reset(&t.text)
}

// attributes are the tables of attributes, in the order in which they are written.
func (t *tables) attributes() [3]*attrs {
	return [3]*attrs{&t.ofResources, &t.ofScopes, &t.ofItems}
}

// staged returns the bytes of variable width that were taken in.
func (t *tables) staged() int {
	return t.root.value.staged() + t.ofItems.values.staged() +
		t.ofScopes.values.staged() + t.ofResources.values.staged()
}
