// Package kinds holds the system tests of a Collector whose receivers, processors, connectors and
// exporters are in Rust, as a process of its own: the one of tests/native/builder.yaml. run.sh
// names it; without it the tests fail.
package kinds

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/tests/otelcol"
)

// patience is how long what has to come may take.
const patience = time.Minute

func program(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	require.NotEmpty(t, path, "%s names no program: run these tests with `make test-system`", variable)
	return path
}

// start runs the Collector with a configuration of testdata.
func start(t *testing.T, config string, env map[string]string) *otelcol.Process {
	t.Helper()
	c, err := otelcol.Start(program(t, "STRAIT_KINDS"), config, env)
	require.NoError(t, err)
	t.Cleanup(c.Kill)
	return c
}

// command runs the Collector to its end and returns its exit code and what it wrote.
func command(t *testing.T, env map[string]string, args ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, program(t, "STRAIT_KINDS"), args...)
	c.Env = os.Environ()
	for key, value := range env {
		c.Env = append(c.Env, key+"="+value)
	}
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		require.NoError(t, err)
	}
	return c.ProcessState.ExitCode(), string(out)
}

func free(t *testing.T) string {
	t.Helper()
	address, err := otelcol.FreeAddress()
	require.NoError(t, err)
	return address
}

func startSink(t *testing.T) *otelcol.Sink {
	t.Helper()
	s, err := otelcol.StartSink()
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

// eventually waits for what has to be so, and shows what the Collector wrote if it is not.
func eventually(t *testing.T, c *otelcol.Process, is func() bool, what string) {
	t.Helper()
	require.Eventually(t, is, patience, 5*time.Millisecond, "%s\n%s", what, c.Output())
}

// desk takes the bodies that the exporter `outlet` delivers, a connection for each batch.
type desk struct {
	Address string
	// Before is called with each whole batch before it is taken; it may keep it waiting.
	Before  func(lines []string)
	l       net.Listener
	serving sync.WaitGroup

	mu    sync.Mutex
	times map[string]int // how often each line was taken
}

func startDesk(t *testing.T, before func(lines []string)) *desk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &desk{Address: l.Addr().String(), Before: before, l: l, times: map[string]int{}}
	d.serving.Go(func() {
		for {
			connection, err := l.Accept()
			if err != nil {
				return
			}
			d.serving.Go(func() { d.serve(connection) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		d.serving.Wait()
	})
	return d
}

func (d *desk) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	b, err := io.ReadAll(connection)
	whole, all := bytes.CutSuffix(b, []byte("\n\n"))
	if err != nil || !all {
		return // the sender was killed
	}
	lines := strings.Split(string(whole), "\n")
	if d.Before != nil {
		d.Before(lines)
	}
	d.mu.Lock()
	for _, line := range lines {
		d.times[line]++
	}
	d.mu.Unlock()
	_, _ = io.WriteString(connection, "taken") // who does not hear it delivers once more
}

// Lines is how many different lines were taken, and how many came more than once.
func (d *desk) Lines() (lines, again int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, times := range d.times {
		again += times - 1
	}
	return len(d.times), again
}

// lines is a file that a test appends to.
type lines struct {
	t    *testing.T
	path string
	file *os.File
	n    int
}

func newLines(t *testing.T) *lines {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return &lines{t: t, path: path, file: f}
}
