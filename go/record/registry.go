package record

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/strait-data/strait/go/internal/ctxerr"
)

// Publisher puts a preamble into a slot of its own and publishes it. When it returns nil, every
// batch published later is read after the preamble. It copies content before it returns.
type Publisher interface {
	PublishPreamble(ctx context.Context, content []byte) error
}

// Key names a schema for its writer: the payload type, and whatever tells the writer's schemas of
// that payload apart (columns present and their encodings). Two keys are two schema ids.
type Key struct {
	Payload uint16
	Columns uint64
	// Name tells schemas apart whose columns do not fit a bit set; "" for telemetry.
	Name string
}

// Schema is a published schema with the templates of its record batch and its dictionary batches.
type Schema struct {
	ID           uint32
	Payload      uint16
	Arrow        *arrow.Schema
	Record       *Template
	Dictionaries []*Template // by dictionary id

	dicts []arrow.DataType // of the values, by dictionary id
}

// Registry gives schema ids (S-6) and publishes each schema once, before its first use (S-7). One
// Registry belongs to one link, direction and epoch; many goroutines may use it.
type Registry struct {
	pub   Publisher
	known atomic.Pointer[map[Key]*Schema] // replaced, never changed
	lock  chan struct{}                   // a mutex whose waiters obey their context
	next  uint32
	size  epochSize
}

// NewRegistry returns a registry that publishes through pub.
func NewRegistry(pub Publisher) *Registry {
	r := &Registry{pub: pub, lock: make(chan struct{}, 1)}
	r.known.Store(&map[Key]*Schema{})
	return r
}

// Lookup returns the schema of a key, or nil when it has not been published.
func (r *Registry) Lookup(k Key) *Schema { return (*r.known.Load())[k] }

// Get returns the schema of a key; if there is none yet, build makes it and Get publishes it, which
// may wait for room in the ring as long as ctx allows. All but the last id of a payload are given
// to any key; the last is kept for the superset (S-8): then Get fails with ErrSchemasFull unless
// superset is set. When publishing fails, no id is used up.
func (r *Registry) Get(
	ctx context.Context,
	k Key,
	superset bool,
	build func() (*arrow.Schema, error),
) (*Schema, error) {
	if s := r.Lookup(k); s != nil {
		return s, nil
	}
	select {
	case r.lock <- struct{}{}:
		defer func() { <-r.lock }()
	case <-ctx.Done():
		return nil, fmt.Errorf("publish a schema: %w", ctxerr.Of(ctx))
	}
	if s := r.Lookup(k); s != nil {
		return s, nil
	}
	if n := r.size.payloads[k.Payload]; n >= MaxSchemas || (n == MaxSchemas-1 && !superset) {
		return nil, ErrSchemasFull
	}
	as, err := build()
	if err != nil {
		return nil, err
	}
	s, msg, size, err := newSchema(r.next+1, k.Payload, as)
	if err != nil {
		return nil, err
	}
	if r.size.check(k.Payload, size) != nil {
		return nil, ErrSchemasFull
	}
	if err := r.pub.PublishPreamble(ctx, preamble(k.Payload, s.ID, msg)); err != nil {
		return nil, fmt.Errorf("publish schema %d: %w", s.ID, err)
	}
	known := maps.Clone(*r.known.Load())
	known[k] = s
	r.known.Store(&known)
	r.next++
	r.size.add(k.Payload, size)
	return s, nil
}

// newSchema makes the schema's message and templates.
func newSchema(id uint32, payload uint16, as *arrow.Schema) (*Schema, []byte, schemaSize, error) {
	msg, size, err := schemaMessage(as)
	if err != nil {
		return nil, nil, size, err
	}
	s, c, err := shapeOf(id, payload, as)
	if err != nil {
		return nil, nil, size, err
	}
	s.Record = newTemplate(c.nodes, c.buffers, false, 0)
	for i, d := range c.dicts {
		var v shape
		if err := v.add(d); err != nil {
			return nil, nil, size, fmt.Errorf("dictionary %d: %w", i, err)
		}
		s.Dictionaries = append(s.Dictionaries, newTemplate(v.nodes, v.buffers, true, int64(i)))
	}
	return s, msg, size, nil
}

