// Package config reads configurations into Go structs and into their Rust twins, both through the
// Collector.
package config
