package activities

import "sync"

// perAddress is how many transfers one address, or one jump host, bears at a
// time: machines that share one share its disks or its uplink.
const perAddress = 2

// limiter counts the transfers under way to each address. The zero value is
// ready.
type limiter struct {
	mu sync.Mutex
	// busy counts by address; jump hosts have a key of their own. Guarded by mu.
	busy map[string]int
}

// take counts one more transfer for p, unless one of its places is taken; free
// gives it back.
func (l *limiter) take(p Plan) (free func(), ok bool) {
	keys := []string{"address " + p.Address}
	if jump := p.Policy.JumpHost.Value; jump != "" {
		keys = append(keys, "jump "+jump)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if l.busy[k] >= perAddress {
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
