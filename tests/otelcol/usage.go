package otelcol

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is CPU time by part: the threads of the Rust lanes, and everything else.
type Usage struct{ Rust, Go time.Duration }

// Usage reads the CPU time of each thread: the lanes' threads carry Strait's name.
func (c *Process) Usage() Usage {
	var u Usage
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", c.command.Process.Pid))
	for _, t := range tasks {
		name, cpu, err := threadCPU(t)
		if err != nil {
			continue // the thread has ended since
		}
		if strings.HasPrefix(name, "strait") {
			u.Rust += cpu
		} else {
			u.Go += cpu
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
