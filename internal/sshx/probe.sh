# Answers in lines of a keyword and a value, between a begin and an end line.
# It runs on any POSIX shell and changes nothing; "$@" is what sudo is asked for.
# deploy/host/planb-sender ends in these same lines.
one_line() { LC_ALL=C tr -d '\000-\010\013-\037\177' | LC_ALL=C cut -c1-200 | head -n 1; }
echo "planb-probe begin"
if [ -n "$sender" ]; then echo "sender $sender"; fi
if command -v "$rsync" >/dev/null 2>&1; then
	"$rsync" --version </dev/null 2>&1 | head -n 20 | while IFS= read -r line; do
		printf 'rsync %s\n' "$line"
	done
fi
if [ -n "$check" ]; then
	if [ -e "$check" ] || [ -L "$check" ]; then echo "check present"; else echo "check absent"; fi
fi
if [ -d "$hold" ]; then
	n=0
	for f in "$hold"/*; do
		[ -e "$f" ] || [ -L "$f" ] || continue
		n=$((n + 1))
		[ "$n" -le 5 ] || continue
		printf 'hold %s\n' "$(printf '%s\n' "${f##*/}" | one_line)"
		[ -f "$f" ] && [ -r "$f" ] && printf 'why %s\n' "$(one_line <"$f")"
	done
	echo "holds $n"
fi
if [ "$sudo" = yes ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "sudo absent"
	elif said=$(sudo -n -l "$@" --server --sender . / </dev/null 2>&1); then
		echo "sudo ok"
	else
		printf 'sudo refused %s\n' "$(printf '%s\n' "$said" | one_line)"
	fi
fi
if command -v ionice >/dev/null 2>&1; then echo "ionice present"; fi
echo "planb-probe end"
