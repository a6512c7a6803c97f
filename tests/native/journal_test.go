package native

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A journal of systemd, as a file that its library reads: a header, two empty tables, and for each
// entry its fields, the entry, and its place in one list of entries
// (https://systemd.io/JOURNAL_FILE_FORMAT/). The journal's own program is not asked to write it: it
// wants to be the machine's only one.

// entry is an entry of a journal: its time in microseconds, and `NAME=value` in their order.
type entry struct {
	at     uint64
	fields []string
}

// The parts of a journal, by their numbers there.
const (
	dataObject       = 1
	entryObject      = 3
	dataTable        = 4
	fieldTable       = 5
	entryArrayObject = 6
)

// journalHeader is the shortest that is allowed.
const journalHeader = 208

type journalFile struct {
	bytes   []byte
	objects uint64
	last    uint64 // where the last object begins
}

// add appends an object and returns where it begins.
func (j *journalFile) add(kind byte, content []byte) uint64 {
	at := uint64(len(j.bytes))
	object := make([]byte, 16, 16+len(content))
	object[0] = kind
	binary.LittleEndian.PutUint64(object[8:], uint64(16+len(content)))
	j.bytes = append(j.bytes, append(object, content...)...)
	j.bytes = append(j.bytes, make([]byte, -len(j.bytes)&7)...)
	j.objects++
	j.last = at
	return at
}

func numbers(all ...uint64) (b []byte) {
	for _, n := range all {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

// id is a number of 128 bits that is not zero.
func id128(n byte) []byte { return append(make([]byte, 15), n) }

// writeJournal makes the journal of the machine whose filesystem is in this folder.
func writeJournal(t *testing.T, folder string, entries []entry) {
	t.Helper()
	const hash = 7 // of everything: nothing is looked up by it
	j := &journalFile{bytes: make([]byte, journalHeader)}
	table := make([]byte, 16)
	data, field := j.add(dataTable, table), j.add(fieldTable, table)
	var places []uint64
	for i, e := range entries {
		items := numbers(uint64(i+1), e.at, e.at)
		items = append(append(items, id128(4)...), numbers(0)...)
		for _, f := range e.fields {
			at := j.add(dataObject, append(numbers(hash, 0, 0, 0, 0, 0), f...))
			items = append(items, numbers(at, hash)...)
		}
		places = append(places, j.add(entryObject, items))
	}
	list := j.add(entryArrayObject, append(numbers(0), numbers(places...)...))
	header := []byte("LPKSHHRH")
	header = append(header, make([]byte, 16)...) // no flags; closed
	header = slices.Concat(header, id128(1), id128(2), id128(4), id128(3), numbers(
		journalHeader, uint64(len(j.bytes)-journalHeader), data+16, 16, field+16, 16, j.last,
		j.objects, uint64(len(entries)), uint64(len(entries)), 1, list,
		entries[0].at, entries[len(entries)-1].at, entries[len(entries)-1].at))
	require.Len(t, header, journalHeader)
	copy(j.bytes, header)
	dir := filepath.Join(folder, "var/log/journal", strings.Repeat("0", 31)+"2")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "system.journal"), j.bytes, 0o600))
}
