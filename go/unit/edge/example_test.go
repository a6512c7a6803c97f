package edge_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/unit/edge"
)

// A batch goes into a slot by one edge and comes out of one by another.
func Example() {
	in, err := edge.NewIn(edge.Traces, edge.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, link := context.Background(), edge.Link{MaxBytes: 1 << 20}
	d := ptrace.NewTraces()
	d.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("GET")
	packed, err := in.Crossings()[0].Pack(ctx, in.On(link), &record.Header{}, d, edge.Position{})
	if err != nil {
		fmt.Println(err)
		return
	}
	slot := make([]byte, packed.Size())
	err = packed.Write(slot)
	packed.Release()

	var b record.Batch
	if err == nil {
		err = b.Read(slot)
	}
	out := edge.NewOut(edge.Traces, 0, false, func(_ context.Context, d ptrace.Traces) error {
		fmt.Println("came out:", d.SpanCount(), "span")
		return nil
	})
	if err == nil {
		d, err = out.On(link).Open(&b)
	}
	if err == nil {
		err = out.Consume(ctx, d)
	}
	fmt.Println(err)
	// Output:
	// came out: 1 span
	// <nil>
}
