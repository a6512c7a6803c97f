package otap_test

import (
	"errors"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// Guarantees: a projection that sends no values never uses the superset, whose value columns it
// could not fill: the batch crosses whole.
func TestKeysOnlyWithoutASchemaLeft(t *testing.T) {
	enc := otap.NewLogsEncoder(record.NewRegistry(otaptest.NewPreambles()), otap.Options{})
	measure := func(ld plog.Logs, pr *otap.Projection) error {
		var b *otap.LogsBatch
		var err error
		if pr == nil {
			b, err = enc.Measure(t.Context(), &record.Header{}, ld, otap.Cursor{})
		} else {
			b, err = enc.MeasureProjected(t.Context(), &record.Header{}, ld, pr)
		}
		if err != nil {
			return err
		}
		defer b.Release()
		return b.Write(otaptest.Slot(b.Size()))
	}
	// Every set of value types is a schema of its own.
	for mask := 1; mask < record.MaxSchemas; mask++ {
		if err := measure(oneOfEach(mask), nil); err != nil {
			t.Fatal(err)
		}
	}
	pr, err := otap.NewProjection(
		otap.Plan{Projectable: true, Edits: true, Tables: map[string]otap.TablePlan{
			"log_attrs": {Columns: []string{"key"}, Keys: []string{"1", "2"}},
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := measure(oneOfEach(1<<6-1), pr); !errors.Is(err, otap.ErrNotProjectable) {
		t.Errorf("found %v, expected ErrNotProjectable", err)
	}
	if err := measure(oneOfEach(1<<6-1), nil); err != nil {
		t.Errorf("the whole batch: %v", err)
	}
}

// oneOfEach has an attribute of each value type in the mask.
func oneOfEach(mask int) plog.Logs {
	ld := plog.NewLogs()
	scope := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	m := scope.LogRecords().AppendEmpty().Attributes()
	for i := range 6 {
		if mask>>i&1 == 0 {
			continue
		}
		v := m.PutEmpty(fmt.Sprint(i))
		switch i {
		case 0:
			v.SetStr("text")
		case 1:
			v.SetInt(7)
		case 2:
			v.SetDouble(0.5)
		case 3:
			v.SetBool(true)
		case 4:
			v.SetEmptyBytes().FromRaw([]byte{1})
		case 5:
			v.SetEmptyMap().PutInt("n", 1)
		}
	}
	return ld
}

// Guarantees: with best effort a projected batch never holds a key that the original does not have,
// which a difference could not be applied to.
func TestProjectionOfRepairedKeys(t *testing.T) {
	enc := otap.NewLogsEncoder(
		record.NewRegistry(otaptest.NewPreambles()), otap.Options{Fidelity: otap.BestEffort},
	)
	pr, err := otap.NewProjection(otap.Plan{Projectable: true, Edits: true, Tables: values()})
	if err != nil {
		t.Fatal(err)
	}
	ld := plog.NewLogs()
	scope := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	m := scope.LogRecords().AppendEmpty().Attributes()
	m.PutStr("bad\xff", "v")
	_, err = enc.MeasureProjected(t.Context(), &record.Header{}, ld, pr)
	if !errors.Is(err, otap.ErrNotProjectable) {
		t.Errorf("found %v, expected ErrNotProjectable", err)
	}
}
