package record_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"go.uber.org/goleak"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ints() (*arrow.Schema, error) {
	return arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil), nil
}

// counting is a publisher that counts, and fails when told to.
type counting struct {
	n    atomic.Int64
	fail atomic.Bool
	next record.Publisher
}

func (c *counting) PublishPreamble(ctx context.Context, b []byte) error {
	if c.fail.Load() {
		return errors.New("ring is full")
	}
	c.n.Add(1)
	return c.next.PublishPreamble(ctx, b)
}

func TestSchemaIsPublishedOnce(t *testing.T) {
	pub := &counting{next: otaptest.NewPreambles()}
	r := record.NewRegistry(pub)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				s, err := r.Get(
					context.Background(),
					record.Key{Payload: 30, Columns: uint64((i + g) % 20)},
					false,
					ints,
				)
				if err != nil || s == nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := pub.n.Load(); n != 20 {
		t.Fatalf("%d preambles, expected 20", n)
	}
}

func TestLastIDIsForTheSuperset(t *testing.T) {
	p := otaptest.NewPreambles()
	r := record.NewRegistry(p)
	get := func(payload uint16, col uint64, super bool) error {
		_, err := r.Get(context.Background(), record.Key{Payload: payload, Columns: col}, super, ints)
		return err
	}
	for i := range uint64(record.MaxSchemas - 1) {
		if err := get(30, i, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := get(30, 1000, false); !errors.Is(err, record.ErrSchemasFull) {
		t.Fatalf("got %v", err)
	}
	if err := get(30, 1001, true); err != nil {
		t.Fatal(err)
	}
	if err := get(30, 1002, true); !errors.Is(err, record.ErrSchemasFull) {
		t.Fatalf("got %v", err)
	}
	if err := get(31, 1000, false); err != nil { // another payload has ids of its own
		t.Fatal(err)
	}
	if s := p.Schemas.Lookup(record.MaxSchemas + 1); s == nil || s.Payload != 31 {
		t.Fatalf("ids have a gap: %v", s)
	}
}

func TestFailedPublishUsesNoID(t *testing.T) {
	pub := &counting{next: otaptest.NewPreambles()}
	r := record.NewRegistry(pub)
	pub.fail.Store(true)
	if _, err := r.Get(context.Background(), record.Key{Payload: 1}, false, ints); err == nil {
		t.Fatal("no error")
	}
	pub.fail.Store(false)
	s, err := r.Get(context.Background(), record.Key{Payload: 1}, false, ints)
	if err != nil || s.ID != 1 {
		t.Fatalf("schema %v, %v", s, err)
	}
}

func TestSchemasRefuse(t *testing.T) {
	_, p := telemetry(t)
	fresh := func() *record.Schemas { return record.NewSchemas() }
	change := func(at int, to byte) []byte {
		b := slotOf(p.Contents[0])
		b[at] = to
		return b
	}
	cases := map[string]func() error{
		"twice": func() error {
			s := fresh()
			return errors.Join(first(s.Add(p.Contents[0])), s.Add(p.Contents[0]))
		},
		"gap":      func() error { return fresh().Add(p.Contents[1]) },
		"magic":    func() error { return fresh().Add(change(0, 0)) },
		"reserved": func() error { return fresh().Add(change(20, 1)) },
		"length":   func() error { return fresh().Add(change(12, 1)) },
		"short":    func() error { return fresh().Add(p.Contents[0][:63]) },
		"empty":    func() error { return fresh().Add(nil) },
	}
	for name, f := range cases {
		if err := f(); !errors.Is(err, record.ErrContent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// first fails loudly when what has to work does not.
func first(err error) error {
	if err != nil {
		panic(fmt.Sprintf("the first Add failed: %v", err))
	}
	return nil
}
