package otap_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// link is an encoder and the decoder that reads its slots.
type link struct {
	pre *otaptest.Preambles
	enc *otap.LogsEncoder
	dec *otap.LogsDecoder
}

func newLink(o otap.Options) *link {
	p := otaptest.NewPreambles()
	return &link{p, otap.NewLogsEncoder(record.NewRegistry(p), o), otap.NewLogsDecoder(p.Schemas)}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// send encodes all parts and returns their slots.
func (l *link) send(t fataler, ld plog.Logs) [][]byte {
	t.Helper()
	var slots [][]byte
	for from, more := (otap.Cursor{}), true; more; {
		b, err := l.enc.Measure(ctx, &record.Header{CallID: 7, TraceState: "a=b"}, ld, from)
		if err != nil {
			t.Fatalf("measure: %v", err)
		}
		slot := otaptest.Slot(b.Size())
		if err := b.Write(slot); err != nil {
			t.Fatalf("write: %v", err)
		}
		from, more = b.Next()
		b.Release()
		slots = append(slots, slot)
	}
	return slots
}

func (l *link) receive(t fataler, slot []byte) plog.Logs {
	t.Helper()
	var b record.Batch
	if err := b.Read(slot); err != nil {
		t.Fatalf("read the batch: %v", err)
	}
	ld, err := l.dec.Decode(&b)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return ld
}

func TestRoundTripIsExact(t *testing.T) {
	l := newLink(otap.Options{}) // one link: schemas pile up to the superset, memory is reused
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{})
		pruned := otaptest.Clone(ld)
		otaptest.Prune(pruned)
		if otaptest.Diff(ld, pruned) != "" {
			_, err := l.enc.Measure(ctx, &record.Header{}, ld, otap.Cursor{})
			if !errors.Is(err, otap.ErrNoItems) {
				t.Fatalf("got %v, expected ErrNoItems", err)
			}
			ld = pruned
		}
		slots := l.send(t, ld)
		if len(slots) != 1 {
			t.Fatalf("%d parts", len(slots))
		}
		if ld.LogRecordCount() == 0 {
			return
		}
		if d := otaptest.Diff(ld, l.receive(t, slots[0])); d != "" {
			t.Fatalf("%s", d)
		}
	})
}

// Every schema id used up: what no schema fits goes through the superset, and is the same.
func TestSupersetIsExact(t *testing.T) {
	l := newLink(otap.Options{})
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{})
		otaptest.Prune(ld)
		if ld.LogRecordCount() > 0 {
			l.send(t, ld)
		}
	})
	if n := len(l.pre.Contents); n < 64 {
		t.Skipf("only %d schemas came up", n)
	}
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{})
		otaptest.Prune(ld)
		if ld.LogRecordCount() == 0 {
			return
		}
		if d := otaptest.Diff(ld, l.receive(t, l.send(t, ld)[0])); d != "" {
			t.Fatalf("%s", d)
		}
	})
}

func TestSplitKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLink(otap.Options{MaxBytes: rapid.IntRange(5_000, 20_000).Draw(t, "limit")})
		ld := otaptest.Logs(t, otaptest.Options{MaxRecords: 40})
		otaptest.Prune(ld)
		want := flat(ld)
		var got []string
		for from, more := (otap.Cursor{}), true; more; {
			b, err := l.enc.Measure(ctx, &record.Header{}, ld, from)
			if errors.Is(err, otap.ErrTooLarge) {
				return // one record is larger than the limit
			}
			if err != nil {
				t.Fatalf("measure: %v", err)
			}
			slot := otaptest.Slot(b.Size())
			if err := b.Write(slot); err != nil {
				t.Fatalf("write: %v", err)
			}
			from, more = b.Next()
			if b.Items() > 0 {
				got = append(got, flat(l.receive(t, slot))...)
			}
			b.Release()
		}
		if !slices.Equal(want, got) {
			t.Fatalf("want %q\ngot %q", want, got)
		}
	})
}

// flat writes every record with what it belongs to as one text.
func flat(ld plog.Logs) (out []string) {
	for _, one := range apart(ld) {
		b, err := (&plog.ProtoMarshaler{}).MarshalLogs(one)
		if err != nil {
			panic(err)
		}
		out = append(out, string(b))
	}
	return out
}

func TestManyItemsSplitAtTheIDLimit(t *testing.T) {
	l := newLink(otap.Options{MaxBytes: 64 << 20})
	ld := plog.NewLogs()
	lrs := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range otap.MaxIDs + 10 {
		lr := lrs.AppendEmpty()
		lr.Attributes().PutInt(fmt.Sprintf("key-%d", i%70_000), int64(i))
		// more keys than u16 codes, nearly
	}
	slots := l.send(t, ld)
	if len(slots) != 2 {
		t.Fatalf("%d parts, expected 2", len(slots))
	}
	n := 0
	for _, s := range slots {
		scopes := l.receive(t, s).ResourceLogs().At(0).ScopeLogs()
		for _, lr := range scopes.At(0).LogRecords().All() {
			v, ok := lr.Attributes().Get(fmt.Sprintf("key-%d", n%70_000))
			if !ok || v.Int() != int64(n) {
				t.Fatalf("record %d: %v", n, lr.Attributes().AsRaw())
			}
			n++
		}
	}
	if n != lrs.Len() {
		t.Fatalf("%d records, expected %d", n, lrs.Len())
	}
}

