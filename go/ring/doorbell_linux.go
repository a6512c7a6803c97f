//go:build amd64 || arm64

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Doorbells on Linux: eventfds where both sides trust each other, else pairs of stream
// sockets, because O_NONBLOCK of an eventfd is shared with the other side.

var one = [8]byte{1} // a u64 1, little endian

// newEvent makes a doorbell that both sides have.
func newEvent(name string) (doorbell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return doorbell{}, fmt.Errorf("strait ring: create the %s: %w", name, advise(err))
	}
	return doorbell{fd: fd, kind: eventDoorbell, name: name}, nil
}

// newSocketPair makes a doorbell's two ends: this side's, and the descriptor for the other side.
func newSocketPair(name string) (own doorbell, other int, err error) {
	const kind = unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	pair, err := unix.Socketpair(unix.AF_UNIX, kind, 0)
	if err != nil {
		return doorbell{}, -1, fmt.Errorf("strait ring: create the %s: %w", name, advise(err))
	}
	return doorbell{fd: pair[0], kind: socketDoorbell, name: name}, pair[1], nil
}

// ringDoorbell rings. A full doorbell (EAGAIN) is as good as rung; any other error says that the
// other side has hung up.
func ringDoorbell(d *doorbell) error {
	for {
		var err error
		if d.kind == eventDoorbell {
			_, err = unix.Write(d.fd, one[:])
		} else {
			err = unix.Send(d.fd, one[:1], unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		}
		switch err {
		case unix.EINTR:
		case nil, unix.EAGAIN, unix.ENOBUFS:
			return nil
		default:
			return err
		}
	}
}

// drainDoorbell takes out what is in a doorbell, without waiting: whether it had rung, and whether
// the other side has hung up.
func drainDoorbell(fd int, kind doorbellKind, buffer []byte) (rung bool, lost error) {
	for {
		var n int
		var err error
		if kind == eventDoorbell {
			n, err = unix.Read(fd, buffer[:8])
		} else {
			n, _, err = unix.Recvfrom(fd, buffer, unix.MSG_DONTWAIT)
		}
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false, nil
		case err != nil:
			return false, err
		case n == 0:
			return false, io.EOF
		default:
			return true, nil
		}
	}
}

// duplicate makes a descriptor of our own from one the other side named.
func duplicate(fd int, what string) (int, error) {
	if fd < 0 {
		return -1, (&violation{"fd", "an open descriptor", fmt.Sprint(fd)}).at(CodeHeader, what)
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		err = fmt.Errorf("duplicate descriptor %d: %w", fd, advise(err))
		return -1, &Error{Code: CodeHeader, Where: what, Cause: err}
	}
	return own, nil
}

// checkDoorbell says of what kind a given doorbell is, and refuses what R-22 does not allow:
// anything else reports nothing, or for ever.
func checkDoorbell(fd int, what string, trust Trust) (doorbellKind, error) {
	expected := "a connected unix stream socket, as this side does not trust the other"
	if trust.vouched {
		expected = "a non-blocking eventfd, or a connected unix stream socket"
	}
	found, kind := describe(fd)
	if found == "" && (kind == socketDoorbell || trust.vouched) {
		return kind, nil
	}
	if found == "" {
		found = "an eventfd"
	}
	return 0, (&violation{"kind", expected, found}).at(CodeHeader, what)
}

// describe says of what kind a descriptor is, or what it is instead of a doorbell.
func describe(fd int) (other string, kind doorbellKind) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return "a descriptor that cannot be examined: " + err.Error(), 0
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return describeSocket(fd), socketDoorbell
	case 0:
		return describeEvent(fd), eventDoorbell
	case unix.S_IFIFO:
		return "a pipe", 0
	case unix.S_IFREG:
		return "a file", 0
	default:
		return fmt.Sprintf("a file of mode %#o", stat.Mode), 0
	}
}

// describeSocket says what is wrong with a socket, or makes it ready to be waited on.
func describeSocket(fd int) string {
	domain, errDomain := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	kind, errKind := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case errDomain != nil || errKind != nil:
		return "a socket that cannot be examined: " + errors.Join(errDomain, errKind).Error()
	case domain != unix.AF_UNIX || kind != unix.SOCK_STREAM:
		return fmt.Sprintf("a socket of domain %d and type %d", domain, kind)
	}
	if _, err := unix.Getpeername(fd); err != nil {
		return "a socket without a peer: " + err.Error()
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for the netpoller; it is our end's own flag
		return "a socket that stays blocking: " + err.Error()
	}
	return ""
}

// describeEvent says what is wrong with something that has no file type. Of those, only an eventfd
// takes a write and gives it back; one that is a semaphore gives back 1. What it takes out was a
// ring, which says no more than that this side should look, and it has not begun to.
func describeEvent(fd int) string {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return "a descriptor without flags: " + err.Error()
	}
	if flags&unix.O_NONBLOCK == 0 {
		return "a descriptor that blocks"
	}
	buffer := [8]byte{2}
	if _, err := unix.Write(fd, buffer[:]); err != nil && err != unix.EAGAIN {
		return "a descriptor that takes no ring: " + err.Error()
	}
	if n, err := unix.Read(fd, buffer[:]); err != nil || n != len(buffer) {
		return fmt.Sprintf("a descriptor that gives no ring back (%d bytes, %v)", n, err)
	}
	if binary.LittleEndian.Uint64(buffer[:]) < 2 {
		return "an eventfd that is a semaphore"
	}
	return ""
}

func closeFD(fd int) error { return unix.Close(fd) }

// advise says, of an error of the system that has a known cure, what to allow.
func advise(err error) error {
	what := ""
	switch {
	case errors.Is(err, unix.EMFILE):
		what = "this process has as many descriptors open as it may: raise `ulimit -n` (LimitNOFILE)"
	case errors.Is(err, unix.ENFILE):
		what = "the system has as many files open as it may: raise sysctl fs.file-max"
	case errors.Is(err, unix.EFBIG):
		what = "it is larger than this process may make a file: raise `ulimit -f` (LimitFSIZE), " +
			"or make the ring smaller"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.ENOMEM):
		what = "the system has no memory for it: give it more (also the container's /dev/shm and " +
			"memory limit), or make the ring smaller"
	default:
		return err
	}
	return fmt.Errorf("%w (%s)", err, what)
}
