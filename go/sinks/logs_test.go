package sinks

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/strait-data/strait/go/control"
)

// written is a line as the Collector's own encoder writes it.
func written(t *testing.T, r control.LogRecord) map[string]any {
	var out bytes.Buffer
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	core := zapcore.NewCore(encoder, zapcore.AddSync(&out), zap.DebugLevel)
	write(zap.New(core, zap.AddCaller(), zap.AddStacktrace(zap.ErrorLevel)), r)
	var line map[string]any
	decoder := json.NewDecoder(&out)
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&line))
	return line
}

// Guarantees: a line names the place in Rust that wrote it, whatever its level, and carries each of
// its fields by itself, equal to what it was.
func TestALineIsWrittenAsRustMadeIt(t *testing.T) {
	line := written(t, control.LogRecord{
		Level: control.LevelError, Target: "my_filter::rules",
		File: "/home/me/my-filter/src/rules.rs", Line: 12,
		Message: "no such rule",
		FieldsJSON: `{"rule":"a","n":9223372036854775807,"big":18446744073709551615,"ratio":0.5,` +
			`"ok":true,"level":"x"}`,
	})
	require.Equal(t, "my_filter::rules/rules.rs:12", line["caller"])
	require.Equal(t, "no such rule", line["msg"])
	require.Equal(t, "my_filter::rules", line["target"])
	require.Equal(t, "error", line["level"])
	require.Equal(t, "a", line["rule"])
	require.Equal(t, json.Number("9223372036854775807"), line["n"])
	require.Equal(t, "18446744073709551615", line["big"])
	require.Equal(t, json.Number("0.5"), line["ratio"])
	require.Equal(t, true, line["ok"])
	require.Equal(t, "x", line["field.level"])
	require.NotContains(t, line, "fields")
	require.NotContains(t, line, "stacktrace", "Go's stack says nothing of a line that Rust wrote")
}

// Guarantees: a trace of Rust's stack stands where the log has stacks; fields that cannot be read
// are not lost.
func TestAPanicsTraceIsTheLinesStack(t *testing.T) {
	line := written(t, control.LogRecord{
		Level: control.LevelError, Target: "panic", File: "src/lib.rs", Line: 3, Message: "panic: x",
		FieldsJSON: `{"backtrace":"0: my_filter::run"}`,
	})
	require.Equal(t, "0: my_filter::run", line["stacktrace"])
	require.Equal(t, "panic/lib.rs:3", line["caller"])
	line = written(
		t,
		control.LogRecord{Level: control.LevelInfo, Target: "a", Message: "m", FieldsJSON: `{"half`},
	)
	require.Equal(t, `{"half`, line["fields"])
	require.True(t, strings.HasPrefix(line["caller"].(string), "a"))
}

// Guarantees: a Collector that shows no callers shows none of Rust's.
func TestCallersFollowTheLogger(t *testing.T) {
	var out bytes.Buffer
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	core := zapcore.NewCore(encoder, zapcore.AddSync(&out), zap.DebugLevel)
	write(
		zap.New(core),
		control.LogRecord{Level: control.LevelInfo, Target: "a", File: "b.rs", Line: 1},
	)
	require.NotContains(t, out.String(), "caller")
}
