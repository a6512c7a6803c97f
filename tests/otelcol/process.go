// Package otelcol runs a Collector as a process of its own, with the real parts around it:
// telemetrygen, an OTLP sink, the files that the file exporter writes. The system tests and the
// demo share it.
package otelcol

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a Collector that runs.
type Process struct {
	command *exec.Cmd
	output  *os.File
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

// Start runs the Collector at path with a configuration file and further environment variables.
// Kill must be called in any case.
func Start(path, config string, env map[string]string) (*Process, error) {
	c := &Process{
		command: exec.Command(path, "--config", config),
		log:     &lockedBuffer{},
		exited:  make(chan struct{}),
	}
	c.command.Env = os.Environ()
	for k, v := range env {
		c.command.Env = append(c.command.Env, k+"="+v)
	}
	output, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.output = output
	c.command.Stdout, c.command.Stderr = input, input
	err = c.command.Start()
	_ = input.Close() // the process has its own
	if err != nil {
		_ = output.Close()
		return nil, fmt.Errorf("%w: build it first with `make build`", err)
	}
	go func() {
		_, _ = io.Copy(c.log, output) // ends with the process, or by CloseOutput
		c.exit = c.command.Wait()
		_ = output.Close()
		close(c.exited)
	}()
	return c, nil
}

// PID is the process's number.
func (c *Process) PID() int { return c.command.Process.Pid }

// CloseOutput stops reading what the process writes: from now on its standard output and error are
// broken pipes.
func (c *Process) CloseOutput() { _ = c.output.Close() }

// Ready waits until the Collector accepts connections.
func (c *Process) Ready(ctx context.Context, address string) error {
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
				return fmt.Errorf("the Collector does not listen on %s after 30 s\n%s", address, c.Output())
			}
		case <-c.exited:
			return fmt.Errorf("the Collector ended: %w\n%s", c.exit, c.Output())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Settle waits until nothing has arrived at the sink for a second: the exporters' queues are empty.
func (c *Process) Settle(ctx context.Context, s *Sink) error {
	last, since := int64(-1), time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if n := s.Count(); n != last {
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

// Reload asks the process to read its configuration again.
func (c *Process) Reload() error { return c.command.Process.Signal(syscall.SIGHUP) }

// Stop asks the process to end, and fails when it ends with an error or not within 30 s.
func (c *Process) Stop(ctx context.Context) error {
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-c.exited:
		if c.exit != nil {
			return fmt.Errorf("the Collector ended with an error: %w\n%s", c.exit, c.Output())
		}
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("the Collector does not stop within 30 s\n%s", c.Output())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the process if Stop did not.
func (c *Process) Kill() {
	_ = c.command.Process.Kill() // fails when it has ended, which is what is wanted
	<-c.exited
}

// Output is the end of what the process wrote.
func (c *Process) Output() string { return Tail(c.log.String(), 30) }

// Logged is how often the process has written a text.
func (c *Process) Logged(text string) int { return strings.Count(c.log.String(), text) }

// Tail is the last lines of a text.
func Tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
