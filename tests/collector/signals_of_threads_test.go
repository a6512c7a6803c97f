package collector

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

const signalsConfig = `
extensions:
  strait: {memory_limit_mib: 4000}
  health_reporter: {file: %q}
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}}
processors:
  otap: {fuse: false, nodes: [{attribute: {actions: [{action: delete, key: k}]}}]}
  mask_cards: {}
exporters: {nop: {}}
service:
  extensions: [strait, health_reporter]
  telemetry: {metrics: {level: none}, logs: {level: error}}
  pipelines: {logs: {receivers: [otlp], processors: [otap, mask_cards], exporters: [nop]}}
`

// A thread's own faults; what nobody can block; what the C library keeps for itself.
var notSent = []syscall.Signal{
	syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSEGV, syscall.SIGSYS, syscall.SIGTRAP,
	syscall.SIGKILL, syscall.SIGSTOP, 32, 33,
}

// sent are the signals that no native thread may take, with their mask as the kernel shows it.
func sent() (signals []syscall.Signal, mask uint64) {
	for s := syscall.Signal(1); s <= 64; s++ {
		left := false
		for _, other := range notSent {
			left = left || s == other
		}
		if !left {
			signals, mask = append(signals, s), mask|1<<(s-1)
		}
	}
	return signals, mask
}

// threads are those of a process, by id, with their names.
func threads(t *testing.T, pid int) map[int]string {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	require.NoError(t, err)
	all := map[int]string{}
	for _, task := range tasks {
		name, err := os.ReadFile(filepath.Join(task, "comm"))
		if os.IsNotExist(err) {
			continue // it has ended
		}
		require.NoError(t, err)
		id, err := strconv.Atoi(filepath.Base(task))
		require.NoError(t, err)
		all[id] = strings.TrimSpace(string(name))
	}
	return all
}

func tell(t *testing.T, pid, thread int, s syscall.Signal) {
	_, _, errno := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(pid), uintptr(thread), uintptr(s))
	require.True(t, errno == 0 || errno == syscall.ESRCH, "%v", errno)
}

// Guarantees: in a Collector that runs, with processors and extensions in Rust, every signal to
// every native thread, and those that Go takes no notice of to every thread, change nothing;
// neither does it that nobody reads its output any more, and that a client's socket closes in the
// middle of a call. The next batch is delivered, and the Collector stops in order.
func TestSignalsToEveryThread(t *testing.T) {
	health := filepath.Join(t.TempDir(), "health.json")
	c, in := run(t, fmt.Sprintf(signalsConfig, health), map[string]string{})
	// Its receivers listen before the Collector knows what SIGTERM is.
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(health)
		return err == nil && strings.Contains(string(b), `"ready":true`)
	}, time.Minute, time.Millisecond, "%s", c.Output())
	send := func() {
		conn, err := grpc.NewClient(in, grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		defer conn.Close()
		_, err = plogotlp.NewGRPCClient(conn).
			Export(t.Context(), plogotlp.NewExportRequestFromLogs(oneLog()))
		require.NoError(t, err)
	}
	send() // its threads have called Go since
	pid := c.PID()
	own, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	require.NoError(t, err)
	signals, want := sent()
	native := map[string]bool{}
	for thread, name := range threads(t, pid) {
		if name == string(bytes.TrimSpace(own)) {
			for _, s := range []syscall.Signal{
				syscall.SIGPIPE, syscall.SIGURG, syscall.SIGCHLD, syscall.SIGWINCH,
			} {
				tell(t, pid, thread, s)
			}
			continue
		}
		native[name] = true
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, thread))
		require.NoError(t, err)
		require.Contains(
			t,
			string(status),
			fmt.Sprintf("\nSigBlk:\t%016x\n", want),
			"the thread %q",
			name,
		)
		for _, s := range signals {
			tell(t, pid, thread, s)
		}
	}
	for _, name := range []string{
		"strait-control", "strait-memory", "health_reporter", "strait-1.0", "strait-2.0",
	} {
		require.Contains(t, native, name)
	}
	send()

	c.CloseOutput()
	conn, err := grpc.NewClient(in, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	stream, err := conn.NewStream(
		t.Context(),
		&grpc.StreamDesc{ClientStreams: true},
		"/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Error(t, stream.RecvMsg(nil))
	send()
	require.NoError(t, c.Stop(t.Context()))
}

func oneLog() plog.Logs {
	d := plog.NewLogs()
	lr := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.Body().SetStr("card 4111 1111 1111 1111")
	lr.Attributes().PutStr("k", "v")
	return d
}
