package record_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// fields makes the fields of a schema by hand, as no library would.
type fields func(b *flatbuffers.Builder) []flatbuffers.UOffsetT

// field is a field of bytes, or of a struct of one child.
func field(b *flatbuffers.Builder, name, child flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	const binaryType, structType = 4, 13
	kind := byte(binaryType)
	b.StartObject(0)
	typ := b.EndObject()
	var children flatbuffers.UOffsetT
	if child != 0 {
		kind = structType
		b.StartVector(4, 1, 4)
		b.PrependUOffsetT(child)
		children = b.EndVector(1)
	}
	b.StartObject(7)
	b.PrependUOffsetTSlot(0, name, 0)
	b.PrependByteSlot(2, kind, 0)
	b.PrependUOffsetTSlot(3, typ, 0)
	b.PrependUOffsetTSlot(5, children, 0)
	return b.EndObject()
}

// handmade returns a preamble with such fields.
func handmade(id uint32, payload uint16, f fields) []byte {
	b := flatbuffers.NewBuilder(1 << 16)
	list := f(b)
	b.StartVector(4, len(list), 4)
	for i := len(list) - 1; i >= 0; i-- {
		b.PrependUOffsetT(list[i])
	}
	v := b.EndVector(len(list))
	b.StartObject(4)
	b.PrependUOffsetTSlot(1, v, 0)
	schema := b.EndObject()
	b.StartObject(5)
	b.PrependInt16Slot(0, 4, 0)
	b.PrependByteSlot(1, 1, 0)
	b.PrependUOffsetTSlot(2, schema, 0)
	b.Finish(b.EndObject())
	fb := b.FinishedBytes()
	out := make([]byte, 64+(8+len(fb)+63)/64*64)
	le := binary.LittleEndian
	copy(out, "SSC1")
	le.PutUint16(out[4:], payload)
	le.PutUint32(out[8:], id)
	le.PutUint32(out[12:], uint32(len(out)-64))
	le.PutUint32(out[64:], math.MaxUint32)
	le.PutUint32(out[68:], uint32(len(out)-72))
	copy(out[72:], fb)
	return out
}

// named are fields that each have a name of their own, of 4 bytes and more.
func named(count, more int) fields {
	return func(b *flatbuffers.Builder) (out []flatbuffers.UOffsetT) {
		for i := range count {
			name := b.CreateString(fmt.Sprintf("%04d", i) + strings.Repeat("n", more))
			out = append(out, field(b, name, 0))
		}
		return out
	}
}

// sharedNames are fields whose one name is there once.
func sharedNames(count, length int) fields {
	return func(b *flatbuffers.Builder) (out []flatbuffers.UOffsetT) {
		name := b.CreateString(strings.Repeat("n", length))
		for range count {
			out = append(out, field(b, name, 0))
		}
		return out
	}
}

func nested(levels int) fields {
	return func(b *flatbuffers.Builder) []flatbuffers.UOffsetT {
		var child flatbuffers.UOffsetT
		for range levels {
			child = field(b, 0, child)
		}
		return []flatbuffers.UOffsetT{child}
	}
}

