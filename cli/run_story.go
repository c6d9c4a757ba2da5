package cli

import (
	"fmt"
	"text/tabwriter"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/worker"
)

// printStory lists the steps that a run took: when, for how long, and what
// went wrong on the way. Temporal forgets them after some months.
func (a *app) printStory(c *ucli.Context, r catalog.Run) {
	tc, err := a.temporal(c)
	if err != nil {
		return
	}
	story, err := worker.Story(c.Context, tc, r.WorkflowID, r.ID)
	if err != nil || len(story) == 0 {
		return
	}
	fmt.Fprintf(a.stdout, "\nsteps (%s)\n", story[0].Started.Local().Format("MST"))
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	for _, s := range story {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Started.Local().Format("15:04:05"), stepName(s), stepText(s))
	}
}

func stepName(s worker.Step) string {
	if s.Activity == "" {
		return "wait"
	}
	name, _ := worker.StepName(s.Activity)
	return name
}

func stepText(s worker.Step) string {
	text := duration(s.Ended.Sub(s.Started).Seconds())
	if s.Waited != "" {
		text += ", " + s.Waited
	}
	switch {
	case s.Failure == "":
	case !s.Failed:
		text += fmt.Sprintf(", well at try %d; before: %s", s.Tries, s.Failure)
	case s.Tries > 1:
		text += fmt.Sprintf(", ended at try %d: %s", s.Tries, s.Failure)
	default:
		text += ", ended: " + s.Failure
	}
	return text
}
