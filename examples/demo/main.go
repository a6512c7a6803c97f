// Command demo runs the Collector that `strait build` made on real telemetry and checks what comes
// out.
//
// telemetrygen sends OTLP/gRPC logs; the `otap` chain renames an attribute, deletes one and drops
// logs below a severity; the Rust component `mask_cards` masks card numbers; the result goes to a
// file and, over OTLP, to a sink in this program. What came in is kept in a second file. Then every
// log is accounted for. The demo exits with 1 if anything does not add up.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/strait-data/strait/tests/otelcol"
)

func main() {
	var o options
	flag.StringVar(&o.collector, "collector", "build/otelcol-strait", "the Collector to run")
	flag.StringVar(&o.config, "config", "examples/demo/otelcol.yaml", "its configuration")
	flag.StringVar(&o.telemetrygen, "telemetrygen", "telemetrygen", "the load generator")
	flag.IntVar(&o.logs, "logs", 120_000, "how many logs to send")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	collector, config, telemetrygen string
	logs                            int
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "strait-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	before, after := filepath.Join(dir, "before.json"), filepath.Join(dir, "after.json")

	sink, err := otelcol.StartSink()
	if err != nil {
		return err
	}
	defer sink.Stop()
	in, err := otelcol.FreeAddress()
	if err != nil {
		return err
	}
	collector, err := otelcol.Start(o.collector, o.config, map[string]string{
		"OTLP_IN": in, "OTLP_OUT": sink.Address, "BEFORE": before, "AFTER": after,
	})
	if err != nil {
		return err
	}
	defer collector.Kill()
	if err := collector.Ready(ctx, in); err != nil {
		return err
	}

	started := time.Now()
	live := watch(collector, sink, o.logs)
	generated, err := generate(ctx, o.telemetrygen, in, o.logs)
	if err == nil {
		err = collector.Settle(ctx, sink)
	}
	live.stop()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, collector.Output())
	}
	took := time.Since(started)
	usage := collector.Usage()
	counters, counterErr := collector.Counters()
	if err := collector.Stop(ctx); err != nil {
		return err
	}
	result, err := check(before, after, sink.Received())
	if err != nil {
		return err
	}
	report(os.Stdout, summary{
		sent: generated.logs, took: took, generatorCPU: generated.cpu,
		usage: usage, counters: counters, result: result,
	})
	if counterErr != nil {
		return counterErr
	}
	return result.verdict(generated.logs)
}
