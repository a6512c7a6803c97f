package record_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// Vectors are slots that one language wrote and both read; dataplane/records/vectors/README.md says
// what their descriptions mean.

const vectors = "../../dataplane/records/vectors"

var update = flag.Bool("update", false, "write the go-* vectors anew")

type description struct {
	Comment    string           `json:"comment"`
	Header     map[string]any   `json:"header"`
	Tracestate string           `json:"tracestate"`
	Metadata   []any            `json:"metadata"`
	Preambles  []string         `json:"preambles"`
	Batches    []map[string]any `json:"batches"`
	Payload    *string          `json:"payload,omitempty"`
	Difference *map[string]any  `json:"difference,omitempty"`
}

// describe reads a slot and says what is in it, without the difference.
func describe(t *testing.T, slot []byte, preambles [][]byte) description {
	t.Helper()
	schemas := record.NewSchemas()
	d := description{Metadata: []any{}, Preambles: []string{}, Batches: []map[string]any{}}
	for _, p := range preambles {
		if err := schemas.Add(slotOf(p)); err != nil {
			t.Fatalf("preamble: %v", err)
		}
		d.Preambles = append(d.Preambles, hex.EncodeToString(p))
	}
	var b record.Batch
	if err := b.Read(slot); err != nil {
		t.Fatal(err)
	}
	d.Header = map[string]any{
		"signal": float64(b.Signal), "encoding": float64(b.Encoding), "items": float64(b.Items),
		"trace_flags": float64(b.TraceFlags),
		"remote":      b.Flags&record.FlagRemote != 0, "projected": b.Flags&record.FlagProjected != 0,
		"call_id": strconv.FormatUint(b.CallID, 10), "deadline_ns": strconv.FormatUint(b.DeadlineNS, 10),
		"trace_id": hex.EncodeToString(b.TraceID[:]), "span_id": hex.EncodeToString(b.SpanID[:]),
	}
	d.Tracestate = b.TraceState
	for _, m := range b.Metadata {
		values := []any{}
		for _, v := range m.Values {
			values = append(values, v)
		}
		d.Metadata = append(d.Metadata, []any{m.Key, values})
	}
	if b.Encoding == record.EncodingOTLP {
		s := hex.EncodeToString(b.Payload())
		d.Payload = &s
	}
	tables, err := new(record.Loader).Load(&b, schemas)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tables {
		tb := &tables[i]
		cols := map[string]any{}
		for j := range tb.Columns {
			cells := []any{}
			for r := range tb.Rows {
				cells = append(cells, cell(t, &tb.Columns[j], r))
			}
			cols[tb.Columns[j].Name] = cells
		}
		d.Batches = append(
			d.Batches,
			map[string]any{"payload": float64(tb.Payload), "rows": float64(tb.Rows), "columns": cols},
		)
	}
	return d
}

// cell returns the value of a row as a description has it.
func cell(t *testing.T, c *record.Column, i int) any {
	t.Helper()
	le := binary.LittleEndian
	if c.Type.ID() == arrow.NULL || !c.Valid(i) {
		return nil
	}
	if c.Dictionary != nil {
		w := c.Type.(*arrow.DictionaryType).IndexType.(arrow.FixedWidthDataType).Bytes()
		return cell(t, c.Dictionary, int(c.Key(i, w)))
	}
	span := func(width int) (from, to int) {
		if width == 4 {
			return int(le.Uint32(c.Offsets[4*i:])), int(le.Uint32(c.Offsets[4*i+4:]))
		}
		return int(le.Uint64(c.Offsets[8*i:])), int(le.Uint64(c.Offsets[8*i+8:]))
	}
	list := func(from, to int) any {
		out := []any{}
		for k := from; k < to; k++ {
			out = append(out, cell(t, &c.Children[0], k))
		}
		return out
	}
	switch ty := c.Type.(type) {
	case *arrow.StringType, *arrow.LargeStringType, *arrow.BinaryType, *arrow.LargeBinaryType:
		width := 4
		if ty.ID() == arrow.LARGE_STRING || ty.ID() == arrow.LARGE_BINARY {
			width = 8
		}
		from, to := span(width)
		if ty.ID() == arrow.BINARY || ty.ID() == arrow.LARGE_BINARY {
			return hex.EncodeToString(c.Values[from:to])
		}
		return string(c.Values[from:to])
	case *arrow.StructType:
		out := map[string]any{}
		for k := range c.Children {
			out[c.Children[k].Name] = cell(t, &c.Children[k], i)
		}
		return out
	case *arrow.ListType, *arrow.MapType:
		return list(span(4))
	case *arrow.LargeListType:
		return list(span(8))
	case *arrow.FixedSizeListType:
		return list(i*int(ty.Len()), (i+1)*int(ty.Len()))
	case *arrow.BooleanType:
		return strconv.FormatBool(c.Values[i>>3]>>(i&7)&1 != 0)
	case *arrow.FixedSizeBinaryType:
		return hex.EncodeToString(c.Values[i*ty.ByteWidth : (i+1)*ty.ByteWidth])
	case arrow.FixedWidthDataType:
		return number(ty, c.Values[i*ty.Bytes():(i+1)*ty.Bytes()])
	}
	t.Fatalf("column of type %s", c.Type)
	return nil
}

