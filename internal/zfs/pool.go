package zfs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Pool is what ZFS says of a whole pool. Sizes are bytes, before parity and
// reserves; from zfs-fuse they are rounded to three digits.
type Pool struct {
	Name                  string
	Health                string // ONLINE, DEGRADED, FAULTED, …
	Size, Allocated, Free int64
}

// Pool tells about a pool. One that is not imported is ErrNotExist.
func (c *Client) Pool(ctx context.Context, name string) (Pool, error) {
	if err := checkDataset(name); err != nil || parentOf(name) != "" {
		return Pool{}, fmt.Errorf("%q is not the name of a ZFS pool", name)
	}
	columns := "name,size,allocated,free,health"
	flags := "-Hp"
	if c.zpoolPlain.Load() {
		flags = "-H"
	}
	out, err := c.run(ctx, c.zpoolPath, []string{"list", flags, "-o", columns, name})
	if errors.Is(err, errBadOption) && flags == "-Hp" {
		c.zpoolPlain.Store(true) // zfs-fuse has no list -p
		return c.Pool(ctx, name)
	}
	if err != nil {
		return Pool{}, about(name, err)
	}
	return parsePool(strings.TrimSuffix(out, "\n"))
}

func parsePool(line string) (Pool, error) {
	f := strings.Split(line, "\t")
	if len(f) != 5 {
		return Pool{}, unrecognised("zpool list", line)
	}
	p := Pool{Name: f[0], Health: f[4]}
	for i, into := range []*int64{&p.Size, &p.Allocated, &p.Free} {
		n, err := parseSize(f[i+1])
		if err != nil {
			return Pool{}, unrecognised("zpool list", line)
		}
		*into = n
	}
	return p, nil
}

// parseSize reads a size as zfs prints it: bytes, or a number with a binary
// unit such as 1.28M. "-" (a pool that is faulted) is -1.
func parseSize(s string) (int64, error) {
	if s == "-" {
		return -1, nil
	}
	number := strings.TrimSuffix(s, "B")
	shift := 0
	if number != "" {
		if i := strings.IndexByte("KMGTPE", number[len(number)-1]); i >= 0 {
			number, shift = number[:len(number)-1], 10*(i+1)
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f*math.Pow(2, float64(shift)) >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return int64(f * math.Pow(2, float64(shift))), nil
}

// Room is how full a dataset is and how much may still be written to it, in
// bytes, quotas and reserves taken into account.
type Room struct{ Used, Available int64 }

// Room tells how much room a dataset has. Errors: ErrNotExist.
func (c *Client) Room(ctx context.Context, dataset string) (Room, error) {
	d, err := c.Dataset(ctx, dataset)
	return Room{Used: d.Used, Available: d.Available}, err
}
