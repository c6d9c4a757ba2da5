package rsync

// maxPending bounds how many paths pending remembers.
const maxPending = 100_000

// pending knows which paths the receiver has asked for and the host has not
// answered yet. The host answers in the order of the questions, so that when it
// hangs it does so at one of them.
type pending struct {
	queue []string
	known map[string]int // index in queue, counted from the first ever asked
	first int            // index of queue[0]
}

// ask notes a question; what does not fit is forgotten, being far from first.
func (p *pending) ask(path string) {
	if p.known == nil {
		p.known = map[string]int{}
	}
	if _, twice := p.known[path]; twice || len(p.queue) >= maxPending {
		return
	}
	p.known[path] = p.first + len(p.queue)
	p.queue = append(p.queue, path)
}

// answer removes path and everything that was asked before it: some files get
// no answer, those over --max-size for one.
func (p *pending) answer(path string) {
	at, ok := p.known[path]
	if !ok {
		return
	}
	n := at - p.first + 1
	for _, old := range p.queue[:n] {
		delete(p.known, old)
	}
	p.queue = p.queue[n:]
	p.first += n
}

// span gives the first and the last path without an answer, or "".
func (p *pending) span() (first, last string) {
	if len(p.queue) == 0 {
		return "", ""
	}
	return p.queue[0], p.queue[len(p.queue)-1]
}
