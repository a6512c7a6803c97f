//go:build linux

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/strait-data/strait/go/ring"
)

// pairEnv names the built example `pair`; without it the tests build it with cargo.
const pairEnv = "STRAIT_PAIR"

// roleEnv makes this test binary a Go side of its own: `host` or `peer`, with `pair`'s descriptor
// 3.
const roleEnv = "STRAIT_INTEROP_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		if err := runAsChild(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// rustPair is the path of the built example.
var rustPair = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(pairEnv); path != "" {
		return path, nil
	}
	build := exec.Command(
		"cargo",
		"build",
		"--quiet",
		"-p",
		"strait-ringbuf",
		"--example",
		"pair",
		"--message-format",
		"json",
	)
	build.Dir, build.Stderr = "../..", os.Stderr
	out, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("build the example `pair` (or name a built one in %s): %w", pairEnv, err)
	}
	for line := range strings.Lines(string(out)) {
		var message struct {
			Executable string `json:"executable"`
			Target     struct {
				Name string `json:"name"`
			} `json:"target"`
		}
		if json.Unmarshal([]byte(line), &message) == nil && message.Target.Name == "pair" &&
			message.Executable != "" {
			return message.Executable, nil
		}
	}
	return "", errors.New("cargo names no executable for the example `pair`")
})

// child is a side in a process that this test has started.
type child struct {
	command *exec.Cmd
	socket  *net.UnixConn // the supervisor's end
	out     bytes.Buffer
	err     bytes.Buffer
	ended   chan struct{} // closed when the process has ended
	result  error         // of Wait, once ended
}

// start runs a side in a language ("rust" or "go") and role, and waits for its end in the
// background, through its pidfd.
func start(t *testing.T, language, role string, options ...string) *child {
	t.Helper()
	path, environment := "", os.Environ()
	var err error
	if language == "rust" {
		path, err = rustPair()
	} else {
		path, err = os.Executable()
		environment = append(environment, roleEnv+"="+role)
	}
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := socketPair(t)
	defer theirs.Close()
	c := &child{socket: ours, ended: make(chan struct{})}
	c.command = exec.Command(path, append([]string{role}, options...)...)
	c.command.ExtraFiles = []*os.File{theirs} // descriptor 3
	c.command.Env, c.command.Stdout, c.command.Stderr = environment, &c.out, &c.err
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.result = c.command.Wait()
		close(c.ended)
	}()
	t.Cleanup(func() {
		_ = c.command.Process.Kill() // by the process we started; no effect once it was waited for
		<-c.ended
		_ = ours.Close()
	})
	return c
}

// report waits for the child's end and reads what it printed.
func (c *child) report(t *testing.T) report {
	t.Helper()
	<-c.ended
	var r report
	if err := errors.Join(c.result, json.Unmarshal(c.out.Bytes(), &r)); err != nil {
		t.Fatalf("%v; it says %q, %q", err, c.out.String(), c.err.String())
	}
	return r
}

// socketPair is a connected pair: one end for this process, one for a child.
func socketPair(t *testing.T) (*net.UnixConn, *os.File) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UnixConn), theirs
}

// watchHangUp ends the link when the other process's socket closes.
func watchHangUp(socket *net.UnixConn, link *ring.Link) {
	var one [1]byte
	if _, err := socket.Read(one[:]); err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
		link.PeerLost(errors.New("the socket was hung up"))
	}
}

// runAsChild is a Go side in its own process.
func runAsChild(role string) error {
	file := os.NewFile(3, "socket")
	conn, err := net.FileConn(file)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	socket := conn.(*net.UnixConn)
	join := ring.PeerOverSocket
	if role == "host" {
		join = ring.HostOverSocket
	}
	link, err := join(socket, ring.Options{Geometry: ring.Geometry{Descriptors: 64, Blocks: 256}})
	if err != nil {
		return err
	}
	go watchHangUp(socket, link)
	s := &side{
		link:    link,
		isHost:  role == "host",
		batches: batchesOfChild,
		max:     batchBytesMax,
		after:   func(uint64) {},
	}
	r, err := s.run(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
