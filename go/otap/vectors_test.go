package otap_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// The difference that the Rust side wrote is accepted, and does what its description says.
func TestDifferenceVector(t *testing.T) {
	dir := "../../dataplane/records/vectors"
	raw, err := os.ReadFile(filepath.Join(dir, "rust-difference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Difference struct {
			Items, Resources, Scopes int
			Stays                    []int
		}
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	bin, err := os.ReadFile(filepath.Join(dir, "rust-difference.bin"))
	if err != nil {
		t.Fatal(err)
	}
	slot := otaptest.Slot(len(bin))
	copy(slot, bin)
	var b record.Batch
	if err := b.Read(slot); err != nil || b.Encoding != record.EncodingDifference {
		t.Fatalf("encoding %d, %v", b.Encoding, err)
	}
	ld := logsOf(d.Difference.Items, d.Difference.Resources, d.Difference.Scopes)
	lrs := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	if err := otap.ApplyDifference(ld, b.Payload()); err != nil {
		t.Fatal(err)
	}
	if lrs.Len() != len(d.Difference.Stays) {
		t.Fatalf("%d records stay, expected %d", lrs.Len(), len(d.Difference.Stays))
	}
	if _, ok := ld.ResourceLogs().At(0).Resource().Attributes().Get("host.name"); ok {
		t.Error("host.name was not deleted")
	}
	for i, want := range d.Difference.Stays {
		lr := lrs.At(i)
		if int(lr.Flags()) != want {
			t.Fatalf("record %d is number %d of the batch, expected %d", i, lr.Flags(), want)
		}
		v, ok := lr.Attributes().Get("enduser.id")
		if !ok || v.Str() != "u" || lr.SeverityNumber() != 17 {
			t.Errorf(
				"record %d: %v, severity %d", want, lr.Attributes().AsRaw(), lr.SeverityNumber(),
			)
		}
		if (lr.EventName() == "login") != (want == 9) ||
			(lr.SeverityText() == "ERROR") != (want == 8) {
			t.Errorf(
				"record %d: event %q, severity text %q", want, lr.EventName(), lr.SeverityText(),
			)
		}
	}
}

// logsOf makes logs with as many owners; every record tells its ordinal.
func logsOf(items, resources, scopes int) plog.Logs {
	ld := plog.NewLogs()
	for range resources {
		ld.ResourceLogs().AppendEmpty().Resource().Attributes().PutStr("host.name", "h")
	}
	for i := range scopes {
		ld.ResourceLogs().At(i % resources).ScopeLogs().AppendEmpty()
	}
	lrs := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for i := range items {
		lr := lrs.AppendEmpty()
		lr.SetFlags(plog.LogRecordFlags(i))
		lr.Attributes().PutStr("user.id", "u")
	}
	return ld
}

// Differences that both languages refuse, with the kind of error that their descriptions name.
func TestRefusedDifferences(t *testing.T) {
	files, err := filepath.Glob("../../dataplane/records/vectors/refused-differences/*.bin")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(strings.TrimSuffix(f, ".bin") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Kind                     string
			Items, Resources, Scopes int
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		payload, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		kind := map[string]error{"content": record.ErrContent, "value": record.ErrValue}[d.Kind]
		cases := map[string][]byte{filepath.Base(f): payload}
		refuses(t, logsOf(d.Items, d.Resources, d.Scopes), kind, cases)
	}
}
