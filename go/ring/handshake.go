package ring

// The handshake's data (protocol section 8): what each side sends the other over the control channel
// or a private socket. In one process the descriptors' numbers are valid on both sides; between
// processes, whoever carries the message passes the descriptors and puts the receiver's numbers in.
// Each side duplicates what it is given before it returns, so the sender's stay the sender's.

// HostFDs are the descriptors that the host makes.
type HostFDs struct {
	H2PProducer  int `json:"h2p_producer"`
	P2HConsumer  int `json:"p2h_consumer"`
	HostCounters int `json:"host_counters"`
	H2PData      int `json:"h2p_data"`
	H2PSpace     int `json:"h2p_space"`
	P2HData      int `json:"p2h_data"`
	P2HSpace     int `json:"p2h_space"`
}

// PeerFDs are the descriptors that the peer makes.
type PeerFDs struct {
	H2PConsumer  int `json:"h2p_consumer"`
	P2HProducer  int `json:"p2h_producer"`
	PeerCounters int `json:"peer_counters"`
}

// Offer is the host's half of the handshake. Its descriptors are valid until the host's link is
// closed.
type Offer struct {
	Number   uint16   `json:"number"`
	Epoch    uint32   `json:"epoch"`
	Session  uint64   `json:"session"`
	FDs      HostFDs  `json:"fds"`
	Geometry Geometry `json:"geometry"`
}

// Answer is the peer's half. Its descriptors are valid until the peer's link is closed.
type Answer struct {
	FDs PeerFDs `json:"fds"`
}
