package hosts

import (
	"fmt"
	"strings"

	"planb/web/ui"
	"planb/worker"
)

// hostFacts is what is on record of a host.
func hostFacts(v hostView) []ui.Fact {
	h := v.host
	var list []ui.Fact
	add := func(name, value string) {
		if value != "" {
			list = append(list, ui.Fact{Name: name, Value: ui.Text(value)})
		}
	}
	add("Notes", h.Notes)
	add("Address", h.Address)
	keys := "those of the first contact will be pinned"
	if len(h.HostKeys) > 0 {
		keys = ui.Plural(len(h.HostKeys), "key pinned", "keys pinned")
	}
	if h.Module != "" {
		add("Reached by", "rsync daemon, module "+h.Module)
	} else {
		add("Reached by", "ssh as "+v.policy.User.Value+fmt.Sprintf(", port %d", v.policy.Port.Value))
		add("Host keys", keys)
	}
	if h.Storage != "" {
		add("Storage", h.Server+":"+h.Storage)
	}
	dataset := h.Dataset
	if dataset != "" && !h.DatasetMade {
		dataset += " (not made yet)"
	}
	add("Dataset", dataset)
	add("Tags", strings.Join(h.Tags, ", "))
	if h.MeasuredAt != nil {
		list = append(list, ui.Fact{Name: "Measured", Value: ui.When(*h.MeasuredAt)})
	}
	if h.LastVerify != nil {
		add("Last verification", h.LastVerifyState+", "+ui.Stamp(*h.LastVerify))
	}
	list = append(list, ui.Fact{Name: "Added", Value: ui.At(h.CreatedAt)})
	return list
}

// stepOf is the word for the step under way.
func stepOf(s worker.Status) string {
	if s.Activity == "" {
		return ""
	}
	name, _ := worker.StepName(s.Activity)
	return name
}
