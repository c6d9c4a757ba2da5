package runs

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/tree"
	"planb/web/server"
)

const (
	// logTail is how much of the end of a log the page of a run shows, in bytes.
	logTail = 64 << 10
	// findingsIn is how much of a log is searched for what went wrong; the logs
	// of runs end well before.
	findingsIn = 8 << 20
	// mostFindings are shown, the first ones.
	mostFindings = 200
)

// logView is the log of a run, or what there is of it.
type logView struct {
	// Lines are escaped for showing.
	Lines []string
	// Cut says that there is more before them.
	Cut bool
	// Next is where the next part begins, in bytes.
	Next int64
	// Missing says why there is no log.
	Missing string
	// Follow says that more will come.
	Follow bool
}

// text gives the lines as a page has them.
func (v logView) text() string {
	if len(v.Lines) == 0 {
		return ""
	}
	return strings.Join(v.Lines, "\n") + "\n"
}

// tail reads the end of a run's log.
func (p Pages) tail(ctx context.Context, run catalog.Run, subject string) logView {
	part, err := p.Logs.Log(ctx, run, subject, -logTail, 0)
	if err != nil {
		return logView{Missing: whyNoLog(err), Follow: run.Finished == nil}
	}
	v := lines(part)
	v.Follow = run.Finished == nil
	return v
}

// lines splits a part of a log. What comes before the first end of a line is
// left out unless the part begins the log, and what comes after the last is left
// for the next part.
func lines(part dataplane.LogChunk) logView {
	data, v := part.Data, logView{Next: part.Next}
	if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
		v.Next -= int64(len(data) - i - 1)
		data = data[:i]
	} else if len(data) < dataplane.MaxLogChunk {
		v.Next = part.Offset
		return v
	}
	v.Lines = shown(data)
	return v
}

// shown gives lines of a log for a page: what a host wrote into it is escaped.
func shown(data []byte) []string {
	all := strings.Split(string(data), "\n")
	for i, line := range all {
		fields := strings.Split(line, "\t")
		for j, f := range fields {
			fields[j], _ = tree.Escape(f)
		}
		all[i] = strings.Join(fields, "\t")
	}
	return all
}

func whyNoLog(err error) string {
	switch {
	case errors.Is(err, dataplane.ErrNotFound):
		return "There is no log of this run: it did not get as far as a transfer, or the log is older than the storage server keeps them."
	case catalog.IsNotFound(err):
		return "No storage server is known that could have the log of this run."
	case errors.Is(err, dataplane.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		return "The storage server that has the log does not answer now."
	}
	return "The log cannot be read now: " + err.Error()
}

// wholeLog answers with the whole log as text.
func (p Pages) wholeLog(w http.ResponseWriter, r *http.Request) error {
	run, err := p.run(r)
	if err != nil {
		return err
	}
	subject := server.Who(r).Actor()
	part, err := p.Logs.Log(r.Context(), run, subject, 0, 0)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `inline; filename="planb-run-`+run.ID+`.log"`)
	var rest []byte
	for {
		rest = append(rest, part.Data...)
		if i := bytes.LastIndexByte(rest, '\n'); i >= 0 {
			if _, err := w.Write([]byte(strings.Join(shown(rest[:i]), "\n") + "\n")); err != nil {
				return nil // who is gone reads nothing
			}
			rest = append([]byte{}, rest[i+1:]...)
		}
		if len(part.Data) == 0 || part.Next >= part.Size {
			break
		}
		if part, err = p.Logs.Log(r.Context(), run, subject, part.Next, 0); err != nil {
			return err // cut off: the answer has begun
		}
	}
	_, _ = w.Write([]byte(strings.Join(shown(rest), "\n")))
	return nil
}

// moreLog answers with what a log has gained, for the page that shows it.
func (p Pages) moreLog(w http.ResponseWriter, r *http.Request) error {
	run, err := p.run(r)
	if err != nil {
		return err
	}
	offset, err := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
	if err != nil || offset < 0 {
		return server.Invalid("The place in the log is not a number.")
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookPatience)
	defer cancel()
	part, err := p.Logs.Log(ctx, run, server.Who(r).Actor(), offset, 0)
	v := logView{Next: offset}
	if err == nil {
		v = lines(part)
	}
	// What the run wrote before it ended is read once more.
	v.Follow = run.Finished == nil || len(v.Lines) > 0
	return server.Render(w, r, http.StatusOK, logRest(run, v))
}

// finding is something that a run's log says went wrong.
type finding struct {
	// Time is as the log has it; Text is escaped.
	Time, Text string
}

// findings reads what the log of a run that did not end well says about it.
func (p Pages) findings(ctx context.Context, run catalog.Run, subject string) (found []finding, more int) {
	var rest []byte
	for offset := int64(0); offset < findingsIn; {
		part, err := p.Logs.Log(ctx, run, subject, offset, 0)
		if err != nil || len(part.Data) == 0 {
			break
		}
		offset = part.Next
		rest = append(rest, part.Data...)
		i := bytes.LastIndexByte(rest, '\n')
		if i < 0 {
			continue
		}
		for _, line := range shown(rest[:i]) {
			at, said, _ := strings.Cut(line, " ")
			text, is := strings.CutPrefix(said, "message ")
			switch {
			case !is || strings.TrimSpace(text) == "":
			case len(found) < mostFindings:
				found = append(found, finding{Time: at, Text: text})
			default:
				more++
			}
		}
		rest = append([]byte{}, rest[i+1:]...)
		if part.Next >= part.Size {
			break
		}
	}
	return found, more
}
