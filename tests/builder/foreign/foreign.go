// Package foreign is a processor in Go with a Rust library of its own, which it links through cgo
// and of which `strait build` knows nothing.
package foreign

// #cgo LDFLAGS: -L${SRCDIR} -lforeign -lgcc_s -lm -ldl -lpthread
// #include <stdbool.h>
// bool foreign_catches(void);
// bool foreign_starts(void);
import "C"

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
)

// NewFactory gives every resource two attributes: what the library says of itself.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("foreign"),
		func() component.Config { return &struct{}{} },
		processor.WithLogs(create, component.StabilityLevelDevelopment),
	)
}

func create(
	_ context.Context, _ processor.Settings, _ component.Config, next consumer.Logs,
) (processor.Logs, error) {
	return &foreign{next: next}, nil
}

type foreign struct {
	component.StartFunc
	component.ShutdownFunc
	next consumer.Logs
}

func (*foreign) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (f *foreign) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	for _, resource := range logs.ResourceLogs().All() {
		attributes := resource.Resource().Attributes()
		attributes.PutBool("foreign.catches", bool(C.foreign_catches()))
		attributes.PutBool("foreign.starts", bool(C.foreign_starts()))
	}
	return f.next.ConsumeLogs(ctx, logs)
}
