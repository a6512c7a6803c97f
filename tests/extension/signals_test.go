package extension

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Signals that a thread raises by what it does itself, and the two that nobody can block.
var (
	faults = []syscall.Signal{
		syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSEGV, syscall.SIGSYS, syscall.SIGTRAP,
	}
	unblockable = []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP}
	// As long as a thread is in Go it has Go's mask (blockableSig in its runtime), and Go takes these
	// there, as on a thread of its own. That they are blocked before and after is seen in the mask.
	inGo = []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGTERM,
		syscall.SIGSTKFLT, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPROF, 34,
	}
	// The threads of operations, of the limit on memory, of an instance and its blocking work.
	ownThreads = []string{"strait-control", "strait-memory", "probe/a", "probe/a (blocki"}
	// The C library keeps these for itself.
	reserved = []syscall.Signal{32, 33}
)

// blockedSignals are all that a native thread is to block, with their mask as the kernel shows it.
func blockedSignals() (signals []syscall.Signal, mask uint64) {
	left := map[syscall.Signal]bool{}
	for _, list := range [][]syscall.Signal{faults, unblockable, reserved} {
		for _, s := range list {
			left[s] = true
		}
	}
	for s := syscall.Signal(1); s <= 64; s++ {
		if !left[s] {
			signals, mask = append(signals, s), mask|1<<(s-1)
		}
	}
	return signals, mask
}

// namedThreads are the threads of this process that have a name of their own, by id: those of
// Rust's, and those of Go's that began on one while it was in Go, which take its name with them.
func namedThreads(t *testing.T) map[int]string {
	own, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	tasks, err := filepath.Glob("/proc/self/task/*")
	require.NoError(t, err)
	named := map[int]string{}
	for _, task := range tasks {
		name, err := os.ReadFile(filepath.Join(task, "comm"))
		if os.IsNotExist(err) || bytes.Equal(name, own) {
			continue // it has ended, or is Go's
		}
		require.NoError(t, err)
		id, err := strconv.Atoi(filepath.Base(task))
		require.NoError(t, err)
		named[id] = strings.TrimSpace(string(name))
	}
	return named
}

// maskOf is the mask of a thread; false where it has ended.
func maskOf(t *testing.T, thread int) (uint64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", thread))
	if os.IsNotExist(err) {
		return 0, false
	}
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(status), "\nSigBlk:\t")
	require.True(t, found)
	mask, err := strconv.ParseUint(rest[:16], 16, 64)
	require.NoError(t, err)
	return mask, true
}

// Guarantees: no signal reaches a thread of Rust's, save the faults, and none ends the process: on
// the threads of operations, of instances, for blocking work, and of the limit on memory, also
// after they have called Go.
func TestNativeThreadsTakeNoSignals(t *testing.T) {
	c := newCollector(
		t,
		"strait: {memory_limit_mib: 4000}\n"+
			"probe/a: {on: {task: [break_pipes], shutdown: [{log: {level: info, lines: 1}}]}}",
		[]string{"strait", "probe/a"},
		"",
	).started(t)
	require.Eventually(t, func() bool {
		return c.fields("probe/a", "a broken pipe on the thread: started") != nil
	}, minute, tick)
	threads := map[int]string{}
	require.Eventually(t, func() bool { // a thread has its name once it runs
		threads = namedThreads(t)
		named := slices.Collect(maps.Values(threads))
		return !slices.ContainsFunc(ownThreads, func(name string) bool {
			return !slices.Contains(named, name)
		})
	}, minute, tick, "%v of %v", &threads, ownThreads)
	signals, want := blockedSignals()
	var goes uint64                     // the first thread's: Go gives it to all that it makes
	require.Eventually(t, func() bool { // it blocks every signal as long as it makes one
		goes, _ = maskOf(t, os.Getpid())
		return goes&(1<<(syscall.SIGSEGV-1)) == 0
	}, minute, tick)
	require.NotEqual(t, want, goes)
	seen := map[string]bool{}
	for thread, name := range threads {
		// As long as a thread is in Go, writing a line, it has Go's mask, and Go takes its signals.
		var mask uint64
		var lives bool
		require.Eventually(t, func() bool {
			mask, lives = maskOf(t, thread)
			return !lives || mask == want || mask == goes
		}, minute, tick, "the thread %q: blocked %x", name, &mask)
		if !lives || mask == goes {
			continue
		}
		seen[name] = true
		for _, s := range signals {
			if slices.Contains(inGo, s) {
				continue
			}
			_, _, errno := syscall.RawSyscall(
				syscall.SYS_TGKILL,
				uintptr(os.Getpid()),
				uintptr(thread),
				uintptr(s),
			)
			require.True(t, errno == 0 || errno == syscall.ESRCH, "%v", errno)
		}
	}
	for _, name := range ownThreads {
		require.True(t, seen[name], "no thread %q blocks what it is to block: %v", name, threads)
	}
	require.NoError(t, c.stop(t))
	require.Contains(t, c.lines("probe/a"), "a line of the probe")
}

// Guarantees: a write to a pipe that nobody reads is an error for whoever writes, whichever thread
// of Rust's it is.
func TestABrokenPipeIsAnError(t *testing.T) {
	c := newCollector(t, "probe/a: {on: {start: [break_pipes]}}", []string{"probe/a"}, "").started(t)
	for _, thread := range []string{"own", "blocking", "started"} {
		fields := c.fields("probe/a", "a broken pipe on the thread: "+thread)
		require.Equal(t, "Err(BrokenPipe)", fields["result"], "on the thread: %s", thread)
	}
}

// Guarantees: a child process of a component's ends by SIGTERM, as it would from any other program.
func TestAChildTakesSignals(t *testing.T) {
	c := newCollector(t, "probe/a: {on: {start: [end_child]}}", []string{"probe/a"}, "").started(t)
	require.Equal(t, "signal: 15 (SIGTERM)", c.fields("probe/a", "a child")["ended"])
}