func number(ty arrow.FixedWidthDataType, b []byte) string {
	var raw [8]byte
	copy(raw[:], b)
	u := binary.LittleEndian.Uint64(raw[:])
	switch {
	case ty.ID() == arrow.FLOAT32:
		return fmt.Sprintf("%016x", math.Float64bits(float64(math.Float32frombits(uint32(u)))))
	case ty.ID() == arrow.FLOAT64:
		return fmt.Sprintf("%016x", u)
	case arrow.IsUnsignedInteger(ty.ID()):
		return strconv.FormatUint(u, 10)
	}
	shift := 64 - 8*len(b)
	return strconv.FormatInt(int64(u<<shift)>>shift, 10)
}

func TestVectorsOfBothLanguagesAreRead(t *testing.T) {
	files, err := filepath.Glob(vectors + "/*.bin")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			raw, err := os.ReadFile(strings.TrimSuffix(f, ".bin") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var want description
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			slot, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var preambles [][]byte
			for _, p := range want.Preambles {
				b, err := hex.DecodeString(p)
				if err != nil {
					t.Fatal(err)
				}
				preambles = append(preambles, b)
			}
			got := describe(t, slotOf(slot), preambles)
			got.Comment, got.Difference = want.Comment, want.Difference // go/otap reads differences
			if !reflect.DeepEqual(normal(t, got), normal(t, want)) {
				g, _ := json.MarshalIndent(got, "", " ")
				t.Fatalf("got %s\nwant %s", g, raw)
			}
		})
	}
}

// normal gives both sides the same Go types.
func normal(t *testing.T, d description) (out map[string]any) {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"preambles", "metadata", "batches"} { // absent is none
		if l, ok := out[k].([]any); out[k] == nil || (ok && len(l) == 0) {
			delete(out, k)
		}
	}
	return out
}

func TestOwnVectorsAreUpToDate(t *testing.T) {
	p := otaptest.NewPreambles()
	h := &record.Header{
		Flags:      record.FlagRemote,
		CallID:     1 << 48,
		DeadlineNS: 12345,
		TraceID:    [16]byte{1, 2},
		SpanID:     [8]byte{3},
		TraceFlags: 1,
		TraceState: "vendor=1",
		Metadata:   []record.MetadataEntry{{Key: "tenant", Values: []string{"a", "", "b"}}, {Key: ""}},
	}
	ld := otaptest.L(4)
	lr := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1)
	lr.Body().SetEmptyMap().PutStr("ключ", "値")
	lr.SetTimestamp(math.MaxUint64)
	lr.Attributes().PutEmpty("empty")
	lr.Attributes().PutDouble("double", math.Copysign(0, -1))
	lr.Attributes().PutBool("bool", true)
	lr.Attributes().PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
	lr.Attributes().PutEmptySlice("slice").AppendEmpty().SetInt(-1)
	b, err := otap.NewLogsEncoder(record.NewRegistry(p), otap.Options{}).
		Measure(context.Background(), h, ld, otap.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	slot := otaptest.Slot(b.Size())
	if err := b.Write(slot); err != nil {
		t.Fatal(err)
	}
	d := describe(t, slot, p.Contents)
	d.Comment = "logs with every kind of value, in two resources"
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	bin, js := filepath.Join(vectors, "go-logs.bin"), filepath.Join(vectors, "go-logs.json")
	if *update {
		for f, b := range map[string][]byte{bin: slot, js: text} {
			if err := os.WriteFile(f, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for f, want := range map[string][]byte{bin: slot, js: text} {
		if got, err := os.ReadFile(f); err != nil || string(got) != string(want) {
			t.Errorf(
				"%s differs from what this side writes (%v): "+
					"run go test ./record -run OwnVectors -update and look at what changed",
				f,
				err,
			)
		}
	}
}
