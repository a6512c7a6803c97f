package converter_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/converter"
)

// What `strait build` writes for a Collector without twins: the configuration passes as it is.
func ExampleNewFactory() {
	factory := converter.NewFactory(converter.Distribution{Version: "0.1.0"})
	conf := confmap.NewFromStringMap(map[string]any{"receivers": map[string]any{"otlp": nil}})
	err := factory.Create(confmap.ConverterSettings{}).Convert(context.Background(), conf)
	fmt.Println(err, conf.IsSet("receivers::otlp"))
}
