package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Notify says who is told, and how. It is for control.
type Notify struct {
	Channels []Channel `yaml:"channels"`
}

// Channel is one way to tell. Which settings it needs depends on its type.
type Channel struct {
	// Name stays: who was told is remembered by it.
	Name string `yaml:"name"`
	// Type is chat, command, mail, ping, webhook or zabbix.
	Type string `yaml:"type"`
	// Severity is the least that is told. Default: info, which is everything.
	Severity Severity `yaml:"severity"`
	// Groups are those it is about. Default: all, and what is about no group.
	Groups []string `yaml:"groups"`

	// Server is host:port of a Zabbix server, or of a mail server, reached with
	// TLS: starttls (the default), tls, or none.
	Server string `yaml:"server"`
	TLS    string `yaml:"tls"`
	// CAFile has the certificates that are believed, instead of the system's.
	CAFile string `yaml:"ca_file"`
	User   string `yaml:"user"`
	// Password, or the content of PasswordFile, is that of User.
	Password     string   `yaml:"password"`
	PasswordFile string   `yaml:"password_file"`
	From         string   `yaml:"from"`
	To           []string `yaml:"to"`
	// ToGroup adds the addresses of the host's group.
	ToGroup bool `yaml:"to_group"`

	// URL, or the content of URLFile, is where it is told. Secret, or the content
	// of SecretFile, signs what a webhook posts.
	URL        string `yaml:"url"`
	URLFile    string `yaml:"url_file"`
	Secret     string `yaml:"secret"`
	SecretFile string `yaml:"secret_file"`

	// Host is what Zabbix calls the machine whose items take notices.
	Host string `yaml:"host"`

	// Command is a program and its arguments, which no shell reads.
	Command []string `yaml:"command"`
}

// Severity says how urgent something is.
type Severity string

// Severities, the least first.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityError    Severity = "error"
	SeverityCritical Severity = "critical"
)

var severities = []Severity{SeverityInfo, SeverityWarning, SeverityError, SeverityCritical}

// Rank orders severities; it is below zero for what is none.
func (s Severity) Rank() int { return slices.Index(severities, s) }

// Given gives the names of the settings of c that are set.
func (c Channel) Given() []string {
	var names []string
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			names = append(names, v.Type().Field(i).Tag.Get("yaml"))
		}
	}
	return names
}

func (n *Notify) complete() error {
	names := map[string]bool{}
	for i := range n.Channels {
		c := &n.Channels[i]
		if !posterName.MatchString(c.Name) {
			return fmt.Errorf("notify.channels: the name %q must be a small letter and then small letters, digits and '_'", c.Name)
		}
		if names[c.Name] {
			return fmt.Errorf("notify.channels: there are two called %s", c.Name)
		}
		names[c.Name] = true
		setDefault(&c.Severity, SeverityInfo)
		if c.Severity.Rank() < 0 {
			return fmt.Errorf("notify.channels, %s: severity is %q: it is info, warning, error or critical", c.Name, c.Severity)
		}
		for _, f := range []struct {
			file  string
			value *string
		}{{c.PasswordFile, &c.Password}, {c.SecretFile, &c.Secret}, {c.URLFile, &c.URL}} {
			if *f.value != "" || f.file == "" {
				continue
			}
			text, err := os.ReadFile(f.file)
			if err != nil {
				return fmt.Errorf("notify.channels, %s: %w", c.Name, err)
			}
			*f.value = strings.TrimSpace(string(text))
		}
	}
	return nil
}
