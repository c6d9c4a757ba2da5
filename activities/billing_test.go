//go:build !nopostgres

package activities

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"planb/internal/billing"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

// office is a receiver.
type office struct {
	name   string
	batch  int
	posted []billing.Sample
	answer func(billing.Sample) (billing.Answer, error)
}

func (o *office) Name() string { return o.name }
func (o *office) Batch() int   { return o.batch }

func (o *office) Post(_ context.Context, samples []billing.Sample) ([]billing.Answer, error) {
	answers := make([]billing.Answer, len(samples))
	for i, s := range samples {
		o.posted = append(o.posted, s)
		var err error
		if answers[i], err = o.answer(s); err != nil {
			return answers, err
		}
	}
	return answers, nil
}

func takes(s billing.Sample) (billing.Answer, error) {
	return billing.Answer{State: billing.Posted, Sent: s.Group + "-" + s.Host}, nil
}

// bills is a Control that bills at a time that the test sets.
type bills struct {
	*Control
	t   *testing.T
	now time.Time
	env *testsuite.TestActivityEnvironment
}

const noon = 12 * time.Hour

// first is the first of a month.
var first = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func newBills(t *testing.T, posters ...billing.Poster) *bills {
	b := &bills{t: t, now: first.Add(noon)}
	b.Control = &Control{
		Catalog: catalogtest.Store(t), Now: func() time.Time { return b.now }, Log: slog.New(slog.DiscardHandler),
		Billing: Billing{Zone: time.UTC, CatchUp: 7, Posters: posters, Heartbeats: time.Hour},
	}
	require.NoError(t, b.Catalog.UpsertStorage(t.Context(), catalog.Storage{Server: "s1", Dataset: "tank/BACKUP", SeenAt: b.now}))
	var suite testsuite.WorkflowTestSuite
	b.env = suite.NewTestActivityEnvironment()
	b.env.RegisterActivity(b.PostUsage)
	return b
}

// host adds one that was backed up and measured at a time.
func (b *bills) host(name string, used int64, at time.Time) catalog.Host {
	h := b.newHost(name)
	b.backedUp(h, used, at)
	return h
}

func (b *bills) newHost(name string) catalog.Host {
	h, err := b.Catalog.AddHost(b.t.Context(), catalog.NewHost{
		Host: ident.Host{Group: "acme", Name: name}, Address: name, AddGroup: true, Storage: "s1:tank/BACKUP",
	})
	require.NoError(b.t, err)
	_, err = b.Catalog.ClaimDataset(b.t.Context(), h.ID)
	require.NoError(b.t, err)
	return h
}

func (b *bills) backedUp(h catalog.Host, used int64, at time.Time) {
	b.t.Helper()
	require.NoError(b.t, b.Record(b.t.Context(), Outcome{
		Run: "run-" + h.Name + at.Format("-20060102"), WorkflowID: "backup/" + h.Ident().String(), HostID: h.ID, Host: h.Ident(), Server: "s1",
		Kind: catalog.KindBackup, Trigger: TriggerSchedule, Started: at.Add(-time.Minute), State: policy.StateOK, Snapshot: "daily-" + at.Format("200601021504"),
		Measured: &Measured{
			Used: used, Referenced: used / 2, At: at, Asked: at, Room: StorageRoom{Dataset: "tank/BACKUP", Health: "ONLINE"},
			Snapshots: []MeasuredSnapshot{{Name: "daily-" + at.Format("200601021504"), Created: at, State: policy.StateOK}},
		},
		Pull: PullResult{State: policy.StateOK, FilesTotal: 77},
	}))
}

// sample takes those of a day of the hosts that have none, from the pool where
// measured tells.
func (b *bills) sample(day string, measured ...MeasuredUsage) (taken int) {
	b.t.Helper()
	hosts, err := b.UsageHosts(b.t.Context(), UsageInput{Day: day, Server: "s1"})
	require.NoError(b.t, err)
	in := RecordUsageInput{Day: day, Measured: measured}
	for _, h := range hosts {
		if !slices.ContainsFunc(measured, func(m MeasuredUsage) bool { return m.HostID == h.ID }) {
			in.Known = append(in.Known, h.ID)
		}
	}
	taken, err = b.RecordUsage(b.t.Context(), in)
	require.NoError(b.t, err)
	require.NoError(b.t, b.EndSampling(b.t.Context(), day))
	return taken
}

