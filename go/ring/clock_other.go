//go:build !linux || !(amd64 || arm64)

package ring

// ClockNanos is not available here.
func ClockNanos() (int64, error) { return 0, ErrUnsupported }

// CheckClock is not available here.
func CheckClock(int64) error { return ErrUnsupported }
