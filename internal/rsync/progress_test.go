package rsync

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// output is what a real pull wrote (rsync 3.5.0), shortened.
const output = "generator starting pid=21326\n" +
	"recv_generator(.,0)\nrecv_generator(etc,2)\nrecv_generator(etc/b (1),6)\n" +
	"cd+++++++++ etc/\n*deleting   etc/old/file\n" +
	"\r              0   0%    0.00kB/s    0:00:00 (xfr#0, ir-chk=1/6)\n" +
	">f+++++++++ etc/b (1)\n" +
	"\r              2   0%    1.95kB/s    0:00:00  \r              2   0%    1.95kB/s    0:00:00 (xfr#1, to-chk=1/6)\n" +
	".d          var/\n.d..t...... ./\n" +
	">f.st...... var/new\\#012line\n" +
	"\r       31457287  99%    1.50MB/s    0:00:00  *deleting   glued\n" +
	"skipping non-regular file \"dev/x\"\n"

const statistics = "\nNumber of files: 1,234 (reg: 1,000, dir: 230, link: 4)\nNumber of created files: 1 (reg: 1)\n" +
	"Number of deleted files: 0\nNumber of regular files transferred: 2\nTotal file size: 31,457,290 bytes\n" +
	"Total transferred file size: 31457287 bytes\nLiteral data: 2015 bytes\nMatched data: 31.455.272 bytes\n" +
	"File list size: 157\nFile list generation time: 0.001 seconds\nFile list transfer time: 0.000 seconds\n" +
	"Total bytes sent: 33,738\nTotal bytes received: 24,722\n\n" +
	"sent 33738 bytes  received 24722 bytes  116920.00 bytes/sec\ntotal size is 31457290  speedup is 538.10\n"

func TestParser(t *testing.T) {
	t.Parallel()
	// However the output is cut up, the end is the same.
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		var items, others []string
		p := Parser{
			OnItem:  func(code, path string) { items = append(items, code+" "+path) },
			OnOther: func(line string) { others = append(others, line) },
		}
		for rest := output; rest != ""; {
			n := 1 + random.IntN(min(40, len(rest)))
			_, _ = p.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		stuckAt(t, &p, `/var/new\#012line`)
		_, _ = p.Write([]byte(statistics))
		stats, err := p.Close()
		require.NoError(t, err)
		require.Equal(t, Progress{
			Bytes: 31457287, Files: 1, Deleted: 2, Checked: 5, Total: 6, TotalKnown: true, Percent: 99, Rate: 3 << 19, Path: `/var/new\#012line`,
		}, p.Progress)
		require.Equal(t, []string{"cd+++++++++ /etc", "*deleting /etc/old/file", ">f+++++++++ /etc/b (1)", ".d..t...... /", `>f.st...... /var/new\#012line`, "*deleting /glued"}, items)
		require.Equal(t, []string{`skipping non-regular file "dev/x"`}, others)
		require.Equal(t, &Stats{
			FilesTotal: 1234, RegularFiles: 1000, FilesCreated: 1, RegularCreated: 1, FilesTransferred: 2, TotalSize: 31457290,
			TransferredSize: 31457287, Literal: 2015, Matched: 31455272, Sent: 33738, Received: 24722,
		}, stats)
	}
}

func TestStatsThatAreNotUnderstood(t *testing.T) {
	t.Parallel()
	parse := func(text string) error {
		var p Parser
		_, _ = p.Write([]byte(text))
		_, err := p.Close()
		return err
	}
	require.ErrorIs(t, parse(""), ErrNoStats)
	require.ErrorContains(t, parse("Total file size: many bytes\n"), `"Total file size: many bytes"`)
	require.ErrorContains(t, parse("Number of pigs: 3\n"), `"Number of pigs: 3"`)
	require.ErrorContains(t, parse(strings.Replace(statistics, "Literal", "Figurative", 1)), `"Literal data"`)
	// Created and deleted files are not told by every rsync.
	require.NoError(t, parse(strings.Replace(statistics, "Number of deleted files: 0\n", "", 1)))
}

