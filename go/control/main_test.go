package control

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vectors reads a file that the Rust side's tests read too.
func vectors(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "dataplane", "control", "vectors", name))
	require.NoError(t, err, "the vectors are part of the repository")
	require.NoError(t, json.Unmarshal(text, into))
}

// Guarantees: both languages use the same numbers and words.
func TestSharedCodesHold(t *testing.T) {
	var codes struct {
		Classes    map[string]Class      `json:"classes"`
		Final      []string              `json:"final"`
		Operations map[string]OpKind     `json:"operations"`
		Levels     map[string]Level      `json:"levels"`
		Statuses   map[string]StatusCode `json:"statuses"`
	}
	vectors(t, "codes.json", &codes)
	classes, operations := map[string]Class{}, map[string]OpKind{}
	var final []string
	for c := Permanent; c <= Internal; c++ {
		classes[c.String()] = c
		if c.IsFinal() {
			final = append(final, c.String())
		}
	}
	for k := Describe; k <= Collect; k++ {
		operations[k.String()] = k
	}
	require.Equal(t, codes.Classes, classes)
	require.Equal(t, codes.Final, final)
	require.Equal(t, codes.Operations, operations)
	require.Equal(t, codes.Levels, map[string]Level{
		"trace": LevelTrace, "debug": LevelDebug, "info": LevelInfo, "warn": LevelWarn,
		"error": LevelError,
	})
	require.Equal(t, codes.Statuses, map[string]StatusCode{
		"starting": StatusStarting, "ok": StatusOK, "recoverable_error": StatusRecoverableError,
		"permanent_error": StatusPermanentError, "fatal_error": StatusFatalError,
		"stopping": StatusStopping, "stopped": StatusStopped,
	})
}
