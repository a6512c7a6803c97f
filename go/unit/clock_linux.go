package unit

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonicDeadline is the absolute CLOCK_MONOTONIC time, in nanoseconds, at which something ends that has
// left to go; at least 1, because 0 means none.
func monotonicDeadline(left time.Duration) uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return uint64(max(1, t.Nano()+left.Nanoseconds()))
}
