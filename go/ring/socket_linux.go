//go:build amd64 || arm64

package ring

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"

	"golang.org/x/sys/unix"
)

// The handshake over a unix stream socket (protocol section 8.1), for two processes.

// HostOverSocket makes the host's side of a link with the process at the other end of a unix stream
// socket, and joins it with what that answers. It blocks; the socket's deadline bounds it. The
// socket is free afterwards: its end tells that the other process has ended ([Link.PeerLost]),
// which is left to the caller, as is who may be at its other end.
func HostOverSocket(socket *net.UnixConn, options Options) (*Link, error) {
	edgesIn, edgesOut := max(options.EdgesIn, 1), max(options.EdgesOut, 1)
	if edgesIn > math.MaxUint16 || edgesOut > math.MaxUint16 {
		return nil, fmt.Errorf("%w: %d and %d edges: expected at most %d", ErrInvalid, edgesIn,
			edgesOut, math.MaxUint16)
	}
	link, err := NewHost(options)
	if err != nil {
		return nil, err
	}
	if err := link.joinOverSocket(socket, uint16(edgesIn), uint16(edgesOut)); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return link, nil
}

func (l *Link) joinOverSocket(socket *net.UnixConn, edgesIn, edgesOut uint16) error {
	now, err := ClockNanos()
	if err != nil {
		return err
	}
	offer := l.Offer()
	message := offerMessage{
		epoch: offer.Epoch, session: offer.Session, geometry: offer.Geometry,
		edgesH2P: edgesOut, edgesP2H: edgesIn, clockNanos: now,
	}
	fds := offer.FDs.List()
	if err := sendMessage(socket, message.bytes(), fds[:]); err != nil {
		return err
	}
	b, got, err := receiveMessage(socket, answerBytes)
	defer closeAll(got)
	if err != nil {
		return err
	}
	answer, v := parseAnswer(b)
	if v != nil {
		return v.at(CodeHeader, "answer")
	}
	if answer.code != 0 {
		return refusal(socket, answer)
	}
	if err := CheckClock(answer.clockNanos); err != nil {
		return err
	}
	if v := countFDs(got, peerFDs); v != nil {
		return v.at(CodeHeader, "answer")
	}
	return l.Accept(Answer{FDs: PeerFDs{got[0], got[1], got[2]}})
}

// refusal reads why the peer has refused.
func refusal(socket *net.UnixConn, answer *answerMessage) error {
	reason, got, err := receiveMessage(socket, int(answer.reasonBytes))
	closeAll(got)
	if err != nil {
		return err
	}
	text := strings.ToValidUTF8(string(reason), "\uFFFD")
	return &Error{Code: answer.code, Where: "the peer has refused the link", Cause: errors.New(text)}
}

// PeerOverSocket makes the peer's side of the link that the host at the other end of a unix stream
// socket offers. The options' session, epoch, geometry and edges are the offer's. A host that is
// refused hears why. It blocks, as [HostOverSocket] does, and leaves the socket as that does.
func PeerOverSocket(socket *net.UnixConn, options Options) (*Link, error) {
	b, got, err := receiveMessage(socket, offerBytes)
	defer closeAll(got)
	if err != nil {
		return nil, err
	}
	link, err := peerFrom(b, got, options)
	if err != nil {
		return nil, errors.Join(err, refuse(socket, err))
	}
	now, err := ClockNanos()
	if err == nil {
		fds := link.Answer().FDs.List()
		err = sendMessage(socket, (&answerMessage{clockNanos: now}).bytes(), fds[:])
	}
	if err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return link, nil
}

func peerFrom(b []byte, fds []int, options Options) (*Link, error) {
	message, v := parseOffer(b)
	if v == nil {
		v = countFDs(fds, hostFDs)
	}
	if v != nil {
		return nil, v.at(CodeHeader, "offer")
	}
	if err := CheckClock(message.clockNanos); err != nil {
		return nil, err
	}
	options.EdgesIn, options.EdgesOut = uint32(message.edgesH2P), uint32(message.edgesP2H)
	return NewPeer(Offer{
		Number: options.Number, Epoch: message.epoch, Session: message.session,
		Geometry: message.geometry,
		FDs:      HostFDs{fds[0], fds[1], fds[2], fds[3], fds[4], fds[5], fds[6]},
	}, options)
}

// refuse tells the host why. One that has gone needs no answer.
func refuse(socket *net.UnixConn, why error) error {
	answer := answerMessage{code: CodeClosed} // this side's own trouble, unless it is the host's
	var broken *Error
	if errors.As(why, &broken) {
		answer.code = broken.Code
	}
	reason := why.Error()
	if len(reason) > reasonMax {
		reason = strings.ToValidUTF8(reason[:reasonMax], "")
	}
	answer.reasonBytes = uint32(len(reason))
	now, err := ClockNanos()
	if err != nil {
		return err
	}
	answer.clockNanos = now
	err = sendMessage(socket, append(answer.bytes(), reason...), nil)
	if errors.Is(err, unix.EPIPE) {
		return nil
	}
	return err
}

// How many descriptors come beside a message.
const (
	hostFDs = 7
	peerFDs = 3
)

func countFDs(fds []int, want int) *violation {
	if len(fds) != want {
		return mismatch("descriptors", uint64(want), uint64(len(fds)))
	}
	return nil
}

// sendMessage sends a message with its descriptors beside its first byte.
func sendMessage(socket *net.UnixConn, message []byte, fds []int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	n, _, err := socket.WriteMsgUnix(message, rights, nil)
	if err == nil && n != len(message) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("strait ring: send the handshake: %w", err)
	}
	return nil
}

// receiveMessage reads exactly size bytes, and the descriptors that come beside them, which are the
// caller's to close, also after an error.
func receiveMessage(socket *net.UnixConn, size int) (message []byte, fds []int, err error) {
	message = make([]byte, size)
	ancillary := make([]byte, unix.CmsgSpace(4*hostFDs))
	for filled := 0; filled < size; {
		n, length, _, _, err := socket.ReadMsgUnix(message[filled:], ancillary)
		if errors.Is(err, io.EOF) {
			return nil, fds, errors.New("strait ring: the other side has ended during the handshake")
		}
		if err != nil {
			return nil, fds, fmt.Errorf("strait ring: receive the handshake: %w", err)
		}
		parts, err := unix.ParseSocketControlMessage(ancillary[:length])
		if err != nil {
			return nil, fds, fmt.Errorf("strait ring: receive the handshake: %w", err)
		}
		for i := range parts {
			// What is no list of descriptors is nothing that was asked for.
			if rights, err := unix.ParseUnixRights(&parts[i]); err == nil {
				fds = append(fds, rights...)
			}
		}
		filled += n
	}
	return message, fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = closeFD(fd) // what was of use has been duplicated
	}
}
