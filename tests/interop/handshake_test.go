//go:build linux

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/strait-data/strait/go/ring"
)

// The handshake of protocol section 8 as `pair` speaks it: one JSON line each way, with the
// descriptors beside it. u64s are decimal text.

type hostLine struct {
	Session     uint64 `json:"session,string"`
	Epoch       uint32 `json:"epoch"`
	Descriptors uint32 `json:"descriptors"`
	Blocks      uint32 `json:"blocks"`
	Edges       uint16 `json:"edges"`
	ClockNanos  int64  `json:"clock_ns,string"`
}

type peerLine struct {
	ClockNanos int64  `json:"clock_ns,string,omitempty"`
	Error      string `json:"error,omitempty"`
	Code       uint32 `json:"code,omitempty"`
}

// fdsMax is how many descriptors a line carries at most.
const fdsMax = 7

// sendLine sends a line and its descriptors in one message.
func sendLine(socket *net.UnixConn, line any, fds ...int) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	n, _, err := socket.WriteMsgUnix(text, syscall.UnixRights(fds...), nil)
	if err == nil && n != len(text) {
		err = fmt.Errorf("the socket took %d of %d bytes", n, len(text))
	}
	return err
}

// receiveLine reads one line, byte by byte so that nothing after it is taken, and exactly `want`
// descriptors, which are the caller's to close.
func receiveLine(socket *net.UnixConn, line any, want int) (fds []int, err error) {
	defer func() {
		if err != nil {
			closeAll(fds)
			fds = nil
		}
	}()
	var text []byte
	for len(text) == 0 || text[len(text)-1] != '\n' {
		var one [1]byte
		ancillary := make([]byte, syscall.CmsgSpace(4*fdsMax))
		n, size, _, _, err := socket.ReadMsgUnix(one[:], ancillary)
		if err != nil {
			return fds, err
		}
		if n == 0 {
			return fds, errors.New("the other side has ended during the handshake")
		}
		messages, err := syscall.ParseSocketControlMessage(ancillary[:size])
		if err != nil {
			return fds, err
		}
		for _, m := range messages {
			rights, err := syscall.ParseUnixRights(&m)
			if err != nil {
				return fds, err
			}
			fds = append(fds, rights...)
		}
		text = append(text, one[0])
	}
	if err := json.Unmarshal(text, line); err != nil {
		return fds, err
	}
	if refused, ok := line.(*peerLine); ok && refused.Error != "" {
		return fds, fmt.Errorf("the peer has refused the link: %s (code %d)", refused.Error, refused.Code)
	}
	if len(fds) != want {
		return fds, fmt.Errorf("%d descriptors came, expected %d", len(fds), want)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}

// joinAsHost makes the host's side and joins it with the process at the other end of the socket.
func joinAsHost(socket *net.UnixConn, o ring.Options) (*ring.Link, error) {
	link, err := ring.NewHost(o)
	if err != nil {
		return nil, err
	}
	if err := handshakeAsHost(socket, link); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return link, nil
}

func handshakeAsHost(socket *net.UnixConn, link *ring.Link) error {
	now, err := ring.ClockNanos()
	if err != nil {
		return err
	}
	offer := link.Offer()
	f := offer.FDs
	line := hostLine{
		Session: offer.Session, Epoch: offer.Epoch, Descriptors: offer.Geometry.Descriptors,
		Blocks: offer.Geometry.Blocks, Edges: 1, ClockNanos: now,
	}
	if err := sendLine(socket, line, f.H2PProducer, f.P2HConsumer, f.HostCounters, f.H2PData, f.H2PSpace, f.P2HData, f.P2HSpace); err != nil {
		return err
	}
	var answer peerLine
	fds, err := receiveLine(socket, &answer, 3)
	if err != nil {
		return err
	}
	defer closeAll(fds)
	if err := ring.CheckClock(answer.ClockNanos); err != nil {
		return err
	}
	return link.Accept(
		ring.Answer{FDs: ring.PeerFDs{H2PConsumer: fds[0], P2HProducer: fds[1], PeerCounters: fds[2]}},
	)
}

// joinAsPeer makes the peer's side of what the host at the other end of the socket offers.
func joinAsPeer(socket *net.UnixConn, o ring.Options) (*ring.Link, error) {
	var line hostLine
	fds, err := receiveLine(socket, &line, fdsMax)
	if err != nil {
		return nil, err
	}
	defer closeAll(fds)
	if err := ring.CheckClock(line.ClockNanos); err != nil {
		return nil, err
	}
	o.EdgesIn, o.EdgesOut = uint32(line.Edges), uint32(line.Edges)
	link, err := ring.NewPeer(ring.Offer{
		Epoch: line.Epoch, Session: line.Session,
		Geometry: ring.Geometry{Descriptors: line.Descriptors, Blocks: line.Blocks},
		FDs: ring.HostFDs{
			H2PProducer: fds[0], P2HConsumer: fds[1], HostCounters: fds[2],
			H2PData: fds[3], H2PSpace: fds[4], P2HData: fds[5], P2HSpace: fds[6],
		},
	}, o)
	if err != nil {
		refusal := peerLine{Error: err.Error()}
		var broken *ring.Error
		if errors.As(err, &broken) {
			refusal.Code = uint32(broken.Code)
		}
		return nil, errors.Join(err, sendLine(socket, refusal))
	}
	now, err := ring.ClockNanos()
	if err != nil {
		return nil, errors.Join(err, link.Close())
	}
	f := link.Answer().FDs
	if err := sendLine(socket, peerLine{ClockNanos: now}, f.H2PConsumer, f.P2HProducer, f.PeerCounters); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return link, nil
}
