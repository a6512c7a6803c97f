package otap

// textDict gives codes to the distinct strings of one column of one batch, in order of appearance.
// Few strings are searched one by one, more through a map. The strings alias pdata, so reset must
// be called before the batch is let go.
type textDict struct {
	raw   []string // as in pdata: what is looked up
	out   []string // as it is written; differs from raw where text was repaired
	bytes int      // of out
	index map[string]uint16
	last  uint16
}

const (
	dictLinear = 12      // up to so many strings are searched one by one
	dictLimit  = 1 << 16 // codes are u16 at most
	dictKeep   = 4096    // a larger map is not kept for the next batch
)

func (d *textDict) reset() {
	if len(d.raw) > dictLinear {
		if len(d.raw) > dictKeep {
			d.index = nil
		} else {
			clear(d.index)
		}
	}
	clear(d.raw)
	clear(d.out)
	d.raw, d.out, d.bytes, d.last = d.raw[:0], d.out[:0], 0, 0
}

// find returns the code of s, or false when it is new.
func (d *textDict) find(s string) (uint16, bool) {
	if int(d.last) < len(d.raw) && d.raw[d.last] == s {
		return d.last, true
	}
	if len(d.raw) <= dictLinear {
		for i, x := range d.raw {
			if x == s {
				d.last = uint16(i)
				return uint16(i), true
			}
		}
		return 0, false
	}
	c, ok := d.index[s]
	if ok {
		d.last = c
	}
	return c, ok
}

// add gives a new string the next code; the caller knows that there is room.
func (d *textDict) add(s, out string) uint16 {
	c := uint16(len(d.raw))
	d.raw, d.out = append(d.raw, s), append(d.out, out)
	d.bytes += len(out)
	switch n := len(d.raw); {
	case n == dictLinear+1:
		if d.index == nil {
			d.index = make(map[string]uint16)
		}
		for i, x := range d.raw {
			d.index[x] = uint16(i)
		}
	case n > dictLinear:
		d.index[s] = c
	}
	d.last = c
	return c
}

// full says that no code is left.
func (d *textDict) full() bool { return len(d.raw) == dictLimit }

// code returns the code of s, adding it if it is new; the caller knows that there is room.
func (d *textDict) code(s string, t *text) (uint16, error) {
	if c, ok := d.find(s); ok {
		return c, nil
	}
	out, err := t.fix(s)
	if err != nil {
		return 0, err
	}
	if out != s {
		t.repaired++
	}
	return d.add(s, out), nil
}
