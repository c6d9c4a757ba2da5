// Command planb pulls the files of many hosts onto a ZFS server and keeps
// earlier versions of them as snapshots.
package main

import (
	"os"

	"planb/cli"
)

func main() {
	os.Exit(cli.Main(os.Args))
}
