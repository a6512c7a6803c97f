package otelcol

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// Workload is one run of telemetrygen's logs.
type Workload struct {
	// Logs is how many to send.
	Logs int
	// Severity and Text are the severity's number and name.
	Severity int
	Text     string
	Body     string
	// Attributes are KEY=VALUE, string values in double quotes.
	Attributes []string
}

// Generate sends a workload as fast as it goes and says how much CPU time that took.
func Generate(
	ctx context.Context,
	telemetrygen, address string,
	w Workload,
) (time.Duration, error) {
	args := []string{
		"logs", "--otlp-insecure", "--otlp-endpoint", address, "--rate", "0", "--workers", "1",
		"--logs", strconv.Itoa(w.Logs), "--severity-number", strconv.Itoa(w.Severity),
		"--severity-text", w.Text, "--body", w.Body,
	}
	for _, a := range w.Attributes {
		args = append(args, "--telemetry-attributes", a)
	}
	c := exec.CommandContext(ctx, telemetrygen, args...)
	if out, err := c.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("telemetrygen: %w\n%s", err, Tail(string(out), 20))
	}
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime(), nil
}
