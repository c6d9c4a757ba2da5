package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// Billing is about usage samples and where they are posted. It is for control;
// the command line and the pages need the zone.
type Billing struct {
	// Timezone is that of the days that are billed. Default: UTC.
	Timezone string `yaml:"timezone"`
	// CatchUp is how many days back a missed day is made up for. Default 7.
	CatchUp int `yaml:"catch_up"`
	// Posters are posted to; none leaves it at samples.
	Posters []BillingPoster `yaml:"posters"`
}

// BillingPoster is one receiver of samples.
type BillingPoster struct {
	// Name stays: what was posted is remembered by it.
	Name string `yaml:"name"`
	// Kind is form, rest or template.
	Kind string `yaml:"kind"`
	URL  string `yaml:"url"`
	// Token, or the content of TokenFile, lets PlanB in.
	Token     string `yaml:"token"`
	TokenFile string `yaml:"token_file"`
	// Template, or the content of TemplateFile, is what a template poster posts.
	Template     string `yaml:"template"`
	TemplateFile string `yaml:"template_file"`
	// Exists is in the answers of a receiver that has a sample already.
	Exists string `yaml:"exists"`
}

// mostCatchUp bounds billing.catch_up, in days.
const mostCatchUp = 90

// posterName is a name that fits into those of variables.
var posterName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

func (b *Billing) complete() error {
	setDefault(&b.Timezone, "UTC")
	setDefault(&b.CatchUp, 7)
	if _, err := b.Zone(); err != nil {
		return err
	}
	if b.CatchUp < 1 || b.CatchUp > mostCatchUp {
		return fmt.Errorf("billing.catch_up must be from 1 to %d days", mostCatchUp)
	}
	names := map[string]bool{}
	for i := range b.Posters {
		p := &b.Posters[i]
		if !posterName.MatchString(p.Name) {
			return fmt.Errorf("billing.posters: the name %q must be a small letter and then small letters, digits and '_'", p.Name)
		}
		if names[p.Name] {
			return fmt.Errorf("billing.posters: there are two called %s", p.Name)
		}
		names[p.Name] = true
		for _, f := range []struct {
			file  string
			value *string
		}{{p.TokenFile, &p.Token}, {p.TemplateFile, &p.Template}} {
			if *f.value != "" || f.file == "" {
				continue
			}
			text, err := os.ReadFile(f.file)
			if err != nil {
				return fmt.Errorf("billing.posters, %s: %w", p.Name, err)
			}
			*f.value = strings.TrimSpace(string(text))
		}
	}
	return nil
}

// Zone gives the zone of the days that are billed.
func (b *Billing) Zone() (*time.Location, error) {
	return namedZone("billing.timezone", b.Timezone)
}
