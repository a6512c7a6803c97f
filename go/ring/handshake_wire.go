package ring

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The two messages of a handshake over a socket, byte by byte (protocol section 8.1). A message of
// foreign bytes is checked in full before a value of it is used.

const (
	offerBytes  = 48
	answerBytes = 32
	reasonMax   = 1024
)

var handshakeMagic = []byte("STRAITHS")

// offerMessage is what a host says to its peer, beside its descriptors.
type offerMessage struct {
	epoch              uint32
	session            uint64
	geometry           Geometry
	edgesH2P, edgesP2H uint16
	clockNanos         int64
}

// answerMessage is what a peer says to its host: with its descriptors, or why there are none.
type answerMessage struct {
	code        Code // 0: accepted
	clockNanos  int64
	reasonBytes uint32
}

func (m *offerMessage) bytes() []byte {
	b := beginMessage(offerBytes)
	binary.LittleEndian.PutUint32(b[12:], m.epoch)
	binary.LittleEndian.PutUint64(b[16:], m.session)
	binary.LittleEndian.PutUint32(b[24:], m.geometry.Descriptors)
	binary.LittleEndian.PutUint32(b[28:], m.geometry.Blocks)
	binary.LittleEndian.PutUint16(b[32:], m.edgesH2P)
	binary.LittleEndian.PutUint16(b[34:], m.edgesP2H)
	binary.LittleEndian.PutUint64(b[40:], uint64(m.clockNanos))
	return b
}

func parseOffer(b []byte) (*offerMessage, *violation) {
	if v := checkMessage(b, b[36:40]); v != nil {
		return nil, v
	}
	m := &offerMessage{
		epoch:   binary.LittleEndian.Uint32(b[12:]),
		session: binary.LittleEndian.Uint64(b[16:]),
		geometry: Geometry{
			Descriptors: binary.LittleEndian.Uint32(b[24:]),
			Blocks:      binary.LittleEndian.Uint32(b[28:]),
		},
		edgesH2P:   binary.LittleEndian.Uint16(b[32:]),
		edgesP2H:   binary.LittleEndian.Uint16(b[34:]),
		clockNanos: int64(binary.LittleEndian.Uint64(b[40:])),
	}
	offer := Offer{Epoch: m.epoch, Geometry: m.geometry}
	if v := offer.check(); v != nil {
		return nil, v
	}
	if m.edgesH2P == 0 {
		return nil, outside("edges_h2p", "at least 1", 0)
	}
	if m.edgesP2H == 0 {
		return nil, outside("edges_p2h", "at least 1", 0)
	}
	return m, nil
}

func (m *answerMessage) bytes() []byte {
	b := beginMessage(answerBytes)
	binary.LittleEndian.PutUint32(b[12:], uint32(m.code))
	binary.LittleEndian.PutUint64(b[16:], uint64(m.clockNanos))
	binary.LittleEndian.PutUint32(b[24:], m.reasonBytes)
	return b
}

func parseAnswer(b []byte) (*answerMessage, *violation) {
	if v := checkMessage(b, b[28:32]); v != nil {
		return nil, v
	}
	m := &answerMessage{
		code:        Code(binary.LittleEndian.Uint32(b[12:])),
		clockNanos:  int64(binary.LittleEndian.Uint64(b[16:])),
		reasonBytes: binary.LittleEndian.Uint32(b[24:]),
	}
	most := uint32(reasonMax)
	if m.code == 0 {
		most = 0
	}
	if m.reasonBytes > most {
		expected := fmt.Sprintf("at most %d", most)
		return nil, outside("reason_bytes", expected, uint64(m.reasonBytes))
	}
	return m, nil
}

func beginMessage(size int) []byte {
	b := make([]byte, size)
	copy(b, handshakeMagic)
	binary.LittleEndian.PutUint16(b[8:], MajorVersion)
	binary.LittleEndian.PutUint16(b[10:], MinorVersion)
	return b
}

// checkMessage checks what both messages have.
func checkMessage(b, reserved []byte) *violation {
	if !bytes.Equal(b[:8], handshakeMagic) {
		return &violation{"magic", string(handshakeMagic), fmt.Sprintf("%q", b[:8])}
	}
	if major := binary.LittleEndian.Uint16(b[8:]); major != MajorVersion {
		return mismatch("major", MajorVersion, uint64(major))
	}
	if n := binary.LittleEndian.Uint32(reserved); n != 0 {
		return mismatch("reserved", 0, uint64(n))
	}
	return nil
}
