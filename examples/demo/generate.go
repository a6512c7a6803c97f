package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// workload is one run of telemetrygen; together they cover what the pipeline does: logs that it keeps
// and drops, with and without card numbers, in bodies and in attributes.
type workload struct {
	share      float64
	severity   int
	text, body string
	attributes []string
}

var workloads = []workload{
	{0.35, 9, "Info", "GET /api/v1/items/42 returned 200 in 12 ms", []string{`http.method="GET"`, `internal.debug="trace-me"`, `http.status_code=200`}},
	{0.25, 9, "Info", "payment accepted, card 4111 1111 1111 1111, amount 12.50", []string{`http.method="POST"`, `internal.debug="x"`, `payment.card="5500-0055-5555-5559"`}},
	{0.15, 17, "Error", "declined: 378282246310005 is over its limit", []string{`http.method="POST"`, `order.id="1234567890123"`}},
	{0.25, 5, "Debug", "cache miss for key 4111111111111111", []string{`http.method="GET"`, `internal.debug="y"`}},
}

type generated struct {
	logs int
	cpu  time.Duration
}

// generate runs the workloads one after the other and says what they sent and used.
func generate(ctx context.Context, telemetrygen, address string, logs int) (generated, error) {
	var g generated
	for _, w := range workloads {
		n := int(float64(logs) * w.share)
		args := []string{
			"logs", "--otlp-insecure", "--otlp-endpoint", address, "--rate", "0", "--workers", "1",
			"--logs", strconv.Itoa(n), "--severity-number", strconv.Itoa(w.severity), "--severity-text", w.text, "--body", w.body,
		}
		for _, a := range w.attributes {
			args = append(args, "--telemetry-attributes", a)
		}
		c := exec.CommandContext(ctx, telemetrygen, args...)
		if out, err := c.CombinedOutput(); err != nil {
			return g, fmt.Errorf("telemetrygen: %w\n%s", err, tail(string(out), 20))
		}
		g.logs += n
		g.cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	return g, nil
}
