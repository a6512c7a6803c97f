package otelcol

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Each calls f for every log.
func Each(ds []plog.Logs, f func(pcommon.Resource, pcommon.InstrumentationScope, plog.LogRecord)) {
	for _, d := range ds {
		for _, rl := range d.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					f(rl.Resource(), sl.Scope(), lr)
				}
			}
		}
	}
}

// ReadFile reads the file exporter's output: one OTLP JSON document a line.
func ReadFile(path string) ([]plog.Logs, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []plog.Logs
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 256<<20)
	for lines.Scan() {
		d, err := new(plog.JSONUnmarshaler).UnmarshalLogs(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, d)
	}
	return out, lines.Err()
}

// Describe is everything that one log says, as text: equal logs have equal texts.
func Describe(res pcommon.Resource, scope pcommon.InstrumentationScope, lr plog.LogRecord) string {
	var b strings.Builder
	fmt.Fprintf(
		&b,
		"%s %s %d %q",
		lr.Timestamp(),
		lr.SeverityText(),
		lr.SeverityNumber(),
		lr.Body().AsString(),
	)
	fmt.Fprintf(&b, " %s %s", attributes(lr.Attributes()), attributes(res.Attributes()))
	fmt.Fprintf(&b, " %s %x %x %d", scope.Name(), lr.TraceID(), lr.SpanID(), lr.Flags())
	return b.String()
}

// attributes are compared in any order: an attribute map has none.
func attributes(m pcommon.Map) string {
	keys := make([]string, 0, m.Len())
	for k, v := range m.All() {
		keys = append(keys, fmt.Sprintf("%s=%s:%s", k, v.Type(), v.AsString()))
	}
	slices.Sort(keys)
	return "{" + strings.Join(keys, " ") + "}"
}
