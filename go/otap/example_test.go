package otap_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// Logs become the records of a slot: measured, then written straight into it.
func ExampleLogsEncoder() {
	logs := plog.NewLogs()
	scope := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.LogRecords().AppendEmpty().Body().SetStr("hello")

	preambles := otaptest.NewPreambles() // a link's producer publishes them
	encoder := otap.NewLogsEncoder(record.NewRegistry(preambles), otap.Options{})
	batch, err := encoder.Measure(context.Background(), &record.Header{}, logs, otap.Cursor{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer batch.Release()
	slot := otaptest.Slot(batch.Size())
	if err := batch.Write(slot); err != nil {
		fmt.Println(err)
		return
	}

	var read record.Batch
	if err := read.Read(slot); err != nil {
		fmt.Println(err)
		return
	}
	back, err := otap.NewLogsDecoder(preambles.Schemas).Decode(&read)
	fmt.Println(batch.Items(), otaptest.Diff(logs, back) == "", err)
	// Output: 1 true <nil>
}
