package kinds

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/tests/otelcol"
)

// readSoFar is how far the process has read a file.
func readSoFar(t *testing.T, c *otelcol.Process, path string) int64 {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", c.PID()))
	require.NoError(t, err)
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err != nil || to != path {
			continue
		}
		b, err := os.ReadFile(strings.Replace(fd, "/fd/", "/fdinfo/", 1))
		require.NoError(t, err)
		at, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64) // pos: N
		require.NoError(t, err)
		return at
	}
	return 0
}

// resident is the memory of the process, in bytes.
func resident(t *testing.T, c *otelcol.Process) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.PID()))
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}

// Guarantees: behind an exporter that does not go on, a receiver in Rust stops to read, with no
// more in memory than a batch or two; when the exporter does, every line is delivered, once.
func TestASlowExporterHoldsTheReceiverUp(t *testing.T) {
	const (
		batch, length, all = 1000, 1 << 10, 64_000
		quick              = 5
	)
	var batches atomic.Int64
	held, release := make(chan struct{}), make(chan struct{})
	d := startDesk(t, func([]string) {
		if batches.Add(1) == quick+1 {
			close(held)
			<-release
		}
	})
	from := newLines(t)
	from.append(all, strings.Repeat("x", length-40))
	env := environment(t, from, d)
	c := start(t, "testdata/lines.yaml", env)
	select {
	case <-held:
	case <-time.After(patience):
		require.FailNow(t, "no batch came", c.Output())
	}
	atRest := resident(t, c)
	for range 50 { // as long as it is held, whenever one looks
		require.Less(t, readSoFar(t, c, from.path), int64((quick+3)*batch*length))
		require.Less(t, resident(t, c), atRest+32<<20)
		time.Sleep(10 * time.Millisecond)
	}
	require.EqualValues(t, quick+1, batches.Load())
	close(release)
	eventually(t, c, func() bool { n, _ := d.Lines(); return n == all }, "all is delivered")
	require.Less(t, resident(t, c), atRest+64<<20)
	require.NoError(t, c.Stop(t.Context()))
	_, again := d.Lines()
	require.Zero(t, again)
}

// Guarantees: a process that is killed at any moment, again and again, loses no line of a file, and
// delivers at most those of one batch once more each time.
func TestKilledReceiversLoseNothing(t *testing.T) {
	const kills, each, batch = 6, 5000, 1000
	d, from := startDesk(t, nil), newLines(t)
	env := environment(t, from, d)
	for kill := range kills {
		from.append(each, "")
		before, _ := d.Lines()
		c := start(t, "testdata/lines.yaml", env)
		// Somewhere in what is there: each time after another number of batches.
		eventually(t, c, func() bool { n, _ := d.Lines(); return n > before+kill*batch/2 }, "lines come")
		c.Kill()
	}
	c := start(t, "testdata/lines.yaml", env)
	eventually(t, c, func() bool { n, _ := d.Lines(); return n == kills*each }, "all is delivered")
	require.NoError(t, c.Stop(t.Context()))
	_, again := d.Lines()
	require.LessOrEqual(t, again, kills*batch)
	t.Logf("%d lines, %d of them more than once", kills*each, again)
}