func (b *bills) post(poster, day string) (more bool, err error) {
	got, err := b.env.ExecuteActivity(b.PostUsage, PostUsageInput{Day: day, Poster: poster, Began: b.now})
	b.now = b.now.Add(time.Hour)
	if err != nil {
		return false, err
	}
	require.NoError(b.t, got.Get(&more))
	return more, nil
}

func (b *bills) samples() map[string]catalog.UsageSample {
	b.t.Helper()
	list, err := b.Catalog.UsageSamples(b.t.Context(), catalog.UsageFilter{First: "2026-01-01", Next: "2027-01-01", Visible: catalog.Everything()})
	require.NoError(b.t, err)
	found := map[string]catalog.UsageSample{}
	for _, s := range list {
		found[s.Day+" "+s.Host] = s
	}
	return found
}

func TestSampleIsTakenOnceAndStays(t *testing.T) {
	t.Parallel()
	o := &office{name: "office", batch: 1, answer: takes}
	b := newBills(t, o)
	web := b.host("web1", 1000, first)
	b.newHost("empty") // was never backed up
	plan, err := b.LoadBilling(t.Context(), BillingInput{Day: "2026-11-01", Trigger: TriggerSchedule})
	require.NoError(t, err)
	require.Equal(t, BillingPlan{Day: "2026-11-01", Servers: []string{"s1"}, Posters: []string{"office"}}, plan)

	pool := MeasuredUsage{HostID: web.ID, Used: 1111, Referenced: 600, LogicalUsed: new(int64(3000)), Snapshots: 4, At: b.now}
	require.Equal(t, 1, b.sample("2026-11-01", pool))
	pool.Used = 2222
	require.Zero(t, b.sample("2026-11-01", pool), "once")
	s := b.samples()["2026-11-01 acme/web1"]
	require.Equal(t, "pool", s.Source)
	require.False(t, s.Late)
	require.EqualValues(t, []int64{1111, 600, 3000, 77}, []int64{s.UsedBytes, s.ReferencedBytes, *s.LogicalUsedBytes, *s.Files})
	require.Equal(t, 4, s.Snapshots)
	require.Len(t, b.samples(), 1)

	more, err := b.post("office", "2026-11-01")
	require.NoError(t, err)
	require.False(t, more)
	_, err = b.post("office", "2026-11-01")
	require.NoError(t, err)
	require.Len(t, o.posted, 1, "posted once")
	require.Equal(t, "2026-11-01/"+web.ID, o.posted[0].Key)
	p := b.samples()["2026-11-01 acme/web1"].Posts[0]
	require.Equal(t, catalog.UsagePost{Poster: "office", State: "posted", Attempts: 1, PostedAt: p.PostedAt, Sent: "acme-web1"}, p)
	require.NotNil(t, p.PostedAt)

	// What was posted stays, whoever tries.
	require.NoError(t, b.Catalog.RecordPosts(t.Context(), "2026-11-01", "office", []catalog.UsagePosted{{HostID: web.ID, State: "refused", Error: "x"}}, b.now))
	require.Equal(t, p, b.samples()["2026-11-01 acme/web1"].Posts[0])

	// Renamed and removed it stays under the name that it had.
	_, err = b.Catalog.RenameHost(t.Context(), web.ID, ident.Host{Group: "acme", Name: "www"}, "", "")
	require.NoError(t, err)
	b.now = first.AddDate(0, 0, 1).Add(noon)
	require.Equal(t, 1, b.sample("2026-11-02", MeasuredUsage{HostID: web.ID, Used: 5, Referenced: 5, Snapshots: 1, At: b.now}))
	_, err = b.Catalog.RemoveHost(t.Context(), web.ID, "")
	require.NoError(t, err)
	require.Contains(t, b.samples(), "2026-11-01 acme/web1")
	require.Contains(t, b.samples(), "2026-11-02 acme/www")
	_, err = b.post("office", "2026-11-02")
	require.NoError(t, err, "what a removed host used is billed still")
	require.Equal(t, "www", o.posted[1].Host)
}

