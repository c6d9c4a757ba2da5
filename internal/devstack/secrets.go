package devstack

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
)

// secret is 128 random bits in a form that fits URLs and shells.
func secret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return hex.EncodeToString(b)
}

// loadSecrets reads generated secrets from a file that only its owner can
// read, and generates those of names that are missing.
func loadSecrets(file string, names ...string) (map[string]string, error) {
	m := map[string]string{}
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	added := false
	for _, name := range names {
		if m[name] == "" {
			m[name], added = secret(), true
		}
	}
	if !added {
		return m, nil
	}
	if b, err = json.Marshal(m); err != nil {
		return nil, err
	}
	return m, writeFile(file, append(b, '\n'), 0o600)
}
