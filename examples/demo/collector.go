package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// collector is the Collector under demonstration, run as a process of its own.
type collector struct {
	command *exec.Cmd
	log     *lockedBuffer
	exited  chan struct{}
	exit    error
}

// lockedBuffer takes the process's output while others read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startCollector(ctx context.Context, path, config string, env map[string]string) (*collector, error) {
	c := &collector{command: exec.Command(path, "--config", config), log: &lockedBuffer{}, exited: make(chan struct{})}
	c.command.Env = os.Environ()
	for k, v := range env {
		c.command.Env = append(c.command.Env, k+"="+v)
	}
	c.command.Stdout, c.command.Stderr = c.log, c.log
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("%w: build it first with `make demo` or `strait build --config examples/demo/builder.yaml`", err)
	}
	go func() {
		c.exit = c.command.Wait()
		close(c.exited)
	}()
	return c, ctx.Err()
}

// ready waits until the Collector accepts connections.
func (c *collector) ready(ctx context.Context, address string) error {
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
			if time.Now().After(deadline) {
				return fmt.Errorf("the Collector does not listen on %s after 30 s\n%s", address, c.output())
			}
		case <-c.exited:
			return fmt.Errorf("the Collector ended: %w\n%s", c.exit, c.output())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle waits until nothing more arrives at the sink: the exporter's queue is empty.
func (c *collector) settle(ctx context.Context, s *sink) error {
	last, since := int64(-1), time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if n := s.count.Load(); n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) > time.Second {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.exited:
			return fmt.Errorf("the Collector ended: %w", c.exit)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *collector) stop(ctx context.Context) error {
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-c.exited:
		if c.exit != nil {
			return fmt.Errorf("the Collector ended with an error: %w\n%s", c.exit, c.output())
		}
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("the Collector does not stop within 30 s\n%s", c.output())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends the process if stop did not.
func (c *collector) kill() {
	_ = c.command.Process.Kill() // fails when it has ended, which is what is wanted
	<-c.exited
}

func (c *collector) output() string { return tail(c.log.String(), 30) }

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// usage is CPU time by part: the threads of the Rust lanes, and everything else (Go).
type usage struct{ rust, goSide time.Duration }

// usage reads the CPU time of each thread: the lanes' threads carry Strait's name.
func (c *collector) usage() usage {
	var u usage
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", c.command.Process.Pid))
	for _, t := range tasks {
		name, cpu, err := threadCPU(t)
		if err != nil {
			continue // the thread has ended since
		}
		if strings.HasPrefix(name, "strait") {
			u.rust += cpu
		} else {
			u.goSide += cpu
		}
	}
	return u
}

// clockTick is USER_HZ, which Linux fixes at 100 for /proc.
const clockTick = 10 * time.Millisecond

func threadCPU(stat string) (string, time.Duration, error) {
	b, err := os.ReadFile(stat)
	if err != nil {
		return "", 0, err
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return "", 0, errors.New("no thread name in " + stat)
	}
	fields := strings.Fields(string(b[end+1:]))
	if len(fields) < 13 {
		return "", 0, errors.New("too few fields in " + stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return string(b[open+1 : end]), time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// counters are the ring counters of one side of one link (ringbuf/protocol.md, section 7).
type counters struct {
	object string
	values [20]uint64
}

// counters reads the counters objects through their names in /proc, as any tool of the same user may.
func (c *collector) counters() ([]counters, error) {
	dir := fmt.Sprintf("/proc/%d/fd", c.command.Process.Pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []counters
	for _, fd := range fds {
		path := filepath.Join(dir, fd.Name())
		name, err := os.Readlink(path)
		if err != nil || !strings.HasPrefix(name, "/memfd:strait:") || !strings.Contains(name, "-counters") {
			continue
		}
		object, _, _ := strings.Cut(strings.TrimPrefix(name, "/memfd:"), " ")
		if seen[object] {
			continue
		}
		seen[object] = true
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		k := counters{object: object}
		for i := range k.values {
			k.values[i] = binary.LittleEndian.Uint64(b[1024+8*i:])
		}
		out = append(out, k)
	}
	return out, nil
}