func TestDisabledHostsAreBilledOnTheFirst(t *testing.T) {
	t.Parallel()
	o := &office{name: "office", batch: 10, answer: takes}
	b := newBills(t, o)
	h := b.host("old", 1000, first)
	_, err := b.Catalog.SetEnabled(t.Context(), h.Ident(), false, "gone")
	require.NoError(t, err)
	for _, day := range []int{1, 2} {
		b.now = first.AddDate(0, 0, day-1).Add(noon)
		b.sample(b.now.Format(time.DateOnly), MeasuredUsage{HostID: h.ID, Used: 9, Referenced: 9, Snapshots: 1, At: b.now})
		_, err := b.post("office", b.now.Format(time.DateOnly))
		require.NoError(t, err)
	}
	require.Len(t, o.posted, 1)
	require.Equal(t, "2026-11-01", o.posted[0].Day)
	require.False(t, o.posted[0].Enabled)
	found := b.samples()
	require.True(t, found["2026-11-01 acme/old"].Billed)
	require.False(t, found["2026-11-02 acme/old"].Billed)
}

// The pool does not answer: what the catalog knows is taken, and says so. What it
// does not know is not made up.
func TestUnknownPoolFallsBackToTheCatalog(t *testing.T) {
	t.Parallel()
	b := newBills(t)
	b.host("web1", 1000, first.Add(time.Hour))
	require.Equal(t, 1, b.sample("2026-11-01"))
	s := b.samples()["2026-11-01 acme/web1"]
	require.Equal(t, "catalog", s.Source)
	require.Nil(t, s.LogicalUsedBytes)
	require.EqualValues(t, []int64{1000, 500, 1}, []int64{s.UsedBytes, s.ReferencedBytes, int64(s.Snapshots)})
	require.Equal(t, first.Add(time.Hour), s.MeasuredAt.UTC())
	require.Empty(t, s.Posts)
}

