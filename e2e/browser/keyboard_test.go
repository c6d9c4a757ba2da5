package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// A person without a mouse signs in, passes over the navigation, goes to a host
// and backs it up; where the focus is can always be seen.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	stack.AddHost(t, "keys/web1", sshtest.Server(t), "--include", "/etc/hostname")
	addUser(t, "kim", "--role", "operator:keys")
	b := newTab(t)
	b.open("/sign-in")
	b.tabTo(`input[name="user"]`)
	b.keys("kim")
	b.tabTo(`input[name="password"]`)
	b.keys(password + kb.Enter)
	b.see("Fleet")

	b.keys(kb.Tab)
	require.Equal(t, "#content", eval[string](b, `document.activeElement.getAttribute("href") || ""`), "the first stop is the way past the navigation")
	b.keys(kb.Enter)
	require.Equal(t, "content", eval[string](b, `document.activeElement.id`))
	b.open("/")
	b.tabTo(`aside a[href="/hosts"]`)
	b.keys(kb.Enter)
	b.seeOne(`main a[href="/hosts/keys/web1"]`)
	b.tabTo(`main a[href="/hosts/keys/web1"]`)
	b.keys(kb.Enter)
	b.seeOne(`form[action="/hosts/keys/web1/backup"] button`)
	b.tabTo(`form[action="/hosts/keys/web1/backup"] button`)
	b.keys(kb.Enter)
	b.see("The backup has begun.")
	eventually(t, func() bool {
		runs := stack.List(t, "runs", "keys/web1")
		return len(runs) == 1 && runs[0].Text("state") == "ok"
	}, "the key starts no backup")
	b.quiet("the keyboard's way")
}

// keys presses keys, wherever the focus is.
func (b *tab) keys(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// mostStops is how many stops a page may have before what is looked for.
const mostStops = 120

// tabTo goes from stop to stop to what a selector names, and fails where a stop
// on the way cannot be told from the rest of the page.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	b.seeOne(selector)
	for range mostStops {
		if eval[bool](b, `document.activeElement.matches(`+quote(selector)+`)`) {
			return
		}
		b.keys(kb.Tab)
		// It, or what stands for it, has another outline, shadow, border, colour or
		// place than without the focus.
		hidden := eval[string](b, `(() => {
			const at = document.activeElement
			if (at === document.body) return ""
			const look = () => [at, at.nextElementSibling, at.parentElement].filter(e => e).map(e => {
				const s = getComputedStyle(e), r = e.getBoundingClientRect()
				return [s.outline, s.boxShadow, s.borderColor, s.backgroundColor, s.color, r.x, r.y, r.width, r.height].join()
			}).join()
			const still = new CSSStyleSheet()
			still.replaceSync("*, ::before, ::after { transition: none !important }")
			document.adoptedStyleSheets = [still]
			const focused = look()
			at.blur()
			const without = look()
			at.focus()
			return focused === without ? at.outerHTML : ""
		})()`)
		require.Empty(b.t, hidden, "nobody sees that the focus is there")
	}
	require.Fail(b.t, "no way leads there by the keyboard", "%s at %s", selector, b.path())
}
