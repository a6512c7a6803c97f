package main

import (
	"encoding/binary"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper is a thread that sleeps in a read of an eventfd, as a lane does, and says when it woke.
type sleeper struct {
	bell int
	woke chan int64
	fail chan error
}

// last is what a bell is rung with for the last time.
const last = 2

func newSleeper() (*sleeper, error) {
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &sleeper{bell: bell, woke: make(chan int64), fail: make(chan error, 1)}
	go s.sleep()
	return s, nil
}

func (s *sleeper) sleep() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	rung := make([]byte, 8)
	for {
		if _, err := unix.Read(s.bell, rung); err != nil {
			s.fail <- err
			return
		}
		at, err := now()
		if err != nil || binary.NativeEndian.Uint64(rung) == last {
			s.fail <- err
			return
		}
		s.woke <- at
	}
}

func (s *sleeper) ring(with uint64) error {
	_, err := unix.Write(s.bell, binary.NativeEndian.AppendUint64(nil, with))
	return err
}

// wake gives what it took from the bell until the thread ran.
func (s *sleeper) wake() (time.Duration, error) {
	time.Sleep(pause)
	rung, err := now()
	if err != nil {
		return 0, err
	}
	if err := s.ring(1); err != nil {
		return 0, err
	}
	select {
	case at := <-s.woke:
		return time.Duration(at - rung), nil
	case err := <-s.fail:
		return 0, err
	}
}

func (s *sleeper) stop() error {
	if err := s.ring(last); err != nil {
		return err
	}
	if err := <-s.fail; err != nil {
		return err
	}
	return unix.Close(s.bell)
}
