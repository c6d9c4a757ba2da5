package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ucli "github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/catalog"
	"planb/worker"
	"planb/worker/operate"
)

// mailPatience is how long mails are waited for; they are tried on after that.
const mailPatience = time.Minute

// mailing is a report that is being mailed.
type mailing struct {
	of  catalog.ReportOf
	run client.WorkflowRun
	// had are those who had it before.
	had []string
}

// mailReports has reports mailed, all at once, and says what came of each.
func (a *app) mailReports(ctx context.Context, c *ucli.Context, store *catalog.Store, list []catalog.ReportOf) error {
	tc, err := a.temporal(c)
	if err != nil {
		return err
	}
	operator := operate.Operator{Catalog: store, Temporal: tc}
	var begun []mailing
	var failed []error
	for _, of := range list {
		m := mailing{of: of}
		if !c.Bool("again") {
			if m.had, err = whoHas(ctx, store, of); err != nil {
				return err
			}
		}
		m.run, err = operator.StartReport(ctx, of, c.Bool("again"))
		var running *worker.AlreadyRunningError
		if errors.As(err, &running) {
			failed = append(failed, refusedf("%w: it ends by itself, and `planb report list` tells what came of it", err))
			continue
		}
		if err != nil {
			return err
		}
		begun = append(begun, m)
	}
	waiting, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	for _, m := range begun {
		var out activities.ReportResult
		err := m.run.Get(waiting, &out)
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			out, err = reportSoFar(ctx, store, m.of)
			if catalog.IsNotFound(err) {
				err = fmt.Errorf("the %s is not made yet: is planb control running? It is mailed as soon as it does", m.of.Name())
			}
		}
		if err != nil {
			failed = append(failed, workflowError(err))
			continue
		}
		failed = append(failed, a.mailed(m, out, c.String("group") != ""))
	}
	return errors.Join(failed...)
}

// whoHas gives who has a report already.
func whoHas(ctx context.Context, store *catalog.Store, of catalog.ReportOf) (had []string, err error) {
	out, err := reportSoFar(ctx, store, of)
	if catalog.IsNotFound(err) {
		return nil, nil
	}
	for _, m := range out.Mails {
		if m.State == catalog.DeliverySent {
			had = append(had, m.Recipient)
		}
	}
	return had, err
}

func reportSoFar(ctx context.Context, store *catalog.Store, of catalog.ReportOf) (out activities.ReportResult, err error) {
	if out.Report, err = store.NewestReport(ctx, of); err != nil {
		return out, err
	}
	mails, err := store.ReportMails(ctx, out.ID)
	out.Mails = mails[out.ID]
	return out, err
}

// mailed says who got a report; its error who did not. Alone says that nothing
// else was asked for.
func (a *app) mailed(m mailing, out activities.ReportResult, alone bool) error {
	if len(out.Mails) == 0 {
		why := fmt.Sprintf("the %s was sent to nobody: ", m.of.Name())
		if m.of.Kind == catalog.ReportDigest {
			return refusedf("%sset reports.digest_to in planb.yaml", why)
		}
		why += fmt.Sprintf("give the group an address with `planb group edit %s --email ADDRESS`", m.of.Group)
		if alone {
			return refusedf("%s", why)
		}
		fmt.Fprintln(a.stdout, why)
		return nil
	}
	var failed []error
	for _, mail := range out.Mails {
		switch {
		case slices.Contains(m.had, mail.Recipient):
			fmt.Fprintf(a.stdout, "%s has the %s already; --again sends it once more.\n", mail.Recipient, m.of.Name())
		case mail.State == catalog.DeliverySent:
			fmt.Fprintf(a.stdout, "The %s was sent to %s.\n", m.of.Name(), mail.Recipient)
		case mail.State == catalog.DeliveryGaveUp:
			failed = append(failed, fmt.Errorf("the %s was not sent to %s: %s", m.of.Name(), mail.Recipient, mail.LastError))
		default:
			failed = append(failed, fmt.Errorf("the %s is not sent to %s yet, PlanB goes on trying: %s", m.of.Name(), mail.Recipient, mail.LastError))
		}
	}
	return errors.Join(failed...)
}
