package rsync

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Stats is what rsync --stats tells. Sizes are in bytes.
type Stats struct {
	// FilesTotal counts the entries of the file list, directories included;
	// RegularFiles the files among them.
	FilesTotal   int64 `json:"files_total"`
	RegularFiles int64 `json:"regular_files"`
	// FilesCreated and FilesDeleted count entries of all kinds as well;
	// RegularCreated and RegularDeleted the files among them.
	FilesCreated   int64 `json:"files_created"`
	FilesDeleted   int64 `json:"files_deleted"`
	RegularCreated int64 `json:"regular_created"`
	RegularDeleted int64 `json:"regular_deleted"`
	// FilesTransferred counts regular files whose content was compared or sent.
	FilesTransferred int64 `json:"files_transferred"`
	TotalSize        int64 `json:"total_size"`
	// TransferredSize is the size of the transferred files, of which Literal
	// came over the wire and Matched was there already.
	TransferredSize int64 `json:"transferred_size"`
	Literal         int64 `json:"literal"`
	Matched         int64 `json:"matched"`
	// Sent and Received are bytes on the wire, before ssh.
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
}

// ErrNoStats is an rsync that ended before it told its statistics.
var ErrNoStats = errors.New("rsync told no statistics")

var (
	statsRE   = regexp.MustCompile(`^(Number of [a-z ]+|Total [a-z ]+|Literal data|Matched data|File list [a-z ]+): (.*)$`)
	numberRE  = regexp.MustCompile(`^([\d,.']+)( bytes| seconds)?( \(.*\))?$`)
	regularRE = regexp.MustCompile(`\(reg: ([\d,.']+)`)
)

type statsParser struct {
	stats Stats
	seen  map[string]bool
	err   error
}

// required are the lines without which statistics are not whole. Created and
// deleted files are not told by rsync before 3.1, deleted ones also not by
// every protocol.
var required = []string{
	"Number of files", "Total file size", "Total transferred file size",
	"Literal data", "Matched data", "Total bytes sent", "Total bytes received",
}

// line takes a line of statistics; false says that it is none.
func (p *statsParser) line(line string) bool {
	m := statsRE.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	name, value := m[1], m[2]
	if strings.HasPrefix(name, "File list ") {
		return true
	}
	field := p.field(name)
	number := numberRE.FindStringSubmatch(value)
	if field == nil || number == nil {
		if p.err == nil {
			p.err = fmt.Errorf("rsync told statistics that are not understood: %q", line)
		}
		return true
	}
	*field = digits(number[1])
	if regular := p.regular(name); regular != nil {
		*regular = *field
		if reg := regularRE.FindStringSubmatch(number[3]); reg != nil {
			*regular = digits(reg[1])
		} else if number[3] != "" {
			*regular = 0
		}
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[name] = true
	return true
}

func (p *statsParser) field(name string) *int64 {
	s := &p.stats
	switch name {
	case "Number of files":
		return &s.FilesTotal
	case "Number of created files":
		return &s.FilesCreated
	case "Number of deleted files":
		return &s.FilesDeleted
	case "Number of regular files transferred", "Number of files transferred":
		return &s.FilesTransferred
	case "Total file size":
		return &s.TotalSize
	case "Total transferred file size":
		return &s.TransferredSize
	case "Literal data":
		return &s.Literal
	case "Matched data":
		return &s.Matched
	case "Total bytes sent":
		return &s.Sent
	case "Total bytes received":
		return &s.Received
	}
	return nil
}

// regular gives the count of regular files among those that name counts, where
// rsync tells it: "Number of files: 12 (reg: 10, dir: 2)".
func (p *statsParser) regular(name string) *int64 {
	switch name {
	case "Number of files":
		return &p.stats.RegularFiles
	case "Number of created files":
		return &p.stats.RegularCreated
	case "Number of deleted files":
		return &p.stats.RegularDeleted
	}
	return nil
}

func (p *statsParser) result() (*Stats, error) {
	if p.err != nil {
		return nil, p.err
	}
	if len(p.seen) == 0 {
		return nil, ErrNoStats
	}
	for _, name := range required {
		if !p.seen[name] {
			return nil, fmt.Errorf("rsync's statistics lack %q", name)
		}
	}
	s := p.stats
	return &s, nil
}
