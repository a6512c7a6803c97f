//go:build amd64 || arm64

package ring

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Shared objects on Linux: memfd, seals, mappings.

const supported = true

// objectSeals are the seals of R-1, all of which R-2 demands.
const objectSeals = unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// region is one mapped object. Its own side keeps the memfd open, to hand it out and for tools that
// look for it by name; of the other side's object only the mapping is kept.
type region struct {
	mem []byte
	fd  int // -1: none
}

// createRegion makes, fills and seals an object of this side.
func createRegion(id identity, build [16]byte, prefaultBytes int) (*region, error) {
	r, err := openRegion(id)
	if err != nil {
		return nil, err
	}
	encodeHeader(r.mem, id, build)
	word32(r.mem, OffInit).Store(InitWord)
	prefault(r.mem, prefaultBytes, unix.MADV_POPULATE_WRITE)
	if _, err := unix.FcntlInt(uintptr(r.fd), unix.F_ADD_SEALS, objectSeals); err != nil {
		return nil, errors.Join(fmt.Errorf("strait ring: seal the shared object %s: %w", id.short(), err), r.discard())
	}
	return r, nil
}

// openRegion makes and maps an object, still without header and seals.
func openRegion(id identity) (*region, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(id.memfdName(), flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // a kernel before 6.3
		fd, err = unix.MemfdCreate(id.memfdName(), flags)
	}
	if err != nil {
		return nil, fmt.Errorf("strait ring: create the shared object %s: %w", id.short(), err)
	}
	r := &region{fd: fd}
	if err := unix.Ftruncate(fd, int64(id.totalBytes())); err != nil {
		return nil, errors.Join(fmt.Errorf("strait ring: size the shared object %s to %d bytes: %w", id.short(), id.totalBytes(), err), r.discard())
	}
	r.mem, err = unix.Mmap(fd, 0, int(id.totalBytes()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("strait ring: map the shared object %s (%d bytes): %w", id.short(), id.totalBytes(), err), r.discard())
	}
	return r, nil
}

// adoptRegion checks and maps an object of the other side, read-only. fd stays the
// caller's.
func adoptRegion(fd int, id identity, prefaultBytes int) (*region, error) {
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, &Error{Code: CodeHeader, Where: id.short(), Cause: fmt.Errorf("read the seals: %w", err)}
	}
	if seals&objectSeals != objectSeals {
		return nil, (&violation{"seals", fmt.Sprintf("all of %#x", objectSeals), fmt.Sprintf("%#x", seals)}).at(CodeHeader, id.short())
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, &Error{Code: CodeHeader, Where: id.short(), Cause: fmt.Errorf("read the size: %w", err)}
	}
	if stat.Size != int64(id.totalBytes()) {
		return nil, (&violation{"size", strconv.FormatUint(id.totalBytes(), 10), strconv.FormatInt(stat.Size, 10)}).at(CodeHeader, id.short())
	}
	mem, err := unix.Mmap(fd, 0, int(id.totalBytes()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("strait ring: map the shared object %s (%d bytes): %w", id.short(), id.totalBytes(), err)
	}
	r := &region{mem: mem, fd: -1}
	if v := readHeader(mem, id); v != nil {
		return nil, errors.Join(v.at(CodeHeader, id.short()), r.discard())
	}
	prefault(mem, prefaultBytes, unix.MADV_POPULATE_READ)
	return r, nil
}

// prefault touches the first bytes of an object ahead of use: the first touch of a page costs
// microseconds. Only speed depends on it, so a kernel that cannot (before 5.14) is no error.
func prefault(mem []byte, bytes, advice int) {
	page := os.Getpagesize()
	bytes = min((bytes+page-1)&^(page-1), len(mem))
	if bytes > 0 {
		_ = unix.Madvise(mem[:bytes], advice)
	}
}

// closeFile closes the memfd, if one is kept; the mapping stays.
func (r *region) closeFile() error {
	if r.fd < 0 {
		return nil
	}
	fd := r.fd
	r.fd = -1
	return unix.Close(fd)
}

// unmap ends the mapping. Nobody may hold a pointer into it.
func (r *region) unmap() error {
	if r.mem == nil {
		return nil
	}
	mem := r.mem
	r.mem = nil
	return unix.Munmap(mem)
}

// discard gives up an object that no link uses yet.
func (r *region) discard() error { return errors.Join(r.unmap(), r.closeFile()) }
