// Command planb pulls the files of many hosts onto a ZFS server and keeps
// earlier versions of them as snapshots.
package main

import (
	"os"
	// Time zones of hosts are known also where the system has no database of them.
	_ "time/tzdata"

	"planb/cli"
)

func main() {
	os.Exit(cli.Main(os.Args))
}