// kept returns the bytes that stay allocated when the preambles have been added, and the first
// error.
func kept(t *testing.T, preambles ...[]byte) (uint64, error) {
	t.Helper()
	var before, after runtime.MemStats
	s := record.NewSchemas()
	runtime.GC()
	runtime.ReadMemStats(&before)
	var first error
	for _, p := range preambles {
		if err := s.Add(p); err != nil && first == nil {
			first = err
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(s)
	runtime.KeepAlive(preambles)
	return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc), first
}

// What is kept of schemas is a small multiple of their bytes, whatever they are made of (S-18), and
// bounded for an epoch (S-19).
func TestWhatIsKeptOfSchemasIsBounded(t *testing.T) {
	n, err := kept(t, handmade(1, 0, sharedNames(4000, 400_000)))
	if !errors.Is(err, record.ErrContent) || n > 256<<10 {
		t.Errorf("shared names: %d bytes are kept, %v", n, err)
	}
	for _, more := range []int{0, 180} {
		p := handmade(1, 0, named(record.MaxFields, more))
		if n, err := kept(t, p); err != nil || n > 8*uint64(len(p)) {
			t.Errorf("names of %d bytes: %d bytes are kept of %d, %v", 4+more, n, len(p), err)
		}
	}
	for more, want := range map[int]string{0: "fields and metadata entries", 180: "bytes"} {
		var all [][]byte
		for id := uint32(1); id <= 40; id++ {
			all = append(all, handmade(id, uint16(id), named(record.MaxFields, more)))
		}
		n, err := kept(t, all...)
		if !errors.Is(err, record.ErrContent) || !strings.Contains(err.Error(), want) || n > 64<<20 {
			t.Errorf("epoch with names of %d: %d bytes are kept, %v", 4+more, n, err)
		}
	}
}

func TestSchemasEndAtTheirLimits(t *testing.T) {
	add := func(f fields) error { return record.NewSchemas().Add(handmade(1, 0, f)) }
	for name, c := range map[string]struct {
		f  fields
		ok bool
	}{
		"deepest":  {nested(record.MaxDepth), true},
		"too deep": {nested(record.MaxDepth + 1), false},
		"widest":   {named(record.MaxFields, 0), true},
		"too wide": {named(record.MaxFields+1, 0), false},
		"too long": {named(1, record.MaxPreamble), false},
	} {
		if err := add(c.f); (err == nil) != c.ok || (err != nil && !errors.Is(err, record.ErrContent)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := record.NewSchemas()
	for i := range uint32(record.MaxPayloads) {
		if err := s.Add(handmade(i+1, uint16(i), named(1, 0))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(handmade(65, 1000, named(1, 0))); !errors.Is(err, record.ErrContent) {
		t.Errorf("65th payload: %v", err)
	}
	if err := s.Add(handmade(65, 7, named(2, 0))); err != nil {
		t.Errorf("second schema of a payload: %v", err)
	}
}

// A writer never publishes what a reader refuses: it says that there is no room.
func TestRegistryStaysWithinTheLimits(t *testing.T) {
	p := otaptest.NewPreambles()
	r := record.NewRegistry(p)
	get := func(payload uint16, build func() (*arrow.Schema, error)) error {
		_, err := r.Get(context.Background(), record.Key{Payload: payload}, true, build)
		return err
	}
	for i := range uint16(record.MaxPayloads) {
		if err := get(i, ints); err != nil {
			t.Fatal(err)
		}
	}
	if err := get(1000, ints); !errors.Is(err, record.ErrSchemasFull) {
		t.Errorf("65th payload: %v", err)
	}
	r = record.NewRegistry(otaptest.NewPreambles())
	tooWide := func() (*arrow.Schema, error) {
		f := make([]arrow.Field, record.MaxFields+1)
		for i := range f {
			f[i] = arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int8}
		}
		return arrow.NewSchema(f, nil), nil
	}
	if err := get(0, tooWide); !errors.Is(err, record.ErrLimit) || errors.Is(err, record.ErrContent) {
		t.Errorf("too many fields: %v", err)
	}
}

// Vectors that both languages refuse, with the kind of error that their descriptions name.
func TestRefusedVectors(t *testing.T) {
	files, err := filepath.Glob(vectors + "/refused/*.bin")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(strings.TrimSuffix(f, ".bin") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Reads, Kind string
			Preambles   []string
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]error{"content": record.ErrContent, "value": record.ErrValue}[d.Kind]
		if got := refusal(t, slotOf(data), d.Reads, d.Preambles); want == nil || !errors.Is(got, want) {
			t.Errorf("%s: got %v, expected %v", filepath.Base(f), got, want)
		}
	}
}

func refusal(t *testing.T, data []byte, reads string, preambles []string) error {
	t.Helper()
	schemas := record.NewSchemas()
	if reads == "preamble" {
		return schemas.Add(data)
	}
	for _, p := range preambles {
		raw, err := hex.DecodeString(p)
		if err == nil {
			err = schemas.Add(slotOf(raw))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var b record.Batch
	if err := b.Read(data); err != nil {
		return err
	}
	_, err := new(record.Loader).Load(&b, schemas)
	return err
}

// Whoever gets an error still has the lease; whoever gets record batches has given it away.
func TestLeaseAfterAnError(t *testing.T) {
	text := func(value string) (*record.Batch, error) {
		b := array.NewRecordBuilder(memory.DefaultAllocator,
			arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.BinaryTypes.String}}, nil))
		defer b.Release()
		b.Field(0).(*array.StringBuilder).Append(value)
		rec := b.NewRecordBatch()
		defer rec.Release()
		slot := otaptest.Slot(1 << 12)
		n, err := record.WriteRecord(slot, &record.Header{}, rec)
		if err != nil {
			return nil, err
		}
		batch := new(record.Batch)
		return batch, batch.Read(slot[:n])
	}
	read := func(value string, trusted bool) (int, error) {
		b, err := text(value)
		if err != nil {
			t.Fatal(err)
		}
		var lease leases
		loader := record.Loader{Trusted: trusted}
		recs, err := loader.Records(b, record.NewSchemas(), &lease)
		for _, r := range recs {
			r.Release()
		}
		return lease.n, err
	}
	if n, err := read("\xff", false); n != 0 || !errors.Is(err, record.ErrValue) {
		t.Errorf("not UTF-8: released %d times, %v", n, err)
	}
	for value, trusted := range map[string]bool{"été": false, "\xff": true} {
		if n, err := read(value, trusted); n != 1 || err != nil {
			t.Errorf("%q, trusted %v: released %d times, %v", value, trusted, n, err)
		}
	}
}

// Sizes that would wrap, or be cut when they are written, are refused.
func TestSizesThatDoNotFit(t *testing.T) {
	for _, n := range []int{-1, math.MaxInt, math.MaxInt - 50, math.MaxInt32 + 1} {
		if got, err := record.PayloadSize(&record.Header{}, n); !errors.Is(err, record.ErrLimit) {
			t.Errorf("a payload of %d: size %d, %v", n, got, err)
		}
	}
	r := record.NewRegistry(otaptest.NewPreambles())
	s, err := r.Get(context.Background(), record.Key{}, false, ints)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(p *record.Plan){
		"rows":          func(p *record.Plan) { p.Message(s, -1, 1<<32) },
		"negative rows": func(p *record.Plan) { p.Message(s, -1, -1) },
		"values":        func(p *record.Plan) { p.Message(s, -1, 1); p.Node(math.MaxInt, 0) },
		"nulls":         func(p *record.Plan) { p.Message(s, -1, 1); p.Node(1, -1) },
		"a buffer": func(p *record.Plan) {
			p.Message(s, -1, 1)
			p.Node(1, 0)
			p.Buffer(math.MaxInt)
		},
		"negative": func(p *record.Plan) { p.Message(s, -1, 1); p.Node(1, 0); p.Buffer(-64) },
		"buffers in sum": func(p *record.Plan) {
			p.Message(s, -1, 1)
			for range 1 << 10 {
				p.Buffer(math.MaxInt32)
			}
		},
	} {
		var p record.Plan
		if err := p.Reset(&record.Header{}); err != nil {
			t.Fatal(err)
		}
		f(&p)
		if n, err := p.Size(); !errors.Is(err, record.ErrLimit) {
			t.Errorf("%s: size %d, %v", name, n, err)
		}
	}
	for _, n := range []int{-1, 2, 1<<61 + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d values of 8 bytes out of a buffer of 8", n)
				}
			}()
			_ = record.Fixed[uint64](make([]byte, 8), n)
		}()
	}
}