func FuzzParser(f *testing.F) {
	f.Add([]byte(output + statistics))
	f.Add([]byte(pulled + statistics))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Parser
		_, _ = p.Write(b)
		_, _ = p.Close()
		require.LessOrEqual(t, len(p.partial), maxLine)
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("rsync: [sender] opendir \"/b\" failed: Permission denied (13)\nfile has vanished: \"/x\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := concluded(23, 0, nil, []string{"/x"}, string(b))
		require.LessOrEqual(t, len(r.Tail), maxTail)
	})
}

func TestMatcher(t *testing.T) {
	t.Parallel()
	for pattern, c := range map[string]struct{ yes, no []string }{
		"/run":          {[]string{"/run", "/run/user/1"}, []string{"/runner", "/var/run"}},
		"*.tmp":         {[]string{"/a.tmp", "/x/y/b.tmp", "/x.tmp/below"}, []string{"/a.tmpx"}},
		"home/*/.cache": {[]string{"/home/a/.cache/x"}, []string{"/home/a/b/.cache", "/x/home/a/.cache"}},
		"home/**/c":     {[]string{"/home/a/b/c"}, []string{"/home/c2"}},
		"home/zoë/?":    {[]string{"/home/zoë/é"}, []string{"/home/zoe/e"}},
		`a\*b`:          {[]string{"/a*b"}, []string{"/axb"}},
		"a[!0-9]b?":     {[]string{"/axbc"}, []string{"/a1bc", "/axb/"}},
		"a.b+(c)":       {[]string{"/a.b+(c)"}, []string{"/axb+(c)"}},
	} {
		m, err := newMatcher([]string{pattern})
		require.NoError(t, err)
		for _, path := range c.yes {
			require.True(t, m.match(path), "%s %s", pattern, path)
		}
		for _, path := range c.no {
			require.False(t, m.match(path), "%s %s", pattern, path)
		}
	}
}

func stuckAt(t *testing.T, p *Parser, want string, why ...any) {
	t.Helper()
	from, _ := p.Stuck()
	require.Equal(t, want, from, why...)
}

// pulled is what a real pull wrote with checksums (rsync 3.5.0), shortened.
const pulled = "get_local_name count=7 data/\nrecv_files(7) starting\nrecv_generator(.,0)\n" +
	"*deleting  |0|1970/01/01-00:00:00|                                |gone\n" +
	"recv_generator(n|l\\#012x,4)\nrecv_files(.)\n.d         |4096|2026/11/24-22:26:02|                                |./\n" +
	"recv_files(b\\#134#012)\n\r              1  11%    0.98kB/s    0:00:00 (xfr#1, to-chk=6/8)\n" +
	">f+++++++++|1|2026/11/24-22:26:02|775a9e78fdf5aad7f2386670cff0b396|b\\#134#012\nfinishing b\\#134#012\n" +
	"recv_files(n|l\\#012x)\n\r              2  22%    1.95kB/s    0:00:00  " +
	">f.st......|5|1969/12/31-23:00:00|b5e9c1ad071b3e7fc779cfaa5e523818|n|l\\#012x\n" +
	">f+++++++++|1|2026/11/24-22:26:02|7c282968b0591d96|\xff\xe9|\n" +
	">f+++++++++|1|2026/11/24-22:26:02|                |old protocol\n" +
	">f+++++++++|1|12026/11/24-22:26:02|7c282968b0591d96|far\n" +
	"cL+++++++++|1|2026/11/24-22:26:02|                                |l\n.f....o....|1|2026/11/24-22:26:02|                                |d/f\n"