// shapeOf makes a schema without templates, which readers have no use for.
func shapeOf(id uint32, payload uint16, as *arrow.Schema) (*Schema, shape, error) {
	var c shape
	for i := range as.NumFields() {
		f := as.Field(i)
		if err := c.add(f.Type); err != nil {
			return nil, c, fmt.Errorf("column %q: %w", f.Name, err)
		}
	}
	return &Schema{ID: id, Payload: payload, Arrow: as, dicts: c.dicts}, c, nil
}

// receivedSchema reads a schema's message as a reader does.
func receivedSchema(id uint32, payload uint16, msg []byte) (*Schema, schemaSize, error) {
	as, size, err := readSchema(msg)
	if err != nil {
		return nil, size, err
	}
	s, _, err := shapeOf(id, payload, as)
	if err != nil {
		return nil, size, ContentErrorf("S-7", "schema", "%v", err)
	}
	for i, d := range s.dicts {
		var v shape
		if err := v.add(d); err != nil {
			return nil, size, ContentErrorf("S-7", "schema", "dictionary %d: %v", i, err)
		}
	}
	return s, size, nil
}

// Schemas holds the schemas that the other side published. Its reader goroutine adds preambles;
// others may look up at the same time. What an epoch may hold is bounded in number and in size
// (S-8, S-18, S-19); nothing is evicted.
type Schemas struct {
	mu   sync.RWMutex
	byID map[uint32]*Schema
	size epochSize
}

// NewSchemas returns an empty table.
func NewSchemas() *Schemas { return &Schemas{byID: make(map[uint32]*Schema)} }

// Add reads a preamble slot. The content is copied. An id that is already there, a gap in the ids,
// or a schema beyond a limit is refused, and leaves what is known as it was.
func (s *Schemas) Add(slot []byte) error {
	payload, id, msg, err := readPreamble(slot)
	if err != nil {
		return err
	}
	sc, size, err := receivedSchema(id, payload, msg)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := uint32(len(s.byID)) + 1; id != want {
		return ContentErrorf("S-6", "schema_id", "%d, expected %d", id, want)
	}
	if err := s.size.check(payload, size); err != nil {
		return err
	}
	s.byID[id] = sc
	s.size.add(payload, size)
	return nil
}

// Lookup returns the schema with the id, or nil.
func (s *Schemas) Lookup(id uint32) *Schema {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

// shape counts the nodes and buffers of columns, and collects the dictionaries' value types in
// depth-first order.
type shape struct {
	nodes, buffers int
	dicts          []arrow.DataType
}

func (c *shape) add(t arrow.DataType) error {
	c.nodes++
	switch t := t.(type) {
	case *arrow.NullType:
	case *arrow.DictionaryType:
		if arrow.IsNested(t.ValueType.ID()) || t.ValueType.ID() == arrow.DICTIONARY {
			return fmt.Errorf("dictionaries of %s are not supported", t.ValueType)
		}
		if !arrow.IsInteger(t.IndexType.ID()) {
			return fmt.Errorf("dictionary keys of type %s are not supported", t.IndexType)
		}
		c.buffers += 2
		c.dicts = append(c.dicts, t.ValueType)
	case *arrow.StringType, *arrow.BinaryType, *arrow.LargeStringType, *arrow.LargeBinaryType:
		c.buffers += 3
	case *arrow.StructType:
		c.buffers++
		for _, f := range t.Fields() {
			if err := c.add(f.Type); err != nil {
				return err
			}
		}
	case *arrow.ListType:
		c.buffers += 2
		return c.add(t.Elem())
	case *arrow.LargeListType:
		c.buffers += 2
		return c.add(t.Elem())
	case *arrow.MapType:
		c.buffers += 2
		return c.add(t.Elem())
	case *arrow.FixedSizeListType:
		if t.Len() < 0 {
			return fmt.Errorf("lists of %d values", t.Len())
		}
		c.buffers++
		return c.add(t.Elem())
	case arrow.FixedWidthDataType: // numbers, bool, time, decimals, fixed-size binary
		if t.BitWidth() < 0 {
			return fmt.Errorf("values of %d bits", t.BitWidth())
		}
		c.buffers += 2
	default:
		return fmt.Errorf("columns of type %s are not supported", t)
	}
	return nil
}
