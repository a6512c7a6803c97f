//go:build !linux

package unit

import "time"

// monotonicDeadline is not known here: rings need Linux, so no batch crosses.
func monotonicDeadline(time.Duration) uint64 { return 0 }
