package rsync

// ReadItems reads output as that of a comparison of path.
func ReadItems(output []byte, path string) {
	r := &itemReader{wanted: map[string]bool{path: true}, seen: func(string, Difference) {}}
	_, _ = r.Write(output)
}
