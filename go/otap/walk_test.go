package otap_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// encode says whether logs can cross in a form, and how much was changed.
func encode(l *link, ld plog.Logs, pr *otap.Projection) (texts, refs, bare int, err error) {
	var b *otap.LogsBatch
	if pr == nil {
		b, err = l.enc.Measure(ctx, &record.Header{}, ld, otap.Cursor{})
	} else {
		b, err = l.enc.MeasureProjected(ctx, &record.Header{}, ld, pr)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	defer b.Release()
	texts, refs = b.Repaired()
	return texts, refs, b.Bare(), nil
}

// Guarantees: a walk finds something exactly where the encoder refuses a batch, in both forms and
// fidelities; and each record that it passes crosses alone, each other one does not.
func TestWalkJudgesLikeTheEncoder(t *testing.T) {
	links := map[otap.Fidelity]*link{}
	for _, f := range []otap.Fidelity{otap.Strict, otap.BestEffort} {
		links[f] = newLink(otap.Options{Fidelity: f})
	}
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{Bad: true})
		f := rapid.SampledFrom([]otap.Fidelity{otap.Strict, otap.BestEffort}).Draw(t, "fidelity")
		var pr *otap.Projection
		if rapid.Bool().Draw(t, "projected") {
			var err error
			if pr, err = otap.NewProjection(plan(t)); err != nil {
				t.Fatal(err)
			}
		}
		w := otap.NewWalk(f, pr)
		w.Logs(ld)
		if w.Items() != ld.LogRecordCount() {
			t.Fatalf("%d items, expected %d", w.Items(), ld.LogRecordCount())
		}
		_, refs, bare, err := encode(links[f], ld, pr)
		n, _ := w.Bare()
		if passes := w.Faults() == 0 &&
			(n == 0 || (f == otap.BestEffort && pr == nil)); passes != (err == nil) {
			t.Fatalf("%d faults, %d containers without items; the encoder: %v", w.Faults(), n, err)
		}
		if _, r := w.Changed(); err == nil && (r != refs || (pr == nil && n != bare)) {
			t.Fatalf(
				"%d references, %d containers; the encoder left out %d and %d", r, n, refs, bare,
			)
		}
		for i, one := range apart(ld) {
			fault := w.Fault(i)
			_, _, _, err := encode(links[f], one, pr)
			if (fault == nil) != (err == nil) {
				t.Fatalf("record %d: %v; the encoder: %v", i, fault, err)
			}
			// Of several faults the encoder may meet another one first.
			if err != nil && errors.Is(fault, otap.ErrNotProjectable) &&
				!errors.Is(err, otap.ErrNotProjectable) {
				t.Fatalf("record %d: %v; the encoder: %v", i, fault, err)
			}
		}
	})
}

// apart gives each record alone, with its containers.
func apart(ld plog.Logs) (out []plog.Logs) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				one := plog.NewLogs()
				r := one.ResourceLogs().AppendEmpty()
				rl.Resource().CopyTo(r.Resource())
				r.SetSchemaUrl(rl.SchemaUrl())
				s := r.ScopeLogs().AppendEmpty()
				sl.Scope().CopyTo(s.Scope())
				s.SetSchemaUrl(sl.SchemaUrl())
				lr.CopyTo(s.LogRecords().AppendEmpty())
				out = append(out, one)
			}
		}
	}
	return out
}

// Guarantees: what a walk mends crosses in strict mode, and is what the encoder makes of it in best
// effort.
func TestMendIsWhatBestEffortDoes(t *testing.T) {
	l := newLink(otap.Options{Fidelity: otap.BestEffort})
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{Bad: true})
		otaptest.Prune(ld)
		if _, _, _, err := encode(l, ld, nil); err != nil || ld.LogRecordCount() == 0 {
			return // too deep
		}
		mended := otaptest.Clone(ld)
		w := otap.Mend()
		w.Logs(mended)
		before := otap.NewWalk(otap.BestEffort, nil)
		before.Logs(ld)
		if a, _ := before.Changed(); a != first(w.Changed()) {
			t.Fatalf("%d texts were found, %d were mended", a, first(w.Changed()))
		}
		after := otap.NewWalk(otap.BestEffort, nil)
		after.Logs(mended)
		if n, _ := after.Changed(); n > 0 {
			t.Fatalf("%d texts are bad after they were mended", n)
		}
		if d := otaptest.Diff(mended, l.receive(t, l.send(t, ld)[0])); d != "" {
			t.Fatal(d)
		}
	})
}

func first(a, _ int) int { return a }

// Guarantees: places are written out for the first few, and keys in them have a limit.
func TestWalkNamesAFew(t *testing.T) {
	ld := plog.NewLogs()
	lrs := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range 15 {
		lrs.AppendEmpty().Attributes().PutStr(strings.Repeat("k", 10_000)+"\xff", "")
		ld.ResourceLogs().AppendEmpty()
	}
	w := otap.NewWalk(otap.Strict, nil)
	w.Logs(ld)
	for i := range 15 {
		want := ""
		if i < 10 {
			want = fmt.Sprintf(
				`resource_logs[0].scope_logs[0].log_records[%d].attributes["%s"...]`, i,
				strings.Repeat("k", 64),
			)
		}
		if got := w.Fault(i); got == nil || got.Path != want || !errors.Is(got, otap.ErrText) {
			t.Fatalf("record %d: %v", i, got)
		}
	}
	if n, places := w.Bare(); n != 15 || len(places) != 10 ||
		places[9].Path != "resource_logs[10]" {
		t.Fatalf("%d containers without items: %v", n, places)
	}
}
