//go:build !linux || !(amd64 || arm64)

package ring

import "net"

// HostOverSocket needs what this system lacks.
func HostOverSocket(*net.UnixConn, Options) (*Link, error) { return nil, ErrUnsupported }

// PeerOverSocket needs what this system lacks.
func PeerOverSocket(*net.UnixConn, Options) (*Link, error) { return nil, ErrUnsupported }
