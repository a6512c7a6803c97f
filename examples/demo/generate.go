package main

import (
	"context"
	"time"

	"github.com/strait-data/strait/tests/otelcol"
)

// workloads cover what the pipeline does: logs that it keeps and drops, with and without card
// numbers, in bodies and in attributes. The share is of all logs.
var workloads = []struct {
	share float64
	otelcol.Workload
}{
	{
		0.35,
		otelcol.Workload{
			Severity:   9,
			Text:       "Info",
			Body:       "GET /api/v1/items/42 returned 200 in 12 ms",
			Attributes: []string{`http.method="GET"`, `internal.debug="trace-me"`, `http.status_code=200`},
		},
	},
	{
		0.25,
		otelcol.Workload{
			Severity: 9,
			Text:     "Info",
			Body:     "payment accepted, card 4111 1111 1111 1111, amount 12.50",
			Attributes: []string{
				`http.method="POST"`,
				`internal.debug="x"`,
				`payment.card="5500-0055-5555-5559"`,
			},
		},
	},
	{
		0.15,
		otelcol.Workload{
			Severity:   17,
			Text:       "Error",
			Body:       "declined: 378282246310005 is over its limit",
			Attributes: []string{`http.method="POST"`, `order.id="1234567890123"`},
		},
	},
	{
		0.25,
		otelcol.Workload{
			Severity:   5,
			Text:       "Debug",
			Body:       "cache miss for key 4111111111111111",
			Attributes: []string{`http.method="GET"`, `internal.debug="y"`},
		},
	},
}

type generated struct {
	logs int
	cpu  time.Duration
}

// generate runs the workloads one after the other and says what they sent and used.
func generate(ctx context.Context, telemetrygen, address string, logs int) (generated, error) {
	var g generated
	for _, w := range workloads {
		w.Logs = int(float64(logs) * w.share)
		cpu, err := otelcol.Generate(ctx, telemetrygen, address, w.Workload)
		if err != nil {
			return g, err
		}
		g.logs += w.Logs
		g.cpu += cpu
	}
	return g, nil
}
