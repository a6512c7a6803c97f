package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// hop is the Collector's own OTLP exporter and receiver, joined by a unix socket, at their fastest:
// no compression, no queue (the caller's goroutine sends), no retry.
type hop struct {
	folder   string
	exporter exporter.Logs
	receiver receiver.Logs
}

func newHop() (h *hop, err error) {
	folder, err := os.MkdirTemp("", "strait-bench")
	if err != nil {
		return nil, err
	}
	h = &hop{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
			h = nil
		}
	}()
	socket := filepath.Join(folder, "otlp.sock")
	ctx, host := context.Background(), componenttest.NewNopHost()
	rf := otlpreceiver.NewFactory()
	rc, err := config(rf.CreateDefaultConfig(), map[string]any{
		"protocols": map[string]any{"grpc": map[string]any{"endpoint": socket, "transport": "unix"}},
	})
	if err != nil {
		return h, err
	}
	settings := receivertest.NewNopSettings(rf.Type())
	if h.receiver, err = rf.CreateLogs(ctx, settings, rc, consumertest.NewNop()); err != nil {
		return h, err
	}
	if err := h.receiver.Start(ctx, host); err != nil {
		return h, err
	}
	ef := otlpexporter.NewFactory()
	ec, err := config(ef.CreateDefaultConfig(), map[string]any{
		"endpoint": "unix://" + socket, "compression": "none", "tls": map[string]any{"insecure": true},
		"sending_queue": map[string]any{
			"enabled": false,
		}, "retry_on_failure": map[string]any{"enabled": false},
	})
	if err != nil {
		return h, err
	}
	if h.exporter, err = ef.CreateLogs(ctx, exportertest.NewNopSettings(ef.Type()), ec); err != nil {
		return h, err
	}
	return h, h.exporter.Start(ctx, host)
}

func config(c component.Config, values map[string]any) (component.Config, error) {
	if err := confmap.NewFromStringMap(values).Unmarshal(c); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}

// send returns when the receiver's consumer has taken the logs.
func (h *hop) send(ld plog.Logs) error { return h.exporter.ConsumeLogs(context.Background(), ld) }

func (h *hop) close() error {
	var errs []error
	if h.exporter != nil {
		errs = append(errs, h.exporter.Shutdown(context.Background()))
	}
	if h.receiver != nil {
		errs = append(errs, h.receiver.Shutdown(context.Background()))
	}
	return errors.Join(append(errs, os.RemoveAll(h.folder))...)
}