// Three days without PlanB: each gets what was measured last before its end.
func TestMissedDaysAreCaughtUp(t *testing.T) {
	t.Parallel()
	o := &office{name: "office", batch: 10, answer: takes}
	b := newBills(t, o)
	h := b.host("web1", 1000, first.Add(time.Hour))
	require.Equal(t, 1, b.sample("2026-11-01"))
	day := func(n int) time.Time { return first.AddDate(0, 0, n-1) }
	b.backedUp(h, 3000, day(3).Add(time.Hour)) // backups went on, control did not bill
	b.now = day(5).Add(time.Hour)
	b.backedUp(h, 5000, b.now)
	b.host("new", 7, b.now)

	due, err := b.DueBilling(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-05", "2026-11-04", "2026-11-03", "2026-11-02", "2026-11-01"}, due, "the first is sampled, not posted")
	for d, want := range map[string]int64{"2026-11-02": 1000, "2026-11-03": 3000, "2026-11-04": 3000} {
		plan, err := b.LoadBilling(t.Context(), BillingInput{Day: d})
		require.NoError(t, err)
		require.True(t, plan.Late)
		require.Equal(t, 1, b.sample(d), "the new host had no data then")
		s := b.samples()[d+" acme/web1"]
		require.True(t, s.Late)
		require.EqualValues(t, want, s.UsedBytes, d)
	}
	require.Equal(t, 2, b.sample("2026-11-05"))
	require.False(t, b.samples()["2026-11-05 acme/web1"].Late)
	for _, d := range due {
		_, err := b.post("office", d)
		require.NoError(t, err)
	}
	due, err = b.DueBilling(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-05"}, due)

	b.now = day(40)
	due, err = b.DueBilling(t.Context())
	require.NoError(t, err)
	require.Len(t, due, 8, "no further back than it is told to")

	_, err = b.LoadBilling(t.Context(), BillingInput{Day: "2027-01-01"})
	require.ErrorContains(t, err, "2027-01-01 has not begun yet in UTC")
}

func TestAnswersAreKeptApart(t *testing.T) {
	t.Parallel()
	var broken error
	o := &office{name: "office", batch: 1}
	o.answer = func(s billing.Sample) (billing.Answer, error) {
		switch s.Host {
		case "a":
			return billing.Answer{Sent: "a"}, broken
		case "b":
			return billing.Answer{State: billing.Refused, Error: "no such host"}, nil
		}
		return billing.Answer{State: billing.Posted, Existed: true}, nil
	}
	b := newBills(t, o)
	for _, name := range []string{"a", "b", "c"} {
		b.host(name, 1, first)
	}
	require.Equal(t, 3, b.sample("2026-11-01"))
	broken = errors.New("office: the receiver does not answer")
	began := b.now
	// One of the samples breaks the receiver, and keeps none back.
	for range 3 {
		_, _ = b.env.ExecuteActivity(b.PostUsage, PostUsageInput{Day: "2026-11-01", Poster: "office", Began: began})
		b.now = b.now.Add(time.Second)
	}
	found, err := b.CountBilling(t.Context(), "2026-11-01")
	require.NoError(t, err)
	require.Equal(t, catalog.BilledDay{
		Samples: 3, FromCatalog: 3, Billed: 3, Posted: 1, Existed: 1, Refused: 1, Pending: 1, Error: "office: the receiver does not answer",
	}, found)
	posts := b.samples()["2026-11-01 acme/a"].Posts
	require.Equal(t, "pending", posts[0].State)
	require.Equal(t, 1, count(o.posted, "b"), "refused is not asked again by the same workflow")

	broken = nil
	o.answer = takes
	_, err = b.post("office", "2026-11-01") // another workflow
	require.NoError(t, err)
	require.Equal(t, 2, count(o.posted, "b"))
	require.Equal(t, 1, count(o.posted, "c"))
	found, err = b.CountBilling(t.Context(), "2026-11-01")
	require.NoError(t, err)
	require.Equal(t, 3, found.Posted)
}

// The form's name of acme-b/c is that of acme/b-c, which was billed before it.
func TestHostsWhoseNamesReadTheSameAreNotBilledAsOne(t *testing.T) {
	t.Parallel()
	o := &office{name: "office", batch: 1, answer: takes}
	b := newBills(t, o)
	b.host("b-c", 1, first)
	b.sample("2026-11-01")
	_, err := b.post("office", "2026-11-01")
	require.NoError(t, err)
	require.Empty(t, o.posted[0].Namesake)

	b.now = first.AddDate(0, 0, 1).Add(noon)
	h, err := b.Catalog.AddHost(t.Context(), catalog.NewHost{
		Host: ident.Host{Group: "acme-b", Name: "c"}, Address: "c", AddGroup: true, Storage: "s1:tank/BACKUP",
	})
	require.NoError(t, err)
	_, err = b.Catalog.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)
	b.backedUp(h, 2, b.now)
	b.sample("2026-11-02")
	_, err = b.post("office", "2026-11-02")
	require.NoError(t, err)
	namesakes := map[string]string{}
	for _, s := range o.posted[1:] {
		namesakes[s.Group+"/"+s.Host] = s.Namesake
	}
	require.Equal(t, map[string]string{"acme/b-c": "", "acme-b/c": "acme/b-c"}, namesakes)
}

func count(posted []billing.Sample, host string) (n int) {
	for _, s := range posted {
		if s.Host == host {
			n++
		}
	}
	return n
}

// A poster that is added gets no day from before, unless somebody asks for it.
func TestAddedPosterStartsWithNewSamples(t *testing.T) {
	t.Parallel()
	o := &office{name: "office", batch: 10, answer: takes}
	b := newBills(t)
	b.host("web1", 1, first)
	b.sample("2026-11-01")
	b.Billing.Posters = []billing.Poster{o}
	_, err := b.LoadBilling(t.Context(), BillingInput{Day: "2026-11-01", Trigger: TriggerSchedule})
	require.NoError(t, err)
	_, err = b.post("office", "2026-11-01")
	require.NoError(t, err)
	require.Empty(t, o.posted)
	for range 2 {
		_, err = b.LoadBilling(t.Context(), BillingInput{Day: "2026-11-01", Trigger: TriggerManual})
		require.NoError(t, err)
		_, err = b.post("office", "2026-11-01")
		require.NoError(t, err)
	}
	require.Len(t, o.posted, 1)
	more, err := b.post("was taken out", "2026-11-01")
	require.NoError(t, err)
	require.False(t, more)
}
