#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The installed prefix works from wherever it is moved to: its programs find their libraries inside it.
set -euo pipefail
build=$1 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
for program in "$work"/moved/bin/*; do
  "$program" --version
  # Of the libraries that were installed, none may come from elsewhere.
  ldd "$program" | awk '/=>/ {print $1, $3}' | while read -r name path; do
    if [ -e "$work/moved/lib/shoplens/$name" ]; then
      [ "$(readlink -f "$path")" = "$(readlink -f "$work/moved/lib/shoplens/$name")" ] ||
        { echo "$program takes $name from $path"; exit 1; }
    elif [ "$path" = not ]; then
      echo "$program does not find $name"; exit 1
    fi
  done
done
if [ -x "$work/moved/bin/shoplens-train" ]; then
  [[ $("$work/moved/bin/shoplens" train --help) == *--epochs* ]]  # the first program finds the second
fi
