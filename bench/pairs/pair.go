package main

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/bench/measure"
	"github.com/strait-data/strait/tests/otelcol"
)

// The ends of a pipeline in each language. Neither exporter has a queue, so who sends is answered
// when the batch has arrived; nothing is compressed.
const (
	goReceiver   = `otlp: {protocols: {grpc: {endpoint: "${env:IN}"}}}`
	rustReceiver = `otap: {nodes: [{otlp: {protocols: {grpc: {listening_addr: "${env:IN}"}}}}]}`
	goExporter   = `otlp_grpc: {endpoint: "${env:OUT}", tls: {insecure: true}, compression: none,
    sending_queue: {enabled: false}}`
	rustExporter = `otap: {nodes: [{otlp_grpc: {grpc_endpoint: "http://${env:OUT}",
    max_in_flight: 8}}], sending_queue: {enabled: false}}`
)

// ends are a pipeline's two.
type ends struct{ name, receiver, receives, exporter, exports string }

var pairs = []ends{
	{"Go to Go", goReceiver, "otlp", goExporter, "otlp_grpc"},
	{"Rust to Go", rustReceiver, "otap", goExporter, "otlp_grpc"},
	{"Go to Rust", goReceiver, "otlp", rustExporter, "otap"},
	{"Rust to Rust", rustReceiver, "otap", rustExporter, "otap"},
}

// pair is a Collector that runs, and the connection to it.
type pair struct {
	name    string
	process *otelcol.Process
	to      *grpc.ClientConn
}

func (e ends) start(ctx context.Context, program, destination string) (*pair, error) {
	in, err := otelcol.FreeAddress()
	if err != nil {
		return nil, err
	}
	config, err := os.CreateTemp("", "strait-bench-*.yaml")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(config.Name()) }()
	_, err = fmt.Fprintf(config, `receivers:
  %s
exporters:
  %s
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {logs: {receivers: [%s], exporters: [%s]}}
`, e.receiver, e.exporter, e.receives, e.exports)
	if err != nil {
		return nil, err
	}
	if err := config.Close(); err != nil {
		return nil, err
	}
	env := map[string]string{"IN": in, "OUT": destination}
	process, err := otelcol.Start(program, config.Name(), env)
	if err != nil {
		return nil, err
	}
	p := &pair{name: e.name, process: process}
	if err := process.Ready(ctx, in); err != nil {
		process.Kill()
		return nil, fmt.Errorf("%w\n%s", err, process.Output())
	}
	p.to, err = grpc.NewClient(in, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		process.Kill()
		return nil, err
	}
	return p, nil
}

func (p *pair) stop(ctx context.Context) error {
	_ = p.to.Close() // nothing is under way
	defer p.process.Kill()
	return p.process.Stop(ctx)
}

// same checks that what is sent arrives, whole and once.
func (p *pair) same(ctx context.Context, wire []byte, to *destination) error {
	sent, err := data.Unmarshal(wire)
	if err != nil {
		return err
	}
	if err := p.send(ctx, wire); err != nil {
		return err
	}
	last, batches := to.took()
	if batches != 1 {
		return fmt.Errorf("one batch was sent, %d arrived", batches)
	}
	arrived, err := data.Unmarshal(last)
	if err != nil {
		return err
	}
	return data.Equal(sent, arrived)
}

// send sends one batch, and has its answer.
func (p *pair) send(ctx context.Context, wire []byte) error {
	var answer []byte
	return p.to.Invoke(ctx, export, wire, &answer, grpc.ForceCodecV2(plain{}))
}

func (p *pair) rival(ctx context.Context, wire []byte, batches int, to *destination) measure.Rival {
	return measure.Rival{
		Name: p.name, Iterations: batches, Process: p.process.PID(),
		Run: func(n int) error {
			err := measure.Together(inFlight, n, func(int) error { return p.send(ctx, wire) })
			if _, arrived := to.took(); err == nil && arrived != n {
				err = fmt.Errorf("%d batches were sent, %d arrived", n, arrived)
			}
			return err
		},
	}
}
