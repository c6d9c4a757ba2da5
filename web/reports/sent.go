package reports

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker/operate"
)

func (p Pages) reportOf(r *http.Request) (catalog.Report, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return catalog.Report{}, server.ErrNotFound
	}
	return p.Catalog.Report(r.Context(), id)
}

// whose is the scope of a report that was made: its group, or everything.
func (p Pages) whose(r *http.Request) (access.Scope, error) {
	made, err := p.reportOf(r)
	return access.OfGroup(string(made.Group)), err
}

// sentView is a report that was made.
type sentView struct {
	catalog.ReportLine
	// Lasts says that it can be sent still: not the digest of a day that is over.
	Lasts bool
}

// left says whether somebody does not have it.
func (v sentView) left() bool {
	return len(v.Mails) == 0 || slices.ContainsFunc(v.Mails, func(m catalog.ReportMail) bool { return m.State != catalog.DeliverySent })
}

func (p Pages) sent(w http.ResponseWriter, r *http.Request) error {
	made, err := p.reportOf(r)
	if err != nil {
		return err
	}
	mails, err := p.Catalog.ReportMails(r.Context(), made.ID)
	if err != nil {
		return err
	}
	v := sentView{ReportLine: catalog.ReportLine{Report: made, Mails: mails[made.ID]}}
	v.Lasts = made.Kind == catalog.ReportMonthly || made.Period == p.Now().In(p.Zone).Format(time.DateOnly)
	server.FramesDocuments(w)
	return server.Render(w, r, http.StatusOK, sentPage(v))
}

func (p Pages) sentDocument(w http.ResponseWriter, r *http.Request) error {
	made, err := p.reportOf(r)
	if err != nil {
		return err
	}
	doc, err := p.Catalog.ReportDoc(r.Context(), made.ID)
	if err != nil {
		return err
	}
	return server.Document(w, doc.HTML)
}

// send mails a report now, and leads to what came of it.
func (p Pages) send(w http.ResponseWriter, r *http.Request) error {
	of, err := p.of(r)
	if err != nil {
		return err
	}
	out, err := p.Operator.SendReport(r.Context(), of, r.PostFormValue("again") == "yes")
	var goesOn *operate.UnderWayError
	if errors.As(err, &goesOn) {
		return server.Redirect(w, r, "/reports", ui.Warn, "The "+of.Name()+" is being sent: whom it did not reach yet is tried again.")
	}
	if err != nil {
		return err
	}
	tone, text := told(out.Mails)
	return server.Redirect(w, r, pathSent(out.ID), tone, text)
}

// nobody says why a report goes to nobody, and what to do.
func nobody(of catalog.ReportOf) string {
	if of.Kind == catalog.ReportDigest {
		return "There is nobody to send it to: set `reports.digest_to` in `planb.yaml`."
	}
	return "There is nobody to send it to: the group has no mail addresses."
}

// told says what came of the mails of a report.
func told(mails []catalog.ReportMail) (ui.Tone, string) {
	without := 0
	for _, m := range mails {
		if m.State != catalog.DeliverySent {
			without++
		}
	}
	switch {
	case len(mails) == 0:
		return "", "" // the page says so
	case without > 0:
		return ui.Warn, ui.Plural(without, "recipient does", "recipients do") + " not have it: below is why."
	}
	return ui.Good, ui.Plural(len(mails), "recipient has", "recipients have") + " it."
}
