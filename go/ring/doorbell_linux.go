//go:build amd64 || arm64

package ring

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Doorbells on Linux: eventfd.

var one = [8]byte{1} // a u64 1, little endian

// newEvent makes a doorbell; the host makes all four.
func newEvent() (int, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("strait ring: create a doorbell: %w", err)
	}
	return fd, nil
}

// ringEvent writes 1. A full counter (EAGAIN) is as good as a ring, and nothing else can
// fail on an open eventfd.
func ringEvent(fd int) {
	for {
		if _, err := unix.Write(fd, one[:]); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// duplicate makes a descriptor of our own from one the other side named.
func duplicate(fd int, what string) (int, error) {
	if fd < 0 {
		return -1, &Error{Code: CodeHeader, Where: what, Field: "fd", Expected: "an open descriptor", Found: fmt.Sprint(fd)}
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, &Error{Code: CodeHeader, Where: what, Cause: fmt.Errorf("duplicate descriptor %d: %w", fd, err)}
	}
	return own, nil
}

// checkEvent refuses a doorbell that would block.
func checkEvent(fd int, what string) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return &Error{Code: CodeHeader, Where: what, Cause: fmt.Errorf("read the flags of the doorbell: %w", err)}
	}
	if flags&unix.O_NONBLOCK == 0 {
		return &Error{Code: CodeHeader, Where: what, Field: "flags", Expected: "a non-blocking eventfd", Found: fmt.Sprintf("%#x", flags)}
	}
	return nil
}

func closeFD(fd int) error { return unix.Close(fd) }
