package record_test

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// header draws any header that the format can carry.
func header(t *rapid.T) record.Header {
	h := record.Header{
		Flags:      rapid.Uint16Range(0, 3).Draw(t, "flags"),
		Signal:     record.Signal(rapid.Uint8Range(0, 4).Draw(t, "signal")),
		Encoding:   record.Encoding(rapid.SampledFrom([]uint8{2, 4}).Draw(t, "encoding")),
		Items:      rapid.Uint32().Draw(t, "items"),
		CallID:     rapid.Uint64().Draw(t, "call"),
		DeadlineNS: rapid.Uint64().Draw(t, "deadline"),
		TraceID:    [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "trace")),
		SpanID:     [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "span")),
		TraceFlags: rapid.Byte().Draw(t, "trace flags"),
		TraceState: rapid.StringN(0, 50, record.MaxTraceState).Draw(t, "state"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "keys") {
		m := record.MetadataEntry{Key: rapid.String().Draw(t, "key")}
		for range rapid.IntRange(0, 3).Draw(t, "values") {
			m.Values = append(m.Values, rapid.String().Draw(t, "value"))
		}
		h.Metadata = append(h.Metadata, m)
	}
	return h
}

func TestHeaderRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := header(t)
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		n, err := record.PayloadSize(&h, len(body))
		if err != nil {
			t.Fatal(err)
		}
		slot := otaptest.Slot(n)
		p, used, err := record.WritePayload(slot, &h, len(body))
		if err != nil || used != n {
			t.Fatalf("%d bytes of %d, %v", used, n, err)
		}
		copy(p, body)
		var b record.Batch
		if err := b.Read(slot); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(b.Header, h) || string(b.Payload()) != string(body) {
			t.Fatalf("want %+v\ngot %+v", h, b.Header)
		}
	})
}

func TestHeaderLimits(t *testing.T) {
	many := make([]record.MetadataEntry, record.MaxMetadataKeys+1)
	for name, h := range map[string]record.Header{
		"tracestate": {TraceState: strings.Repeat("x", record.MaxTraceState+1)},
		"keys":       {Metadata: many},
		"key length": {Metadata: []record.MetadataEntry{{Key: strings.Repeat("x", 1<<16)}}},
	} {
		if _, err := record.PayloadSize(&h, 1); !errors.Is(err, record.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := record.WritePayload(otaptest.Slot(100), &record.Header{Encoding: 2}, 10)
	if !errors.Is(err, record.ErrSlotTooSmall) {
		t.Errorf("small slot: %v", err)
	}
}

// Every field of a header that is wrong is refused, and named.
func TestBadHeaderIsNamed(t *testing.T) {
	good, _ := telemetry(t)
	le := binary.LittleEndian
	table := int(le.Uint32(good[72:]))
	for _, c := range []struct {
		name string
		set  func(b []byte)
		want string
	}{
		{"magic", func(b []byte) { b[0] = 0 }, "magic"},
		{"version", func(b []byte) { b[4] = 2 }, "version"},
		{"flags", func(b []byte) { b[6] = 4 }, "flags"},
		{"signal", func(b []byte) { b[8] = 5 }, "signal"},
		{"encoding", func(b []byte) { b[9] = 5 }, "encoding"},
		{"reserved", func(b []byte) { b[10] = 1 }, "reserved"},
		{"reserved end", func(b []byte) { b[95] = 1 }, "reserved"},
		{"tracestate", func(b []byte) { le.PutUint16(b[58:], record.MaxTraceState+1) }, "tracestate_len"},
		{"variable", func(b []byte) { le.PutUint32(b[60:], 1<<31) }, "variable_len"},
		{"variable short", func(b []byte) { le.PutUint32(b[60:], 5) }, "client metadata"},
		{"metadata", func(b []byte) { le.PutUint32(b[64:], 2000) }, "metadata_count"},
		{"records", func(b []byte) { le.PutUint32(b[68:], 5000) }, "record table"},
		{"table", func(b []byte) { le.PutUint32(b[72:], 97) }, "record table"},
		{"payload", func(b []byte) { le.PutUint32(b[76:], 64) }, "payload"},
		{"total", func(b []byte) { le.PutUint32(b[84:], 1) }, "total_len"},
		{"entry kind", func(b []byte) { b[table+2] = 9 }, "record table entry 0"},
		{"entry reserved", func(b []byte) { b[table+3] = 1 }, "record table entry 0"},
		{"entry offset", func(b []byte) { le.PutUint32(b[table+16:], 65) }, "record table entry 0"},
		{"entry body", func(b []byte) { le.PutUint32(b[table+24:], 1<<31) }, "record table entry 0"},
	} {
		b := slotOf(good)
		c.set(b)
		var batch record.Batch
		err := batch.Read(b)
		if !errors.Is(err, record.ErrContent) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, expected it to name %q", c.name, err, c.want)
		}
	}
}
