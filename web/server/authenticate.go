package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"

	"planb/internal/access"
)

// authenticate finds out who asks: by a token or a password sent along, else
// by the session that the cookie names. Nobody is no error.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (access.Principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		return s.byHeader(r, header)
	}
	secret := s.sessionSecret(r)
	if secret == "" {
		return access.Principal{}, nil
	}
	p, found, err := s.Catalog.SessionPrincipal(r.Context(), secret, s.Now())
	if err != nil {
		return access.Principal{}, err
	}
	if !found {
		s.setCookie(w, "", "", -1)
	}
	return p, nil
}

// byHeader takes "Bearer" with a token, and "Basic" with a user's password.
func (s *Server) byHeader(r *http.Request, header string) (access.Principal, error) {
	scheme, value, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "Bearer") {
		p, _, err := s.Catalog.TokenPrincipal(r.Context(), strings.TrimSpace(value), visitOf(r).ip, s.Now())
		return p, err
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		return access.Principal{}, nil
	}
	return s.byPassword(r, user, password)
}

// basicSignIns remembers passwords that were right, as a keyed hash, so that a
// program that sends one with each request does not cost a slow hash each time.
type basicSignIns struct {
	// one lets one password at a time be looked at the slow way.
	one sync.Mutex
	key []byte
	mu  sync.Mutex
	// right is guarded by mu.
	right map[[sha256.Size]byte]string // to the hash in the catalog that it was right for
}

const maxRemembered = 1000

func (b *basicSignIns) init() {
	b.key = make([]byte, sha256.Size)
	_, _ = rand.Read(b.key) // never fails, see its documentation
	b.right = map[[sha256.Size]byte]string{}
}

func (b *basicSignIns) of(user, password string) [sha256.Size]byte {
	m := hmac.New(sha256.New, b.key)
	m.Write([]byte(user + "\x00" + password))
	return [sha256.Size]byte(m.Sum(nil))
}

// knows says whether the password of sum was right for the hash in the catalog.
func (b *basicSignIns) knows(sum [sha256.Size]byte, hash string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return hash != "" && b.right[sum] == hash
}

func (b *basicSignIns) learn(sum [sha256.Size]byte, hash string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.right) >= maxRemembered {
		clear(b.right)
	}
	b.right[sum] = hash
}

// byPassword signs in for one request. It begins no session.
func (s *Server) byPassword(r *http.Request, user, password string) (access.Principal, error) {
	ctx := r.Context()
	user = normalUser(user)
	sum := s.basic.of(user, password)
	p, hash, found, err := s.Catalog.UserPrincipal(ctx, user)
	if err != nil {
		return access.Principal{}, err
	}
	if found && s.basic.knows(sum, hash) {
		return p, nil
	}
	// One at a time: many at once would count as many failed tries until the
	// first of them has succeeded.
	s.basic.one.Lock()
	defer s.basic.one.Unlock()
	if found && s.basic.knows(sum, hash) {
		return p, nil
	}
	ok, err := s.checkPassword(ctx, user, password, visitOf(r).ip)
	if err != nil || !ok || !found {
		return access.Principal{}, err
	}
	if err := s.Catalog.EndSignIn(ctx, user, visitOf(r).ip); err != nil {
		return access.Principal{}, err
	}
	s.basic.learn(sum, hash)
	return p, nil
}
