//go:build linux && (amd64 || arm64)

package ring

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vectorsPath holds the protocol's vectors, which both languages run by name.
const vectorsPath = "../../ringbuf/vectors/v1"

// vector is one vector of any file; each reader uses the fields of its own.
type vector struct {
	ID      string   `json:"id"`
	Rules   []string `json:"rules"`
	Comment string   `json:"comment"`
	Flags   []string `json:"flags"`
	Result  string   `json:"result"`
	Code    Code     `json:"code"`
	Field   string   `json:"field"`

	// header
	Object string `json:"object"`
	Agreed struct {
		Session     uint64 `json:"session,string"`
		Epoch       uint32 `json:"epoch"`
		Descriptors uint32 `json:"descriptors"`
		Blocks      uint32 `json:"blocks"`
	} `json:"agreed"`
	Header string `json:"header"`

	// descriptor, sequence, head, release
	Descriptor   string     `json:"descriptor"`
	Edges        uint32     `json:"edges"`
	Blocks       uint32     `json:"blocks"`
	Descriptors  uint32     `json:"descriptors"`
	Head         uint64     `json:"head,string"`
	Sequence     uint64     `json:"sequence,string"`
	Message      bool       `json:"message"`
	Start        uint64     `json:"start,string"`
	Heads        []string   `json:"heads"`
	UnreadAcks   uint32     `json:"unread_acks"`
	UnreadOthers uint32     `json:"unread_others"`
	Slots        []uint32   `json:"slots"`
	Bitmaps      [][]string `json:"bitmaps"`
	Released     []int      `json:"released"`

	// handshake
	Kind   string          `json:"kind"`
	Bytes  string          `json:"bytes"`
	Values handshakeValues `json:"values"`

	// state
	Steps []struct{ Side, Do, Is string } `json:"steps"`

	// Published is a string in head, a list of indexes in release.
	Published json.RawMessage `json:"published"`
}

// accepts fails the test unless what was found is the vector's result.
func (v *vector) accepts(t *testing.T, broken *Error) {
	t.Helper()
	switch {
	case v.Result == "accept" && broken != nil:
		t.Fatalf("%s: refused: %v", v.Comment, broken)
	case v.Result == "reject" && broken == nil:
		t.Fatalf("%s: accepted", v.Comment)
	case v.Result == "reject" && (broken.Code != v.Code || v.Field != "" && broken.Field != v.Field):
		t.Fatalf(
			"%s: refused as %v, field %q; want %v, field %q",
			v.Comment,
			broken.Code,
			broken.Field,
			v.Code,
			v.Field,
		)
	case v.Result != "accept" && v.Result != "reject":
		t.Fatalf("result %q is not known", v.Result)
	}
}

