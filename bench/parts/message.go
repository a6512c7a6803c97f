package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/strait-data/strait/bench/measure"
	"github.com/strait-data/strait/bench/native"
	"github.com/strait-data/strait/go/ring"
)

// The CPUs that a message goes between.
const here, there = 0, 1

// pinned runs f on a thread that stays on one CPU. The thread ends with f.
func pinned(cpu int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, because its affinity is not the process's.
		runtime.LockOSThread()
		var set unix.CPUSet
		set.Set(cpu)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			done <- fmt.Errorf("cannot run on CPU %d: %w", cpu, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// message compares an inline message there and its ack back with L, what a cache line takes there
// and back between the same two CPUs. It is wall time that counts; both sides look again and again.
// Segments are short and close to each other, because a virtual machine's CPUs move about, and with
// them L.
func message(r *measure.Recorder) (err error) {
	if runtime.NumCPU() < 2 {
		fmt.Println("message: skipped, it needs two CPUs")
		return nil
	}
	rust, err := ring.NewHost(ring.Options{Policy: ring.Latency, Trust: ring.VouchForPeer()})
	if err != nil {
		return err
	}
	peer, err := native.StartPeer(rust, true, there)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rust.Close(), peer.Stop()) }()
	host, end, err := goPair()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close(), end()) }()
	const n = 4_000
	// A hundred trips first: threads start, and a side that sleeps wakes.
	on := func(f func(n int) error) func(int) (time.Duration, error) {
		return func(n int) (took time.Duration, err error) {
			err = pinned(here, func() error {
				if err := f(100); err != nil {
					return err
				}
				start := time.Now()
				err := f(n)
				took = time.Since(start)
				return err
			})
			return took, err
		}
	}
	line := func(n int) (took time.Duration, err error) {
		err = pinned(here, func() (err error) { took, err = native.Line(n, there); return err })
		return took, err
	}
	return r.Measure(
		measure.Case{
			Group: "message",
			Name:  "there and back",
			Items: 1,
			Times: 5,
			Rivals: []measure.Rival{
				{Name: "cache line", Iterations: 4 * n, Timed: line},
				{
					Name:       "strait, Go and Rust",
					Iterations: n,
					Timed:      on(func(n int) error { return roundTrips(rust, n) }),
				},
				{
					Name:       "strait, Go and Go",
					Iterations: n,
					Timed:      on(func(n int) error { return roundTrips(host, n) }),
				},
				{Name: "unix socket", Iterations: n / 50, Timed: on(socketRoundTrips)},
			},
		},
	)
}

func roundTrips(l *ring.Link, n int) error {
	ctx, payload := context.Background(), make([]byte, ring.InlineBytes)
	for range n {
		if err := l.Producer().SendInline(ctx, 0, 1, payload); err != nil {
			return err
		}
		if _, err := l.Consumer().Receive(ctx); err != nil {
			return err
		}
	}
	return nil
}

// goPair is a host whose peer is a goroutine on the other CPU. end waits for it; close the host
// first.
func goPair() (host *ring.Link, end func() error, err error) {
	options := ring.Options{Policy: ring.Latency, Trust: ring.VouchForPeer()}
	if host, err = ring.NewHost(options); err != nil {
		return nil, nil, err
	}
	peer, err := ring.NewPeer(host.Offer(), options)
	if err != nil {
		return nil, nil, errors.Join(err, host.Close())
	}
	if err := host.Accept(peer.Answer()); err != nil {
		return nil, nil, errors.Join(err, host.Close(), peer.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- pinned(there, func() error { return answer(peer) }) }()
	return host, func() error { return errors.Join(<-ended, peer.Close()) }, nil
}

// answer acks whatever comes until the link is closed.
func answer(l *ring.Link) error {
	for {
		m, err := l.Consumer().Receive(context.Background())
		if errors.Is(err, ring.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Kind == ring.KindInline {
			if err := l.Producer().SendAck(m.CallID); err != nil {
				return err
			}
		}
	}
}

// socketRoundTrips sends 64 bytes over a pair of unix sockets to a thread on the other CPU, and
// back.
func socketRoundTrips(n int) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	echo := make(chan error, 1)
	go func() { echo <- pinned(there, func() error { return bounce(fds[1], n, false) }) }()
	err = errors.Join(bounce(fds[0], n, true), <-echo)
	return errors.Join(err, unix.Close(fds[0]), unix.Close(fds[1]))
}

// bounce reads and writes n messages in turn; first says that it begins with writing.
func bounce(fd, n int, first bool) error {
	message := make([]byte, 64)
	for range n {
		if first {
			if _, err := unix.Write(fd, message); err != nil {
				return err
			}
		}
		if _, err := unix.Read(fd, message); err != nil {
			return err
		}
		if !first {
			if _, err := unix.Write(fd, message); err != nil {
				return err
			}
		}
	}
	return nil
}
