//go:build amd64 || arm64

package ring

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// clockSkewMax is how far the two sides' clocks may lie apart at the handshake (protocol section
// 8): more means another time namespace, and absolute deadlines would be wrong.
const clockSkewMax = time.Second

// ClockNanos is CLOCK_MONOTONIC in nanoseconds, as the handshake and deadlines in batches use it.
func ClockNanos() (int64, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, fmt.Errorf("strait ring: read CLOCK_MONOTONIC: %w", err)
	}
	return now.Nano(), nil
}

// CheckClock refuses a peer whose CLOCK_MONOTONIC, just read, lies more than a second from ours.
func CheckClock(otherNanos int64) error {
	now, err := ClockNanos()
	if err != nil {
		return err
	}
	if skew := now - otherNanos; skew > int64(clockSkewMax) || skew < -int64(clockSkewMax) {
		expected := fmt.Sprintf("within %v of %d ns", clockSkewMax, now)
		found := fmt.Sprintf("%d ns: is the peer in another time namespace?", otherNanos)
		return (&violation{"clock", expected, found}).at(CodeHeader, "handshake")
	}
	return nil
}
