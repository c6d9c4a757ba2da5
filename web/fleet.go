package web

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"planb/internal/catalog"
)

// fleet is what the page shows.
type fleet struct {
	Version    string
	TemporalUI string
	Hosts      []hostRow
}

type hostRow struct {
	Host, Health, State, LastGood, NextRun, Used, Message string
	Snapshots                                             int
}

func fleetOf(o Options, hosts []catalog.HostOverview) fleet {
	f := fleet{Version: o.Version, TemporalUI: o.TemporalUI}
	for _, h := range hosts {
		f.Hosts = append(f.Hosts, hostRow{
			Host: h.Host, Health: string(h.Health), State: string(h.State), Message: string(h.Message),
			LastGood: stamp(h.LastGood), NextRun: stamp(h.NextRun), Used: bytesOf(h.UsedBytes), Snapshots: h.Snapshots,
		})
	}
	return f
}

func stamp(t *time.Time) string {
	if t == nil {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func bytesOf(n *int64) string {
	if n == nil {
		return "–"
	}
	v, unit := float64(*n), 0
	for v >= 1024 && unit < 6 {
		v, unit = v/1024, unit+1
	}
	return fmt.Sprintf("%.1f %s", v, []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}[unit])
}

// style is the whole style sheet of the page. It stands in the page, and the
// content security policy names its hash.
const style = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8884}
.ok{color:#1a7f37}.late,.never,.paused{color:#9a6700}.failing{color:#cf222e}small{opacity:.7}`

var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}()
