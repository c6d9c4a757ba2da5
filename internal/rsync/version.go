package rsync

import (
	"fmt"
	"strconv"
	"strings"
)

// MinVersion is the oldest rsync on a host that the default profile works with:
// 3.1 told deleted files apart in its statistics and knew --info.
const MinVersion = "3.1.0"

// CheckVersion gives one sentence when a host's rsync, as a probe reports it,
// is absent or too old. An unknown version passes.
func CheckVersion(host, version string) error {
	switch {
	case version == "":
		return fmt.Errorf("%s has no rsync: install it there, or set the path of the remote rsync", host)
	case version == "openrsync":
		return fmt.Errorf("%s has openrsync, which lacks what PlanB needs: install rsync %s or newer there, and set the path of the remote rsync", host, MinVersion)
	case older(version, MinVersion):
		return fmt.Errorf("%s has rsync %s: install %s or newer there", host, version, MinVersion)
	}
	return nil
}

// older compares the numbers of two versions; what is no number ends it.
func older(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range min(len(a), len(b)) {
		x, err1 := strconv.Atoi(a[i])
		y, err2 := strconv.Atoi(b[i])
		if err1 != nil || err2 != nil {
			return false
		}
		if x != y {
			return x < y
		}
	}
	return false
}
