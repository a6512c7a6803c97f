package data

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
)

// Equal says in what two batches differ, but for the order of attributes.
func Equal(a, b plog.Logs) error {
	x, y := records(a), records(b)
	if len(x) != len(y) {
		return fmt.Errorf("%d logs, expected %d", len(y), len(x))
	}
	for i := range x {
		if !x[i].Attributes().Equal(y[i].Attributes()) || !x[i].Body().Equal(y[i].Body()) ||
			x[i].Timestamp() != y[i].Timestamp() || x[i].SeverityNumber() != y[i].SeverityNumber() {
			return fmt.Errorf(
				"log %d: %q with %v, expected %q with %v",
				i,
				y[i].Body().
					AsString(),
				y[i].Attributes().AsRaw(),
				x[i].Body().AsString(),
				x[i].Attributes().AsRaw(),
			)
		}
	}
	return nil
}

func records(ld plog.Logs) []plog.LogRecord {
	var all []plog.LogRecord
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				all = append(all, lr)
			}
		}
	}
	return all
}
