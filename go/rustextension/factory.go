// Package rustextension makes the Collector's factory for one Rust extension. `strait build`
// writes, for each `cargo:` line of an extension, a package whose NewFactory calls this one with
// what the crate's `[package.metadata.strait]` says; Start compares that with what Rust says of
// itself.
//
// The Collector asks what an extension can do by its Go interfaces. So an instance has the
// interfaces of package extensionauth exactly where its Rust side says that it authenticates; it
// always hears of configuration, pipelines and statuses, and passes on what Rust watches.
package rustextension

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/strait-data/strait/go/rustconfig"
)

// Metadata is what the crate says of its extension, known without running Rust.
type Metadata struct {
	// Type is the extension's type in the Collector's configuration.
	Type string
	// Crate and Version are the crate's.
	Crate, Version string
	// Stability is how much users may rely on it.
	Stability component.StabilityLevel
}

// NewFactory makes a pure factory: nothing of Rust is called until a configuration is validated.
func NewFactory(m Metadata) extension.Factory {
	return extension.NewFactory(component.MustNewType(m.Type),
		func() component.Config { return rustconfig.New("extension", m.Type) },
		func(
			ctx context.Context, set extension.Settings, cfg component.Config,
		) (extension.Extension, error) {
			return create(ctx, m, set, cfg.(*rustconfig.Config))
		}, m.Stability)
}

func (m Metadata) stability() string { return strings.ToLower(m.Stability.String()) }
