#!/bin/sh
# Prints the first fenced block of a language in a Markdown file:  block.sh LANGUAGE FILE
awk -v fence="\`\`\`$1" '
  inside && $0 == "```" { found = 1; exit }
  inside { print }
  $0 == fence { inside = 1 }
  END { exit !found }
' "$2"
