package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/go/rustcomponent"
)

// patience is how long what has to come may take.
const patience = 10 * time.Second

// outlet is the exporter of tests/peers, without a queue, and what it tells.
type outlet struct {
	exporter exporter.Logs
	told     *net.UDPConn
	wire     []byte // of those who send besides
}

func newOutlet(ctx context.Context) (*outlet, error) {
	wire, err := data.Marshal(data.Logs(100, data.Usual, false))
	if err != nil {
		return nil, err
	}
	level := component.StabilityLevelDevelopment
	f := rustcomponent.NewExporter(rustcomponent.Metadata{
		Type: "outlet", Crate: "outlet", Version: "0.1.0", Logs: level, Traces: level, Metrics: level,
	})
	cfg := f.CreateDefaultConfig()
	err = confmap.NewFromStringMap(map[string]any{
		"sending_queue":    map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
	}).Unmarshal(cfg)
	if err != nil {
		return nil, err
	}
	e, err := f.CreateLogs(ctx, exportertest.NewNopSettings(f.Type()), cfg)
	if err != nil {
		return nil, err
	}
	told, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	if err := e.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, errors.Join(err, told.Close())
	}
	return &outlet{e, told, wire}, nil
}

func (o *outlet) stop(ctx context.Context) error {
	return errors.Join(o.exporter.Shutdown(ctx), o.told.Close())
}

// load has so many callers send until it is ended.
func (o *outlet) load(ctx context.Context, callers int) (end func() error) {
	return together(callers, func() error {
		ld, err := data.Unmarshal(o.wire)
		if err != nil {
			return err
		}
		return o.exporter.ConsumeLogs(ctx, ld)
	})
}

// cancel gives what it took from the cancel of a call until Rust saw it.
func (o *outlet) cancel(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Body().SetStr("left " + o.told.LocalAddr().String())
	ended := make(chan error, 1)
	go func() { ended <- o.exporter.ConsumeLogs(ctx, ld) }()
	if here, err := o.hear(); err != nil || here != "here" {
		return 0, fmt.Errorf("the batch did not come (%q): %w", here, err)
	}
	time.Sleep(pause)
	left, err := now()
	if err != nil {
		return 0, err
	}
	cancel()
	said, err := o.hear()
	if err != nil {
		return 0, fmt.Errorf("the cancel was not seen: %w", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return 0, fmt.Errorf("a call that was cancelled ended with %w", err)
	}
	seen, err := strconv.ParseInt(said, 10, 64)
	return time.Duration(seen - left), err
}

func (o *outlet) hear() (string, error) {
	if err := o.told.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	said := make([]byte, 64)
	n, err := o.told.Read(said)
	return string(said[:n]), err
}
