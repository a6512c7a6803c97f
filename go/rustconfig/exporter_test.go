package rustconfig_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/strait-data/strait/go/rustconfig"
)

// goExporter is the configuration of an exporter in Go without keys of its own.
type goExporter struct {
	TimeoutConfig exporterhelper.TimeoutConfig `mapstructure:",squash"`
	RetryConfig   configretry.BackOffConfig    `mapstructure:"retry_on_failure"`
	QueueConfig   queueConfig                  `mapstructure:"sending_queue"`
}

type queueConfig = configoptional.Optional[exporterhelper.QueueBatchConfig]

func newGoExporter() *goExporter {
	return &goExporter{
		exporterhelper.NewDefaultTimeoutConfig(), configretry.NewDefaultBackOffConfig(),
		configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
	}
}

// shown is what print-config shows.
func shown(t *testing.T, cfg any) map[string]any {
	t.Helper()
	conf := confmap.New()
	require.NoError(t, conf.Marshal(cfg))
	return conf.ToStringMap()
}

// Guarantees: the exporter helper's keys are read, shown and validated as those of an exporter in
// Go, with the same words; the component's own go to Rust, and are shown beside them.
func TestAnExportersKeysAreTheHelpersAndItsOwn(t *testing.T) {
	for name, values := range map[string]map[string]any{
		"nothing":          nil,
		"a timeout":        {"timeout": "3s"},
		"no queue":         {"sending_queue": map[string]any{"enabled": false}},
		"an empty queue":   {"sending_queue": nil},
		"a batching queue": {"sending_queue": map[string]any{"batch": map[string]any{"min_size": 5}}},
		"no retries":       {"retry_on_failure": map[string]any{"enabled": false}},
		"no such key":      {"sending_queue": map[string]any{"queue_sise": 5}},
		"wrong types":      {"timeout": "soon", "retry_on_failure": map[string]any{"enabled": "x"}},
		"no retry key":     {"retry_on_failure": map[string]any{"enable": true}},
		"bad values": {
			"timeout": "-1s", "sending_queue": map[string]any{"queue_size": -1},
			"retry_on_failure": map[string]any{"max_elapsed_time": "1ms"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inGo, inRust := newGoExporter(), rustconfig.NewExporter("some")
			refused := confmap.NewFromStringMap(values).Unmarshal(inGo)
			own := map[string]any{"path": "/tmp"}
			for key, value := range values {
				own[key] = value
			}
			err := confmap.NewFromStringMap(own).Unmarshal(inRust)
			if refused != nil {
				// As of any configuration that reads itself.
				require.EqualError(t, err, "'' "+refused.Error())
				return
			}
			require.NoError(t, err)
			require.JSONEq(t, `{"path": "/tmp"}`, string(inRust.JSON()))
			want := shown(t, inGo)
			want["path"] = "/tmp"
			require.Equal(t, want, shown(t, inRust))
			wrong := confmap.Validate(inGo)
			if wrong == nil {
				require.NoError(t, confmap.Validate(inRust))
			} else {
				require.EqualError(t, confmap.Validate(inRust), wrong.Error())
			}
		})
	}
	require.NoError(t, componenttest.CheckConfigStruct(rustconfig.NewExporter("some")))
}

// Guarantees: what is wrong with the component's keys and with the helper's is told at once.
func TestBothPartsOfAnExporterAreTold(t *testing.T) {
	err := confmap.NewFromStringMap(map[string]any{
		"timeout": "soon", "f": func() {},
	}).Unmarshal(rustconfig.NewExporter("some"))
	require.ErrorContains(t, err, "'timeout'")
	require.ErrorContains(t, err, "'f' unsupported type 'func()'")
	require.Equal(t, 1, strings.Count(err.Error(), "decoding failed"))
}
