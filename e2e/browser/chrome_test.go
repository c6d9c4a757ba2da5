package browser

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// flags make Chromium run without a screen, as root, and talk to nobody but the
// pages.
var flags = []chromedp.ExecAllocatorOption{
	chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
	chromedp.Flag("disable-quic", true),
	chromedp.Flag("disable-background-networking", true),
	chromedp.Flag("disable-component-update", true),
	chromedp.Flag("disable-sync", true),
	chromedp.Flag("disable-dev-shm-usage", true),
}

// tab is one window with cookies of its own.
type tab struct {
	t   testing.TB
	ctx context.Context
	// downloads is where its downloads go.
	downloads string
	troubles  *troubles
}

// troubles are what a reader of the console would see: errors of scripts, what
// the content security policy refused, what could not be loaded.
type troubles struct {
	mu   sync.Mutex
	list []string
}

func (r *troubles) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, text)
}

// take gives what came since the last time.
func (r *troubles) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

// newTab starts a Chromium that ends with the test.
func newTab(t testing.TB) *tab {
	t.Helper()
	profile, err := os.MkdirTemp("", "planb-chromium-")
	require.NoError(t, err)
	// Chromium's processes may write for a moment after the first of them ended.
	t.Cleanup(func() {
		eventually(t, func() bool { return os.RemoveAll(profile) == nil }, "Chromium goes on in %s", profile)
	})
	alloc, stop := chromedp.NewExecAllocator(context.Background(), slices.Concat(flags, []chromedp.ExecAllocatorOption{chromedp.UserDataDir(profile)})...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for its end
		cancel()
	})
	b := &tab{t: t, ctx: ctx, downloads: t.TempDir(), troubles: &troubles{}}
	chromedp.ListenTarget(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.troubles.add(ev.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if ev.Entry.Level == log.LevelError || ev.Entry.Level == log.LevelWarning {
				b.troubles.add(ev.Entry.Text + " " + ev.Entry.URL)
			}
		}
	})
	// The first run starts the browser, which ends with the context of that call.
	require.NoError(t, chromedp.Run(ctx))
	b.do(
		browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(b.downloads),
		emulation.SetDeviceMetricsOverride(1366, 900, 1, false),
	)
	return b
}

// do carries out what is bounded in time by nothing else.
func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, soon)
	defer cancel()
	require.NoError(b.t, chromedp.Run(ctx, actions...))
}

// open goes to a path of the pages. A page that goes on by itself at that moment
// wins, and is left again.
func (b *tab) open(path string) {
	b.t.Helper()
	var err error
	for range 3 {
		ctx, cancel := context.WithTimeout(b.ctx, soon)
		err = chromedp.Run(ctx, chromedp.Navigate(stack.Serve().Address()+path))
		cancel()
		if err == nil || !strings.Contains(err.Error(), "ERR_ABORTED") {
			break
		}
	}
	require.NoError(b.t, err, path)
}

// eval gives the value of a script.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	var v T
	b.do(chromedp.Evaluate(script, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return v
}

// path is where the window is now.
func (b *tab) path() string { return eval[string](b, `location.pathname`) }

// shows says whether the page has text, as a reader sees it. A page that is just
// being left has none.
func (b *tab) shows(text string) bool {
	var all string
	ctx, cancel := context.WithTimeout(b.ctx, soon)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &all))
	return err == nil && strings.Contains(strings.Join(strings.Fields(all), " "), text)
}

// see waits until the page shows each of texts.
func (b *tab) see(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if !b.waits(func() bool { return b.shows(text) }) {
			require.Fail(b.t, "the page does not show "+text, "%s:\n%s", b.path(), eval[string](b, `document.body.innerText`))
		}
	}
}

// seeOne waits until the page has an element.
func (b *tab) seeOne(selector string) {
	b.t.Helper()
	require.True(b.t, b.waits(func() bool { return b.has(selector) }), "the page has no %s", selector)
}

// has says whether the page has such an element now.
func (b *tab) has(selector string) bool {
	var there bool
	ctx, cancel := context.WithTimeout(b.ctx, soon)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate(`document.querySelector(`+quote(selector)+`) !== null`, &there)) == nil && there
}

func (b *tab) waits(cond func() bool) bool {
	b.t.Helper()
	ok := false
	ctx, cancel := context.WithTimeout(b.ctx, soon)
	defer cancel()
	for ctx.Err() == nil && !ok {
		if ok = cond(); !ok {
			_ = chromedp.Run(ctx, chromedp.Sleep(pollEvery))
		}
	}
	return ok
}

// click clicks the first button or link with such a text, in main where there is
// one there.
func (b *tab) click(text string) {
	b.t.Helper()
	one := func(within string) string {
		return within + `//*[self::a or self::button][normalize-space(.)=` + quote(text) + `]`
	}
	b.do(chromedp.Click("("+one("//main")+" | "+one("//aside")+")[1]", chromedp.BySearch, chromedp.NodeVisible))
}

// clickOne clicks what a selector names.
func (b *tab) clickOne(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// fill types a value into a field, in place of what is there.
func (b *tab) fill(name, value string) {
	b.t.Helper()
	field := `main [name='` + name + `']:not([type=hidden])`
	b.seeOne(field)
	b.do(chromedp.Evaluate(`document.querySelector(`+quote(field)+`).value = ""`, nil), chromedp.SendKeys(field, value, chromedp.ByQuery))
}

// signIn signs in, in whatever session there is.
func (b *tab) signIn(user, password string) {
	b.t.Helper()
	b.open("/sign-in")
	b.fill("user", user)
	b.fill("password", password)
	b.click("Sign in")
	b.see("Fleet")
	b.quiet("sign-in")
}

// quiet fails where the console had to say something.
func (b *tab) quiet(where string) {
	b.t.Helper()
	require.Empty(b.t, b.troubles.take(), "in the console at %s", where)
}

// downloaded waits for a download and gives its bytes.
func (b *tab) downloaded(name string) []byte {
	b.t.Helper()
	file := filepath.Join(b.downloads, name)
	eventually(b.t, func() bool {
		_, err := os.Stat(file)
		return err == nil
	}, "no download %s", name)
	text, err := os.ReadFile(file)
	require.NoError(b.t, err)
	return text
}

// scripts turns scripts on or off.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	b.do(emulation.SetScriptExecutionDisabled(!on))
}

// picture keeps a screenshot of the whole page among the artefacts.
func (b *tab) picture(name string) {
	b.t.Helper()
	var png []byte
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	dir := artefacts(b.t)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

// artefacts is where screenshots are kept: PLANB_ARTIFACTS, or var/artifacts of
// the tree.
func artefacts(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PLANB_ARTIFACTS")
	if dir == "" {
		dir = "../../var/artifacts"
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	return dir
}

// type_ and press are fill and click by the keyboard and the mouse alone, for a
// page without scripts, where nothing can be evaluated.
func (b *tab) type_(name, value string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(`main [name="`+name+`"]:not([type=hidden])`, value, chromedp.ByQuery))
}

// press clicks what a selector names, and waits for the page that this leads to.
func (b *tab) press(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, soon)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(selector, chromedp.ByQuery))
	require.NoError(b.t, err, selector)
}
