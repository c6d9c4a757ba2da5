#!/bin/sh
# Fetches the style sheet, the script and the icons that the web pages are made
# with, at the versions below, into web/. They are committed: neither a build
# nor a reader's browser fetches anything. To update: change a version, run
# this, look at the pages, commit.
set -eu

TABLER=1.6.1
ICONS=3.52.0
HTMX=2.0.11
AXE=4.10.3 # for the tests in e2e/browser

cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
out=web/static/lib
icons=web/ui/icons
mkdir -p "$out" "$icons"

fetch() { # fetch PACKAGE VERSION DIR
	(cd "$tmp" && tarball=$(npm pack --silent "$1@$2") && mkdir "$3" && tar xzf "$tarball" --strip-components=1 -C "$3")
}
fetch @tabler/core "$TABLER" tabler
fetch @tabler/icons "$ICONS" icons
fetch htmx.org "$HTMX" htmx
fetch axe-core "$AXE" axe

# Without the reference to its source map, which is not served.
sed 's|/\*# sourceMappingURL=.*\*/||' "$tmp/tabler/dist/css/tabler.min.css" >"$out/tabler.min.css"
cp "$tmp/htmx/dist/htmx.min.js" "$out/htmx.min.js"
cp "$tmp/htmx/LICENSE" "$out/htmx.LICENSE"
cp "$tmp/icons/LICENSE" "$icons/LICENSE"
cp "$tmp/axe/axe.min.js" e2e/browser/testdata/axe.min.js
cp "$tmp/axe/LICENSE" e2e/browser/testdata/axe.LICENSE

while read -r name; do
	cp "$tmp/icons/icons/outline/$name.svg" "$icons/$name.svg"
done <"$icons/LIST"

cat >"$out/VENDORED" <<END
Made elsewhere, free to use, fetched by scripts/vendor-web.sh:

@tabler/core $TABLER    tabler.min.css        MIT, see tabler.LICENSE
htmx.org $HTMX         htmx.min.js           0BSD, see htmx.LICENSE
@tabler/icons $ICONS  ../../ui/icons/*.svg  MIT, see ../../ui/icons/LICENSE

To update, change the version in that script and run it. To add an icon, add its
name to web/ui/icons/LIST and run it.
END