// More distinct keys than codes: the key column restarts as plain, and keys never wrap (S-11).
func TestKeyDictionaryOverflow(t *testing.T) {
	for _, keys := range []int{256, 257, 300, 65_536, 65_537, 70_000} {
		l := newLink(otap.Options{MaxBytes: 64 << 20})
		ld := plog.NewLogs()
		lrs := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for i := 0; i < keys; i += 7 {
			m := lrs.AppendEmpty().Attributes()
			for j := i; j < min(i+7, keys); j++ {
				m.PutInt(fmt.Sprintf("key-%d", j), int64(j))
			}
			m.PutInt("key-0", -1)
		}
		if d := otaptest.Diff(ld, l.receive(t, l.send(t, ld)[0])); d != "" {
			t.Fatalf("%d keys: %s", keys, d)
		}
	}
}

func oneLog() (plog.Logs, plog.LogRecord) {
	ld := plog.NewLogs()
	return ld, ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
}

const bad = "a\xff\xfeb"

// badTexts put such a text into one place each.
var badTexts = map[string]struct {
	set  func(plog.Logs, plog.LogRecord)
	path string
}{
	"body": {
		func(_ plog.Logs, lr plog.LogRecord) { lr.Body().SetStr(bad) },
		`resource_logs[0].scope_logs[0].log_records[1].body`,
	},
	"nested": {
		func(_ plog.Logs, lr plog.LogRecord) { lr.Body().SetEmptyMap().PutStr("k", bad) },
		`resource_logs[0].scope_logs[0].log_records[1].body`,
	},
	"key": {
		func(_ plog.Logs, lr plog.LogRecord) { lr.Attributes().PutStr(bad, "") },
		`resource_logs[0].scope_logs[0].log_records[1].attributes["a\xff\xfeb"]`,
	},
	"value": {
		func(_ plog.Logs, lr plog.LogRecord) { lr.Attributes().PutStr("k", bad) },
		`resource_logs[0].scope_logs[0].log_records[1].attributes["k"]`,
	},
	"severity": {
		func(_ plog.Logs, lr plog.LogRecord) { lr.SetSeverityText(bad) },
		`resource_logs[0].scope_logs[0].log_records[1].severity_text`,
	},
	"event": {
		func(_ plog.Logs, lr plog.LogRecord) { lr.SetEventName(bad) },
		`resource_logs[0].scope_logs[0].log_records[1].event_name`,
	},
	"scope": {
		func(ld plog.Logs, _ plog.LogRecord) {
			ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().SetName(bad)
		},
		`resource_logs[0].scope_logs[0].scope.name`,
	},
	"resource": {
		func(ld plog.Logs, _ plog.LogRecord) {
			ld.ResourceLogs().At(0).Resource().Attributes().PutStr("k", bad)
		},
		`resource_logs[0].resource.attributes["k"]`,
	},
	"scopeattr": {func(ld plog.Logs, _ plog.LogRecord) {
		ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().Attributes().PutStr("k", bad)
	}, `resource_logs[0].scope_logs[0].scope.attributes["k"]`},
}

