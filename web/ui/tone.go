package ui

import (
	"planb/internal/access"
	"planb/internal/policy"
)

// Tone is what a badge or a message says by its colour, besides its words.
type Tone string

// The tones.
const (
	Good    Tone = "success"
	Warn    Tone = "warning"
	Bad     Tone = "danger"
	Busy    Tone = "info"
	Neutral Tone = "secondary"
)

// look is the colour and the icon of a state.
type look struct {
	tone Tone
	icon string
}

var healthLooks = map[policy.Health]look{
	policy.HealthOK:      {Good, "circle-check"},
	policy.HealthLate:    {Warn, "clock-exclamation"},
	policy.HealthFailing: {Bad, "circle-x"},
	policy.HealthNever:   {Warn, "circle-dashed"},
	policy.HealthPaused:  {Neutral, "player-pause"},
}

var stateLooks = map[string]look{
	policy.StateOK:        {Good, "circle-check"},
	policy.StateWarning:   {Warn, "alert-triangle"},
	policy.StatePartial:   {Bad, "alert-triangle"},
	policy.StateFailed:    {Bad, "circle-x"},
	policy.StateSkipped:   {Neutral, "player-skip-forward"},
	policy.StateCancelled: {Neutral, "ban"},
	policy.StateWaiting:   {Warn, "clock"},
	policy.StateRunning:   {Busy, "loader-2"},
	policy.StateSuspect:   {Bad, "shield-exclamation"},
	policy.StateRejected:  {Neutral, "ban"},
}

func lookOf[K comparable](looks map[K]look, k K) look {
	if l, ok := looks[k]; ok {
		return l
	}
	return look{Neutral, "help-circle"}
}

// PrincipalName is how a page calls somebody.
func PrincipalName(p access.Principal) string {
	switch {
	case p.Token != "":
		return "token " + p.Token
	case p.DisplayName != "":
		return p.DisplayName
	}
	return p.Name
}
