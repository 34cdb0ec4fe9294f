#!/bin/sh
# Renders the manual as web pages: html.sh DIRECTORY [RIPC]. index.html lists the pages and every call. A reference to a call leads
# to the call on its page; a reference to a page of the system stays text. RIPC is the program, if it is built: then its page
# is there too.
set -eu
cd "$(dirname "$0")/.."
directory=$1 ripc=${2:-}

command -v mandoc >/dev/null 2>&1 || { echo "robustipc: make html needs mandoc" >&2; exit 1; }
rm -rf "$directory"
mkdir -p "$directory"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

cat >"$directory/manual.css" <<'END'
html { font-family: sans-serif; line-height: 1.45; color: #1a1a1a; background: #fff; }
body { max-width: 52em; margin: 1em auto; padding: 0 1em; }
table.head, table.foot { width: 100%; color: #555; font-size: smaller; }
td.head-vol { text-align: center; }
td.head-rtitle, td.foot-os { text-align: right; }
.Nd, .Bf, .Op { display: inline; }
.Pa, .Ad, .Fa, .Vt { font-style: italic; }
code.Nm, .Fl, .Cm, .Ic, code.In, .Fd, .Fn, .Cd { font-weight: bold; font-family: inherit; }
pre, .Bd { font-family: monospace; overflow-x: auto; }
h1.Sh { font-size: 1.2em; margin-top: 1.6em; }
h2.Ss { font-size: 1.05em; }
a { color: #0645ad; text-decoration: none; }
a:hover { text-decoration: underline; }
a.permalink { color: inherit; }
dt { margin-top: .4em; }
:target { background: #fff3b0; }
@media (prefers-color-scheme: dark) {
  html { color: #ddd; background: #181818; }
  a { color: #8ab4f8; }
  :target { background: #554400; }
}
END

# NAME.SECTION and the address, for every page and for every call.
addresses=$directory/.addresses
for page in man/*.[0-9]; do
  file=${page#man/}
  echo "$file $file.html"
  for name in $(man/names.sh "$page"); do echo "$name.${page##*.} $file.html#$name"; done
done >"$addresses"

render() {
  mandoc -T html -O "style=manual.css,man=%N.%S.html" "$1" >"$directory/.page"
  awk -v page="${1##*/}.html" -v addresses="$addresses" '
    BEGIN {
      while ((getline line <addresses) > 0) {
        split(line, part, " ")
        address[part[1] ".html"] = part[2]
        if (index(part[2], page "#") == 1) mine[substr(part[2], length(page) + 2)] = 1
      }
    }
    # mandoc breaks lines inside of a tag, so the page is one text.
    { text = text $0 "\n" }
    END {
      sub(/<body>/, "<body>\n<p><a href=\"index.html\">robustipc</a></p>", text)
      # mandoc gives some calls a place; the others get one where they come first, in the synopsis.
      for (call in mine) {
        mark = "<code class=\"Fn\">" call "</code>"
        at = index(text, mark)
        if (at && !index(text, "id=\"" call "\""))
          text = substr(text, 1, at - 1) "<code class=\"Fn\" id=\"" call "\">" substr(text, at + length("<code class=\"Fn\">"))
      }
      whole = text
      while (match(text, /<a[ \n]class="(Xr|Sx)"[ \n]*href="[^"]*">/)) {
        tag = substr(text, RSTART, RLENGTH)
        target = tag
        sub(/.*href="/, "", target)
        sub(/".*/, "", target)
        printf "%s", substr(text, 1, RSTART - 1)
        # A section of another page, which the text names, is no place on this page.
        if (target ~ /^#/) printf "%s", index(whole, "id=\"" substr(target, 2) "\"") ? tag : "<a class=\"Sx\">"
        else printf "%s", (target in address) ? "<a class=\"Xr\" href=\"" address[target] "\">" : "<a class=\"Xr\">"
        text = substr(text, RSTART + RLENGTH)
      }
      printf "%s", text
    }' "$directory/.page" >"$directory/${1##*/}.html"
}
for page in man/*.[0-9]; do render "$page"; done
if [ -n "$ripc" ] && [ -x "$ripc" ]; then
  "$ripc" generate man >"$directory/ripc.1"
  render "$directory/ripc.1"
  rm "$directory/ripc.1"
fi

# "NAME(SECTION)" and what the page is about, from the page itself.
entry() {
  section=${1##*.} name=${1%.*}
  about=$(sed -n 's/^\.Nd //p' "man/$1" | sed 's/\\&//g; s/\\-/-/g; s/&/\&amp;/g; s/</\&lt;/g')
  echo "<li><a href=\"$1.html\">$name($section)</a>: $about</li>"
}
{
  cat <<END
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1.0"/>
<link rel="stylesheet" href="manual.css"/>
<title>The manual of robustipc $version</title>
</head>
<body>
<h1>The manual of robustipc $version</h1>
<p>Begin with <a href="robustipc.7.html">robustipc(7)</a>.</p>
<h2>Overviews</h2>
<ul>
END
  for page in man/*.7; do entry "${page#man/}"; done
  [ ! -e "$directory/ripc.1.html" ] || echo '<li><a href="ripc.1.html">ripc(1)</a>: shows and handles objects on the command line</li>'
  echo "</ul><h2>Groups of calls</h2><ul>"
  for page in man/*.3; do entry "${page#man/}"; done
  echo "</ul><h2>Calls</h2><p>"
  sed -n 's|^\(.*\)\.3 \(.*#.*\)$|<a href="\2">\1</a>|p' "$addresses" | LC_ALL=C sort -t '>' -k 2
  echo "</p></body></html>"
} >"$directory/index.html"
rm -f "$addresses" "$directory/.page"
echo "robustipc $version: $directory/index.html"
