//go:build linux && (amd64 || arm64)

package ring

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// stateSide is one side of a link in a vector, with what it holds.
type stateSide struct {
	link   *Link
	claims []Claim
	leases []Lease
}

// stateVector does the steps of a vector on a link of its own.
func stateVector(t *testing.T, v *vector) {
	host, peer := pair(t, Options{Geometry: small, Trust: VouchForPeer()})
	sides := map[string]*stateSide{"host": {link: host}, "peer": {link: peer}}
	for i, step := range v.Steps {
		found, err := sides[step.Side].do(step.Do)
		if err != nil {
			found = stateAnswer(t, err)
		}
		if found != step.Is {
			t.Fatalf("step %d, %s %s: %s; want %s", i+1, step.Side, step.Do, found, step.Is)
		}
	}
	for _, s := range sides {
		for _, l := range s.leases {
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		}
		for _, c := range s.claims {
			_ = s.link.Producer().Abort(c) // stale where its publishing was refused
		}
	}
}

// stateAnswer is an error in the words of the vectors.
func stateAnswer(t *testing.T, err error) string {
	var ended *Error
	switch {
	case errors.Is(err, ErrFull):
		return "full"
	case errors.Is(err, ErrGoaway):
		return "goaway"
	case !errors.As(err, &ended):
		t.Fatal(err)
		return ""
	case ended.ByPeer:
		return fmt.Sprintf("closed %d by the other side", ended.Code)
	default:
		return fmt.Sprintf("closed %d by itself", ended.Code)
	}
}

func (s *stateSide) do(operation string) (answer string, err error) {
	p, c := s.link.Producer(), s.link.Consumer()
	if code, ends := strings.CutPrefix(operation, "end_"); ends {
		return "done", s.end(code)
	}
	switch operation {
	case "claim":
		return s.claim(need{kind: KindBatch, bytes: 1})
	case "final":
		return s.claim(need{kind: KindBatch, bytes: 1, final: true})
	case "preamble":
		return s.claim(need{kind: KindPreamble, bytes: 1})
	case "publish":
		oldest := s.claims[0]
		s.claims = s.claims[1:]
		callID := uint64(1)
		if oldest.need.kind == KindPreamble {
			callID = 0
		}
		return "published", p.Publish(oldest, 0, callID, 1)
	case "give_back":
		oldest := s.claims[0]
		s.claims = s.claims[1:]
		return "done", p.Abort(oldest)
	case "inline":
		return "published", p.TrySendInline(0, 1, nil)
	case "ack":
		return "published", p.SendAck(1)
	case "goaway":
		return "published", p.Goaway()
	case "receive":
		return s.receive()
	case "answered":
		c.Answered()
		return "done", nil
	case "settled":
		p.Settle()
		return "done", nil
	case "release":
		oldest := s.leases[0]
		s.leases = s.leases[1:]
		return "done", oldest.Release()
	default:
		return "", fmt.Errorf("the operation %q is not known", operation)
	}
}

func (s *stateSide) claim(n need) (string, error) {
	c, err := s.link.Producer().claim(context.Background(), fail, n)
	if err == nil {
		s.claims = append(s.claims, c)
	}
	return "claimed", err
}

func (s *stateSide) receive() (string, error) {
	m, ok, err := s.link.Consumer().TryReceive()
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "none", nil
	case m.Kind == KindBatch:
		s.leases = append(s.leases, m.Lease)
	}
	return m.Kind.String(), nil
}

func (s *stateSide) end(text string) error {
	number, err := strconv.ParseUint(text, 10, 32)
	switch code := Code(number); {
	case err != nil:
		return err
	case code == CodeClosed:
		return s.link.Close()
	case code == CodePeerLost:
		s.link.PeerLost(nil)
	default:
		s.link.Fail(code, nil)
	}
	return nil
}
