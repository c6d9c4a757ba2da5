package dataplane

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of reading a run's log.
const (
	// MaxLogChunk is how many bytes of a log one call gives at most.
	MaxLogChunk = 1 << 20
	// MaxLogWait is how long one call may wait for more of a log.
	MaxLogWait = time.Minute
)

// logPoll is how often a waiting call looks at the file.
const logPoll = 200 * time.Millisecond

// The headers of an answer that carries a part of a log: its place in the file
// and the size of the file, in bytes.
const (
	headerOffset = "Planb-Log-Offset"
	headerSize   = "Planb-Log-Size"
)

// runLog sends a part of a run's log from offset on; a negative offset counts
// from the end. With wait=<seconds> it waits as long for more to come.
func (s *server) runLog(w http.ResponseWriter, r *request) error {
	offset, err := intParam(r.query, "offset", 0, -1<<40, 1<<50)
	if err != nil {
		return err
	}
	wait, err := intParam(r.query, "wait", 0, 0, int64(MaxLogWait/time.Second))
	if err != nil {
		return err
	}
	run := r.query.Get("run")
	deadline := time.Now().Add(time.Duration(wait) * time.Second)
	for {
		data, from, size, err := readLog(filepath.Join(s.RunsDir, run+".log"), offset)
		missing := errors.Is(err, fs.ErrNotExist)
		if err != nil && !missing {
			return err
		}
		// An offset beyond the end is answered at once: the caller's idea of the
		// log is wrong, and waiting would not mend it.
		quiet := missing || len(data) == 0 && from == size
		if !quiet || !time.Now().Before(deadline) || r.Context().Err() != nil {
			if missing {
				return notFound("there is no log of run %s on this server", run)
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set(headerOffset, strconv.FormatInt(from, 10))
			w.Header().Set(headerSize, strconv.FormatInt(size, 10))
			_, err = w.Write(data)
			return err
		}
		sleep(r.Context(), min(logPoll, time.Until(deadline)))
	}
}

// readLog reads at most MaxLogChunk bytes and gives them with their place and
// the size of the file.
func readLog(name string, offset int64) (data []byte, from, size int64, err error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, 0, 0, err
	}
	if !st.Mode().IsRegular() {
		return nil, 0, 0, wrongType("%s is not a log file", name)
	}
	size, from = st.Size(), offset
	if offset < 0 {
		from = max(0, size+offset)
	}
	data = make([]byte, max(0, min(MaxLogChunk, size-from)))
	n, err := f.ReadAt(data, from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], from, size, err
}
