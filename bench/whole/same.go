package main

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/bench/data"
)

// same checks, before anything is timed, that the rivals do the same work: what comes out of them
// is equal, but for the order of attributes.
func same(wire []byte, rivals ...chain) error {
	var first plog.Logs
	for i, c := range rivals {
		if c.first == nil {
			continue
		}
		ld, err := data.Unmarshal(wire)
		if err != nil {
			return err
		}
		c.end.keep, c.end.last = true, plog.NewLogs()
		err = c.consume(ld)
		c.end.keep = false
		if err != nil {
			return err
		}
		if i == 0 {
			first = c.end.last
		} else if err := data.Equal(first, c.end.last); err != nil {
			return fmt.Errorf("the rivals do not do the same work: rival %d: %w", i, err)
		}
		if c.end.last.LogRecordCount() == 0 {
			return fmt.Errorf("nothing came out of rival %d", i)
		}
	}
	return nil
}