// TestVectors: every vector of every file, through the code that the link itself uses.
func TestVectors(t *testing.T) {
	readers := map[string]func(*testing.T, *vector){
		"header": headerVector, "descriptor": descriptorVector, "sequence": sequenceVector,
		"head": headVector, "release": releaseVector, "handshake": handshakeVector,
		"state": stateVector,
	}
	files, err := filepath.Glob(filepath.Join(vectorsPath, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		read := readers[name]
		if read == nil {
			t.Errorf("%s: no reader for these vectors", path)
			continue
		}
		delete(readers, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Protocol string   `json:"protocol"`
			Vectors  []vector `json:"vectors"`
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if file.Protocol != "1.0" || len(file.Vectors) == 0 {
			t.Errorf("%s: protocol %q, %d vectors", path, file.Protocol, len(file.Vectors))
		}
		for _, v := range file.Vectors {
			t.Run(name+"/"+v.ID, func(t *testing.T) { read(t, &v) })
		}
	}
	for name := range readers {
		t.Errorf("%s/%s.json is missing", vectorsPath, name)
	}
}

// unhex decodes exactly n bytes.
func unhex(t *testing.T, text string, n int) []byte {
	t.Helper()
	bytes, err := hex.DecodeString(text)
	if err != nil || len(bytes) != n {
		t.Fatalf("%d bytes, %v; want %d", len(bytes), err, n)
	}
	return bytes
}

func headerVector(t *testing.T, v *vector) {
	id := identity{
		page:     MinPageBytes,
		session:  v.Agreed.Session,
		epoch:    v.Agreed.Epoch,
		geometry: Geometry{v.Agreed.Descriptors, v.Agreed.Blocks},
	}
	for _, kind := range []uint32{ObjectProducer, ObjectConsumer, ObjectCounters} {
		for _, direction := range []uint32{DirectionHostToPeer, DirectionPeerToHost} {
			candidate := id
			candidate.kind, candidate.direction = kind, direction
			if candidate.short() != v.Object {
				continue
			}
			var broken *Error
			if bad := readHeader(unhex(t, v.Header, HeaderBytes), candidate); bad != nil {
				broken = bad.at(CodeHeader, v.Object)
			}
			v.accepts(t, broken)
			return
		}
	}
	t.Fatalf("no object is named %q", v.Object)
}

func descriptorVector(t *testing.T, v *vector) {
	d := decodeDescriptor((*[DescriptorBytes]byte)(unhex(t, v.Descriptor, DescriptorBytes)))
	var broken *Error
	if bad := d.check(v.Blocks, v.Edges); bad != nil {
		broken = bad.at(CodeDescriptor, "vector")
	}
	v.accepts(t, broken)
}

func sequenceVector(t *testing.T, v *vector) {
	host, peer := pair(t, Options{Geometry: Geometry{v.Descriptors, MinBlocks}, PrefaultBytes: -1})
	c := peer.consumer
	c.head = v.Head
	goaway := descriptor{kind: KindGoaway} // valid, so that only the sequence decides
	goaway.encode(host.producer.descriptors[c.offset():])
	word64(host.producer.descriptors, c.offset()).Store(v.Sequence)
	var m Message
	ok, broken := c.poll(nil, &m)
	v.accepts(t, broken)
	if broken == nil && ok != v.Message {
		t.Fatalf("%s: message %v, want %v", v.Comment, ok, v.Message)
	}
}

func headVector(t *testing.T, v *vector) {
	host, peer := pair(t, Options{Geometry: Geometry{v.Descriptors, MinBlocks}, PrefaultBytes: -1})
	var published string
	if err := json.Unmarshal(v.Published, &published); err != nil {
		t.Fatal(err)
	}
	p := host.producer
	p.unread.head, p.unread.tail = v.Start, v.Start
	for _, kind := range published {
		p.unread.push(kind == 'a')
	}
	for i, text := range v.Heads {
		head, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		peer.consumer.headWord.Store(head)
		_, broken := p.readHead()
		if i < len(v.Heads)-1 {
			if broken != nil {
				t.Fatalf("%s: head %d: %v", v.Comment, head, broken)
			}
			continue
		}
		v.accepts(t, broken)
	}
	if v.Result == "accept" && (p.unread.acks != v.UnreadAcks || p.unread.others != v.UnreadOthers) {
		t.Fatalf(
			"%s: unread %d acks, %d others; want %d, %d",
			v.Comment,
			p.unread.acks,
			p.unread.others,
			v.UnreadAcks,
			v.UnreadOthers,
		)
	}
}

func releaseVector(t *testing.T, v *vector) {
	host, peer := pair(t, Options{Geometry: Geometry{64, v.Blocks}, PrefaultBytes: -1})
	var published []int
	if err := json.Unmarshal(v.Published, &published); err != nil {
		t.Fatal(err)
	}
	p := host.producer
	var claims []Claim
	for i, blocks := range v.Slots {
		c, err := p.TryClaim(int(blocks) * BlockBytes)
		if err != nil {
			t.Fatal(err)
		}
		claims = append(claims, c)
		if slices.Contains(published, i) {
			if err := p.Publish(c, 0, uint64(i), len(c.Bytes())); err != nil {
				t.Fatal(err)
			}
		} else {
			defer p.Abort(c)
		}
	}
	for i, words := range v.Bitmaps {
		for w, text := range words {
			value, err := strconv.ParseUint(text, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			peer.consumer.released[w].Store(value)
		}
		_, broken := p.readReleases(0, len(p.released))
		if i < len(v.Bitmaps)-1 {
			if broken != nil {
				t.Fatalf("%s: reading %d: %v", v.Comment, i, broken)
			}
			continue
		}
		v.accepts(t, broken)
	}
	for i, c := range claims {
		back := p.slab.runs[c.block] == 0
		if v.Result == "accept" && back != slices.Contains(v.Released, i) {
			t.Fatalf("%s: slot %d came back: %v", v.Comment, i, back)
		}
	}
}

// handshakeValues are the fields of both messages of a handshake over a socket.
type handshakeValues struct {
	Epoch       uint32 `json:"epoch"`
	Session     uint64 `json:"session,string"`
	Descriptors uint32 `json:"descriptors"`
	Blocks      uint32 `json:"blocks"`
	EdgesH2P    uint16 `json:"edges_h2p"`
	EdgesP2H    uint16 `json:"edges_p2h"`
	ClockNanos  uint64 `json:"clock_ns,string"`
	Code        Code   `json:"code"`
	ReasonBytes uint32 `json:"reason_bytes"`
}

// handshakeVector reads a message, and writes it again.
func handshakeVector(t *testing.T, v *vector) {
	var given, written []byte
	var found *violation
	var values handshakeValues
	switch v.Kind {
	case "offer":
		given = unhex(t, v.Bytes, offerBytes)
		var m *offerMessage
		if m, found = parseOffer(given); found == nil {
			written = m.bytes()
			values = handshakeValues{
				Epoch: m.epoch, Session: m.session, ClockNanos: uint64(m.clockNanos),
				Descriptors: m.geometry.Descriptors, Blocks: m.geometry.Blocks,
				EdgesH2P: m.edgesH2P, EdgesP2H: m.edgesP2H,
			}
		}
	case "answer":
		given = unhex(t, v.Bytes, answerBytes)
		var m *answerMessage
		if m, found = parseAnswer(given); found == nil {
			written = m.bytes()
			values = handshakeValues{
				Code: m.code, ClockNanos: uint64(m.clockNanos), ReasonBytes: m.reasonBytes,
			}
		}
	default:
		t.Fatalf("kind %q is not known", v.Kind)
	}
	if found != nil {
		v.accepts(t, found.at(CodeHeader, v.Kind))
		return
	}
	v.accepts(t, nil)
	if values != v.Values {
		t.Fatalf("found %+v, want %+v", values, v.Values)
	}
	given[10], given[11] = MinorVersion, 0 // this side's own
	if !bytes.Equal(written, given) {
		t.Fatalf("written as %x, want %x", written, given)
	}
}
