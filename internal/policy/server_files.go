package policy

// ServerFiles are the settings that name files on the storage server. Whoever
// sets one has that file used for a host, so that it is not for those who look
// after some of the hosts.
func ServerFiles() []string { return []string{"ssh_key", "password_file"} }

// ServerFileChanged gives the name of the first of ServerFiles that is set to
// another value, or none, in after; "" when they are as before.
func ServerFileChanged(before, after Settings) string {
	switch {
	case !sameText(before.SSHKey, after.SSHKey):
		return "ssh_key"
	case !sameText(before.PasswordFile, after.PasswordFile):
		return "password_file"
	}
	return ""
}

func sameText(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// ForgetServerFiles lets ServerFiles be inherited.
func (s *Settings) ForgetServerFiles() { s.SSHKey, s.PasswordFile = nil, nil }
