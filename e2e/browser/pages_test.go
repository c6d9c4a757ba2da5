package browser

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/sshx/sshtest"
)

// axe is axe-core, see testdata/axe.LICENSE and scripts/vendor-web.sh.
//
//go:embed testdata/axe.min.js
var axe string

// Every page that links lead to: nothing in its console, nothing that axe calls
// more than minor in either colour scheme, no sideways scrolling on a phone.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	src := t.TempDir() + "/source"
	write(t, src, "etc/app.conf", before)
	server := sshtest.Server(t, sshtest.Options{Root: src})
	stack.AddHost(t, "walk/web1", server, "--include", "/")
	stack.AddHost(t, "walk/gone", server, "--include", "/", "--port", "1")
	stack.Must(t, "backup", "walk/web1", "--wait")
	write(t, src, "etc/app.conf", after)
	write(t, src, "etc/new.conf", after)
	stack.Must(t, "backup", "walk/web1", "--wait", "--keep", "walked")
	stack.Must(t, "verify", "walk/web1")
	require.Equal(t, 1, stack.Try(t, "backup", "walk/gone", "--wait").Code)
	addUser(t, "wanda", "--role", "admin")
	b := newTab(t)
	b.signIn("wanda", password)

	seen := map[string]bool{}
	next := []string{
		"/", "/hosts/walk/web1", "/hosts/walk/web1/snapshots/" + oldest(t, "walk/web1"), "/hosts/walk/web1/find?q=app", "/hosts/walk/web1/files?path=/etc/app.conf",
		"/hosts/walk/web1/files/text?path=/etc/app.conf", "/hosts/walk/web1/probe",
		"/hosts/walk/web1/files/compare?path=/etc/app.conf&from=" + oldest(t, "walk/web1"),
		"/hosts/disable?host=walk/web1", "/users/wanda", "/no-such-page",
	}
	for ; len(next) > 0; next = next[1:] {
		kind := kindOf(next[0])
		if seen[kind] {
			continue
		}
		seen[kind] = true
		b.open(next[0])
		b.inspect(kind)
		next = append(next, b.links()...)
	}
	for _, kind := range []string{
		"/", "/hosts", "/hosts/HOST", "/hosts/HOST/edit", "/hosts/HOST/files", "/hosts/HOST/diff", "/hosts/HOST/find", "/hosts/HOST/restore",
		"/hosts/HOST/snapshots/SNAP", "/hosts/HOST/prune", "/hosts/HOST/rename", "/hosts/HOST/remove", "/hosts/HOST/backup", "/hosts/new",
		"/groups", "/groups/GROUP", "/groups/GROUP/edit", "/storages", "/storages/STORAGE", "/policies", "/policies/edit", "/runs", "/runs/RUN",
		"/schedule", "/notices", "/reports", "/reports/digest", "/audit", "/users", "/users/USER", "/users/new", "/tokens", "/account",
	} {
		require.True(t, seen[kind], "no link leads to %s; there are %v", kind, keys(seen))
	}
}

func oldest(t testing.TB, name string) string {
	t.Helper()
	rows := stack.List(t, "snapshots", name)
	one := slices.MinFunc(rows, func(a, b harness.Row) int { return strings.Compare(a.Text("created"), b.Text("created")) })
	return one.Text("snapshot")
}

func keys(m map[string]bool) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// kinds tell which addresses are those of one page.
var kinds = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`^/hosts/[^/]+/[^/]+/snapshots/[^/]+`), "/hosts/HOST/snapshots/SNAP"},
	{regexp.MustCompile(`^/hosts/[^/]+/[^/]+/restore/[^/]+`), "/hosts/HOST/restore/RUN"},
	{regexp.MustCompile(`^/hosts/[^/]+/[^/]+`), "/hosts/HOST"},
	{regexp.MustCompile(`^/groups/[^/]+`), "/groups/GROUP"},
	{regexp.MustCompile(`^/runs/[^/]+`), "/runs/RUN"},
	{regexp.MustCompile(`^/storages/[^/]+/.+`), "/storages/STORAGE"},
	{regexp.MustCompile(`^/policies/([^e][^/]*|e[^d][^/]*)$`), "/policies/SETTING"},
	{regexp.MustCompile(`^/users/([^n][^/]*|n[^e][^/]*)$`), "/users/USER"},
	{regexp.MustCompile(`/tokens/[0-9a-f-]{36}`), "/tokens/TOKEN"},
}

func kindOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	for _, k := range kinds {
		if at := k.re.FindString(u.Path); at != "" {
			return strings.Replace(u.Path, at, k.to, 1)
		}
	}
	return u.Path
}

// links are the pages that this one leads to: what is no download nor plain
// text, and on this server.
func (b *tab) links() []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll("a[href]")]
		.filter(a => a.origin === location.origin && !a.hasAttribute("download") && !a.type && a.pathname !== "/sign-out")
		.map(a => a.pathname + a.search)`)
}

// finding is one of axe's.
type finding struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Where  []string `json:"where"`
}

// inspect looks at the page that is open in both schemes and on a phone.
func (b *tab) inspect(kind string) {
	b.t.Helper()
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z]+`).ReplaceAllString(kind, "-"), "-")
	if name == "" {
		name = "fleet"
	}
	if kind == "/no-such-page" {
		b.troubles.take() // Chromium calls an answer of 404 an error
	} else {
		b.quiet(kind)
	}
	// Colours on their way to others are none that anybody reads.
	b.do(chromedp.Evaluate(`(() => {
		const still = new CSSStyleSheet()
		still.replaceSync("*, ::before, ::after { transition: none !important; animation: none !important }")
		document.adoptedStyleSheets = [...document.adoptedStyleSheets, still]
	})()`, nil))
	for _, scheme := range []string{"light", "dark"} {
		b.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
		var found []finding
		b.do(
			chromedp.Evaluate(axe, nil),
			chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"], iframes: false}).then(r => r.violations.map(v =>
				({id: v.id, impact: v.impact, help: v.help, where: v.nodes.slice(0, 5).map(n => n.html + " " + (n.failureSummary || ""))})))`,
				&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		)
		found = slices.DeleteFunc(found, func(f finding) bool { return f.Impact == "minor" })
		text, err := json.MarshalIndent(found, "", "  ")
		require.NoError(b.t, err)
		if len(found) > 0 {
			b.t.Errorf("axe at %s, %s: %s", kind, scheme, text)
		}
		b.picture(fmt.Sprintf("page-%s-%s", name, scheme))
	}
	b.do(emulation.SetDeviceMetricsOverride(390, 844, 2, true))
	if over := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		b.t.Errorf("%s is %d pixels too wide for a phone", kind, over)
	}
	b.picture(fmt.Sprintf("page-%s-phone", name))
	b.do(emulation.SetDeviceMetricsOverride(1366, 900, 1, false), emulation.SetEmulatedMedia())
	b.quiet(kind)
}