func TestParserTellsChecksums(t *testing.T) {
	t.Parallel()
	var sums []Sum
	var items []string
	p := Parser{
		OnSum:   func(s Sum) { sums = append(sums, s) },
		OnItem:  func(code, path string) { items = append(items, code+" "+path) },
		OnOther: func(line string) { t.Error(line) },
	}
	for _, b := range []byte(pulled) {
		_, _ = p.Write([]byte{b})
	}
	at := time.Date(2026, 11, 24, 22, 26, 2, 0, time.UTC).Unix()
	require.Equal(t, []Sum{
		{Path: `/b\#012`, Size: 1, MTime: at, Hex: "775a9e78fdf5aad7f2386670cff0b396"},
		{Path: "/n|l\nx", Size: 5, MTime: -3600, Hex: "b5e9c1ad071b3e7fc779cfaa5e523818"},
		{Path: "/\xff\xe9|", Size: 1, MTime: at, Hex: "7c282968b0591d96"},
		{Path: "/old protocol", Size: 1, MTime: at},
		{Path: "/far", Size: 1},
	}, sums)
	require.Equal(t, []string{
		"*deleting /gone", `>f+++++++++ /b\#134#012`, `>f.st...... /n|l\#012x`, ">f+++++++++ /\uFFFD|",
		">f+++++++++ /old protocol", ">f+++++++++ /far", "cL+++++++++ /l", ".f....o.... /d/f",
	}, items)
}

// What is told when a file has been received already is known to be under way
// from another line.
func TestStuckInWhatIsReceived(t *testing.T) {
	t.Parallel()
	var p Parser
	say := func(s string) { _, _ = p.Write([]byte(s)) }
	say("recv_generator(a,1)\nrecv_generator(b,2)\nrecv_generator(c,3)\nrecv_files(a)\n")
	require.Equal(t, "/a", p.Progress.Path)
	from, to := p.Stuck()
	require.Equal(t, [2]string{"/a", "/a"}, [2]string{from, to})
	say(">f+++++++++|1|2026/11/24-22:26:02|775a9e78fdf5aad7f2386670cff0b396|a\n")
	from, to = p.Stuck()
	require.Equal(t, [2]string{"/b", "/c"}, [2]string{from, to})
}

func FuzzNames(f *testing.F) {
	f.Add([]byte("a\nb\\#012\xff"))
	f.Add([]byte(`\#\#134\#0`))
	f.Fuzz(func(t *testing.T, name []byte) {
		// As filtered_fwrite in rsync's log.c writes it.
		var b strings.Builder
		for i, c := range name {
			rest := name[i+1:]
			if c < ' ' && c != '\t' || c == 0x7f || c == '\\' && len(rest) >= 4 && rest[0] == '#' && isDigit(rest[1]) && isDigit(rest[2]) && isDigit(rest[3]) {
				fmt.Fprintf(&b, `\#%03o`, c)
			} else {
				b.WriteByte(c)
			}
		}
		require.Equal(t, string(name), unescape(b.String()))
	})
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func TestStuck(t *testing.T) {
	t.Parallel()
	var p Parser
	say := func(s string) { _, _ = p.Write([]byte(s)) }
	stuckAt(t, &p, "")
	say("recv_generator(.,0)\nrecv_generator(a,1)\nrecv_generator(a,2)\nrecv_generator(a/over max-size,3)\nrecv_generator(a/same,4)\nrecv_generator(a/hangs,5)\nrecv_generator(a/waits,6)\n")
	stuckAt(t, &p, "/")
	say(".d          ./\n.d          a/\n.f          a/same\n")
	stuckAt(t, &p, "/a/hangs")
	require.Equal(t, "/a/same", p.Progress.Path)
	say(">f+++++++++ a/hangs\n")
	stuckAt(t, &p, "/a/hangs")
	say("\r 2 0% 1.95kB/s 0:00:00 (xfr#1, to-chk=1/6)")
	stuckAt(t, &p, "/a/hangs", "the line has not ended")
	say("\n")
	stuckAt(t, &p, "/a/waits")
	for i := range 2 * maxPending {
		say("recv_generator(b/" + strconv.Itoa(i) + ",7)\n")
	}
	require.LessOrEqual(t, len(p.pending.queue), maxPending)
}