func TestBadTextIsRefusedWithItsPath(t *testing.T) {
	for name, c := range badTexts {
		t.Run(name, func(t *testing.T) {
			ld, _ := oneLog()
			lr := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty()
			lr.Body().SetStr("good ключ") // text that is not ASCII is not bad
			c.set(ld, lr)
			_, err := newLink(otap.Options{}).enc.Measure(ctx, &record.Header{}, ld, otap.Cursor{})
			var pe *otap.PathError
			if !errors.Is(err, otap.ErrText) || !errors.As(err, &pe) || pe.Path != c.path {
				t.Fatalf("got %v, expected ErrText at %s", err, c.path)
			}
			l := newLink(otap.Options{Fidelity: otap.BestEffort})
			b, err := l.enc.Measure(ctx, &record.Header{}, ld, otap.Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Release()
			if n, _ := b.Repaired(); n != 1 {
				t.Fatalf("%d texts repaired, expected 1", n)
			}
			slot := otaptest.Slot(b.Size())
			if err := b.Write(slot); err != nil {
				t.Fatal(err)
			}
			got := l.receive(t, slot)
			raw, _ := (&plog.JSONMarshaler{}).MarshalLogs(got)
			if !strings.Contains(string(raw), "a\uFFFDb") {
				t.Fatalf("not repaired: %s", raw)
			}
		})
	}
}

func TestDepthIsLimited(t *testing.T) {
	for _, depth := range []int{otap.MaxDepth, otap.MaxDepth + 1} {
		ld, lr := oneLog()
		v := lr.Body()
		for range depth {
			v = v.SetEmptySlice().AppendEmpty()
		}
		l := newLink(otap.Options{})
		b, err := l.enc.Measure(ctx, &record.Header{}, ld, otap.Cursor{})
		if depth > otap.MaxDepth {
			if !errors.Is(err, otap.ErrDepth) {
				t.Fatalf("depth %d: %v", depth, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
		if d := otaptest.Diff(ld, l.receive(t, l.send(t, ld)[0])); d != "" {
			t.Fatal(d)
		}
	}
}

func TestEntityRefs(t *testing.T) {
	ld, _ := oneLog()
	entity.ResourceEntityRefs(ld.ResourceLogs().At(0).Resource()).AppendEmpty().SetType("host")
	h := &record.Header{}
	_, err := newLink(otap.Options{}).enc.Measure(ctx, h, ld, otap.Cursor{})
	if !errors.Is(err, otap.ErrEntityRefs) {
		t.Fatalf("strict: %v", err)
	}
	best := newLink(otap.Options{Fidelity: otap.BestEffort})
	b, err := best.enc.Measure(ctx, h, ld, otap.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if _, n := b.Repaired(); n != 1 {
		t.Fatalf("%d references left out, expected 1", n)
	}
}

func TestItemLargerThanTheSlotIsRefused(t *testing.T) {
	ld, lr := oneLog()
	lr.Body().SetStr(strings.Repeat("x", 10_000))
	l := newLink(otap.Options{MaxBytes: 4_096, MaxRecordBytes: 8_192})
	_, err := l.enc.Measure(ctx, &record.Header{}, ld, otap.Cursor{})
	if !errors.Is(err, otap.ErrTooLarge) || !strings.Contains(err.Error(), "limit is 8192") {
		t.Fatalf("got %v", err)
	}
}

// A record that is larger than a part has a part of its own, up to what a slot may hold.
func TestLargeRecordCrossesAlone(t *testing.T) {
	l := newLink(otap.Options{MaxBytes: 8_192, MaxRecordBytes: 1 << 20})
	ld := otaptest.L(20)
	large := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(7)
	large.Body().SetStr(strings.Repeat("x", 500_000))
	var got []string
	var alone bool
	for from, more := (otap.Cursor{}), true; more; {
		b, err := l.enc.Measure(ctx, &record.Header{}, ld, from)
		if err != nil {
			t.Fatal(err)
		}
		if b.Size() > 8_192 {
			alone = b.Items() == 1
		}
		slot := otaptest.Slot(b.Size())
		if err := b.Write(slot); err != nil {
			t.Fatal(err)
		}
		from, more = b.Next()
		got = append(got, flat(l.receive(t, slot))...)
		b.Release()
	}
	if !alone || !slices.Equal(flat(ld), got) {
		t.Fatalf("alone: %v, %d of 20 records came out, or not equal", alone, len(got))
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	l := newLink(otap.Options{})
	ld := otaptest.L(1000)
	lr := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	lr.Attributes().PutDouble("d", math.Pi)
	lr.Attributes().PutBool("f", true)
	lr.Attributes().PutEmptyBytes("x").FromRaw([]byte{1})
	lr.Attributes().PutEmptyMap("m").PutStr("k", "v")
	slot := otaptest.Slot(8 << 20)
	h := &record.Header{CallID: 1}
	n := testing.AllocsPerRun(100, func() {
		b, err := l.enc.Measure(ctx, h, ld, otap.Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Write(slot[:b.Size()]); err != nil {
			t.Fatal(err)
		}
		b.Release()
	})
	if n != 0 {
		t.Fatalf("%v allocations per batch", n)
	}
	pr, err := otap.NewProjection(
		otap.Plan{
			Projectable: true,
			Filters:     true,
			Tables: map[string]otap.TablePlan{
				"logs": {Columns: []string{"severity_number"}},
				"log_attrs": {
					Columns: []string{"key", "value"}, Keys: []string{"http.method", "user.id"},
				},
			},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	n = testing.AllocsPerRun(100, func() {
		b, err := l.enc.MeasureProjected(ctx, h, ld, pr)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Write(slot[:b.Size()]); err != nil {
			t.Fatal(err)
		}
		b.Release()
	})
	if n != 0 {
		t.Fatalf("%v allocations per projected batch", n)
	}
	runtime.KeepAlive(slot)
}

// The bytes of a slot depend on the logs alone: nothing of what was there before crosses.
func TestSlotHoldsNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{})
		otaptest.Prune(ld)
		l := newLink(otap.Options{})
		a := l.send(t, ld)[0]
		b, err := l.enc.Measure(
			ctx, &record.Header{CallID: 7, TraceState: "a=b"}, ld, otap.Cursor{},
		)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		slot := otaptest.Slot(b.Size())
		clear(slot)
		if err := b.Write(slot); err != nil {
			t.Fatal(err)
		}
		if string(a) != string(slot) {
			t.Fatal("bytes differ")
		}
	})
}
