//go:build amd64 || arm64

package ring

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Shared objects on Linux: memfd, seals, pages, mappings.

const supported = true

// objectSeals are the seals of R-1, all of which R-2 demands.
const objectSeals = unix.F_SEAL_FUTURE_WRITE |
	unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// region is one mapped object. Its own side keeps the memfd open until the other side has mapped
// the object too, and that of the counters for tools that look for it by name; of the other side's
// object only the mapping is kept.
type region struct {
	mem  []byte
	fd   int // -1: none
	name string
	// byFile: this system gives pages through the memfd only (a kernel before 5.14, a sandbox).
	byFile bool
}

// createRegion makes, fills and seals an object of this side.
func createRegion(id identity, build [16]byte, prefaultBytes uint64) (*region, error) {
	r, err := openRegion(id)
	if err != nil {
		return nil, err
	}
	encodeHeader(r.mem, id, build)
	word32(r.mem, OffInit).Store(InitWord)
	prefault(r.mem, prefaultBytes, unix.MADV_POPULATE_WRITE)
	if _, err := unix.FcntlInt(uintptr(r.fd), unix.F_ADD_SEALS, objectSeals); err != nil {
		return nil, errors.Join(r.failed("seal", err), r.discard())
	}
	return r, nil
}

// openRegion makes and maps an object, still without header and seals. It has the pages of all but
// its slab: a write to one that the system has not got would be a SIGBUS.
func openRegion(id identity) (*region, error) {
	r := &region{fd: -1, name: id.short()}
	fd, err := createMemfd(id.memfdName())
	if err != nil {
		return nil, r.failed("create", err)
	}
	r.fd = fd
	size := id.totalBytes()
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, errors.Join(r.failed(fmt.Sprintf("size to %d bytes", size), err), r.discard())
	}
	r.mem, err = unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(r.failed(fmt.Sprintf("map %d bytes of", size), err), r.discard())
	}
	pages := id.slabOffset()
	if pages == 0 {
		pages = size
	}
	if err := r.populate(0, pages); err != nil {
		return nil, errors.Join(err, r.discard())
	}
	return r, nil
}

// createMemfd makes the memory. A refusal is a sandbox's, mostly: no file system is asked.
func createMemfd(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // a kernel before 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, refused(err)
}

// refused adds to a refusal of memfd_create what has to be allowed.
func refused(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("memfd_create is refused: %w (allow memfd_create, ftruncate, fallocate and "+
			"mmap in the seccomp or security profile of the process or container)", err)
	}
	return err
}

// failed is what went wrong with an object, and what to do where that is known.
func (r *region) failed(what string, err error) error {
	return fmt.Errorf("strait ring: %s the shared object %s: %w", what, r.name, advise(err))
}

// populate gets the pages of [from, to) from the system, so that a lack of memory is an error here
// and not a SIGBUS to whoever touches them first.
func (r *region) populate(from, to uint64) error {
	for {
		err := r.ask(from, to)
		switch {
		case errors.Is(err, unix.EINTR):
		case err == nil, errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil // a system that cannot gets them at the first touch
		default:
			return r.failed(fmt.Sprintf("get memory for bytes %d to %d of", from, to), err)
		}
	}
}

// ask asks the system for pages through the mapping, or through the memfd.
func (r *region) ask(from, to uint64) error {
	if !r.byFile {
		down := from &^ (uint64(os.Getpagesize()) - 1)
		err := unix.Madvise(r.mem[down:to], unix.MADV_POPULATE_WRITE)
		switch err {
		case unix.EFAULT: // what a touch would have made a SIGBUS
			return unix.ENOMEM
		case unix.EINVAL, unix.ENOSYS, unix.EPERM:
			if r.fd < 0 {
				return err
			}
			r.byFile = true
		default:
			return err
		}
	}
	return unix.Fallocate(r.fd, 0, int64(from), int64(to-from))
}

// adoptRegion checks and maps an object of the other side, read-only. fd stays the
// caller's.
func adoptRegion(fd int, id identity, prefaultBytes uint64) (*region, error) {
	r := &region{fd: -1, name: id.short()}
	if err := checkObject(fd, id); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(fd, 0, int(id.totalBytes()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, r.failed(fmt.Sprintf("map %d bytes of", id.totalBytes()), err)
	}
	r.mem = mem
	if v := readHeader(mem, id); v != nil {
		return nil, errors.Join(v.at(CodeHeader, r.name), r.discard())
	}
	prefault(mem, prefaultBytes, unix.MADV_POPULATE_READ)
	return r, nil
}

// checkObject applies R-2.
func checkObject(fd int, id identity) error {
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		err = fmt.Errorf("read the seals: %w", err)
		return &Error{Code: CodeHeader, Where: id.short(), Cause: err}
	}
	if seals&objectSeals != objectSeals {
		want, found := fmt.Sprintf("all of %#x", objectSeals), fmt.Sprintf("%#x", seals)
		return (&violation{"seals", want, found}).at(CodeHeader, id.short())
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		err = fmt.Errorf("read the size: %w", err)
		return &Error{Code: CodeHeader, Where: id.short(), Cause: err}
	}
	if size := id.totalBytes(); stat.Size != int64(size) {
		want, found := strconv.FormatUint(size, 10), strconv.FormatInt(stat.Size, 10)
		return (&violation{"size", want, found}).at(CodeHeader, id.short())
	}
	return nil
}

// prefault touches the first bytes of an object ahead of use: the first touch of a page costs
// microseconds. Only speed depends on it, so a kernel that cannot (before 5.14) is no error.
func prefault(mem []byte, bytes uint64, advice int) {
	page := uint64(os.Getpagesize())
	bytes = min(bytes, uint64(len(mem)))
	if bytes = min((bytes+page-1)&^(page-1), uint64(len(mem))); bytes > 0 {
		_ = unix.Madvise(mem[:bytes], advice)
	}
}

// handedOver closes the memfd that the other side has mapped, unless pages come through it.
func (r *region) handedOver() error {
	if r.byFile {
		return nil
	}
	return r.closeFile()
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

// mirror is private memory as large as a slab: where the copies of an untrusted side's batches lie,
// each at the place that its slot has in the slab. The slot stays leased as long as its copy
// is held, so two copies never overlap, and copies never take more than the slab's size. Pages come
// at their first use.
type mirror []byte

func newMirror(size int64) (mirror, error) {
	const access, kind = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	mem, err := unix.Mmap(-1, 0, int(size), access, kind|unix.MAP_NORESERVE)
	if err != nil {
		const what = "strait ring: map %d bytes for copies of batches: %w"
		return nil, fmt.Errorf(what, size, advise(err))
	}
	return mem, nil
}

func (m *mirror) unmap() error {
	if *m == nil {
		return nil
	}
	mem := *m
	*m = nil
	return unix.Munmap(mem)
}
