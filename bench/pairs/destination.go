package main

import (
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// export is what OTLP calls sending logs.
const export = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// plain is a codec that leaves messages as they are: the bench's own part is not measured, but it
// shares the machine.
type plain struct{}

func (plain) Marshal(v any) (mem.BufferSlice, error) {
	b, is := v.([]byte)
	if !is {
		return nil, fmt.Errorf("%T is no message", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func (plain) Unmarshal(b mem.BufferSlice, v any) error {
	to, is := v.(*[]byte)
	if !is {
		return fmt.Errorf("%T takes no message", v)
	}
	*to = b.Materialize()
	return nil
}

// Name implements encoding.CodecV2.
func (plain) Name() string { return "proto" }

// destination takes batches over OTLP/gRPC, and keeps the last one.
type destination struct {
	address string
	server  *grpc.Server

	mu      sync.Mutex
	last    []byte
	batches int
}

func newDestination() (*destination, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &destination{address: l.Addr().String()}
	d.server = grpc.NewServer(grpc.ForceServerCodecV2(plain{}), grpc.UnknownServiceHandler(d.take))
	go func() { _ = d.server.Serve(l) }() // ends, without an error, at the stop
	return d, nil
}

func (d *destination) stop() { d.server.Stop() }

// take answers one call, of which there is one method.
func (d *destination) take(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	d.mu.Lock()
	d.last = request
	d.batches++
	d.mu.Unlock()
	return stream.SendMsg([]byte{})
}

// took gives the last batch, and how many came since it was asked the last time.
func (d *destination) took() (last []byte, batches int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	batches, d.batches = d.batches, 0
	return d.last, batches
}
