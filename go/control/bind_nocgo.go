//go:build !cgo || !linux

package control

import (
	"errors"
	"runtime"
	"unsafe"
)

const supported = false

var unsupported = notSupported(runtime.GOOS)

func notSupported(goos string) string {
	if goos != "linux" {
		return "Rust components need Linux; this Collector was built for " + goos
	}
	return "this Collector was built with CGO_ENABLED=0, so its Rust part is missing: set " +
		"`dist.cgo_enabled: true` in the builder file and build it with `strait build`"
}

func bindEntry(unsafe.Pointer) (transport, error) { return nil, errors.New(unsupported) }
