#!/bin/sh
# make html renders every page of the manual; each link leads to a place that exists, and the index leads to every call.
. "$(dirname "$0")/../support/script.sh"

has mandoc || skip "mandoc is not installed"
html=$work/html
quietly "$root/mk/html.sh" "$html"
[ "$(find "$html" -name '.*' -type f)" = "" ] || fail "make html leaves temporary files"
[ "$(find "$html" -name '*.[37].html' | wc -l)" = "$(find "$root/man" -name '*.[37]' | wc -l)" ] || fail "pages are missing"

# "FILE ID" for every place. Tags may be broken across lines.
for file in "$html"/*.html; do
  tr '\n' ' ' <"$file" | grep -o ' id="[^"]*"' | sed "s|.*\"\(.*\)\"|${file##*/} \1|"
done | LC_ALL=C sort >"$work/places"
[ -z "$(uniq -d "$work/places")" ] || fail "a page has two places of one name: $(uniq -d "$work/places" | head -n 3)"
for file in "$html"/*.html; do
  tr '\n' ' ' <"$file" | grep -o 'href="[^"]*"' | sed "s|href=\"\(.*\)\"|${file##*/} \1|"
done | LC_ALL=C sort -u >"$work/links"
[ "$(wc -l <"$work/links")" -gt 500 ] || fail "the pages have few links: $(wc -l <"$work/links")"
while read -r file link; do
  target=${link%%#*}
  [ -e "$html/${target:-$file}" ] || fail "$file links to $link, which is not there"
  case $link in *#*) grep -qxF "${target:-$file} ${link#*#}" "$work/places" || fail "$file links to $link, which is not there" ;; esac
done <"$work/links"

# Every public call is in the index, and its link leads to its own page's synopsis. A page that bears a call's name has no other entry.
sed -n 's/^[a-z].*[ *]\(ipc_[a-z0-9_]*\)(.*/\1/p' "$root/include/robustipc.h" >"$work/calls"
[ "$(wc -l <"$work/calls")" -gt 150 ] || fail "the header's calls are not found"
while read -r name; do
  grep -q "href=\"[a-z_0-9]*\.3\.html\(#$name\)\?\">$name\((3)\)\?</a>" "$html/index.html" || fail "the index lacks $name"
done <"$work/calls"
# References to calls became links, and references to pages of the system none.
grep -q '<a class="Xr" href="ipc_shm.3.html#ipc_shm_open_typed_init">' "$html/ipc_mutex.3.html" || fail "ipc_mutex(3) has no link to a call"
grep -q '<a class="Xr">fork(2)</a>' "$html/ipc_mutex.3.html" || fail "fork(2) is no text"
