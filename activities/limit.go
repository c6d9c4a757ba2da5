package activities

import "sync"

// limiter counts the transfers under way to each address. The zero value is
// ready.
type limiter struct {
	mu sync.Mutex
	// busy counts by address; jump hosts have a key of their own. Guarded by mu.
	busy map[string]int
}

// take counts one more transfer for p, unless its address, or its jump host,
// has most of them already; free gives it back. Machines that share one share
// its disks or its uplink.
func (l *limiter) take(p Plan, most int) (free func(), ok bool) {
	keys := []string{"address " + p.Address}
	if jump := p.Policy.JumpHost.Value; jump != "" {
		keys = append(keys, "jump "+jump)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if l.busy[k] >= most {
			return nil, false
		}
	}
	if l.busy == nil {
		l.busy = map[string]int{}
	}
	for _, k := range keys {
		l.busy[k]++
	}
	return sync.OnceFunc(func() { l.giveBack(keys) }), true
}

func (l *limiter) giveBack(keys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if l.busy[k]--; l.busy[k] == 0 {
			delete(l.busy, k)
		}
	}
}
