#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The installed prefix works from wherever it is moved to: its programs and its library find their libraries inside it,
# and a program that is none of ours is built with it.
set -euo pipefail
build=$1 source=$(cd "$(dirname "$0")/.." && pwd) work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/first" >/dev/null
prefix=$work/moved
mv "$work/first" "$prefix"

# Of the libraries that were installed, none may come from elsewhere.
check_libraries() {
  ldd "$1" | awk '/=>/ {print $1, $3}' | while read -r name path; do
    if [ -e "$prefix/lib/shoplens/$name" ]; then
      [ "$(readlink -f "$path")" = "$(readlink -f "$prefix/lib/shoplens/$name")" ] ||
        { echo "$1 takes $name from $path"; exit 1; }
    elif [ "$path" = not ]; then
      echo "$1 does not find $name"; exit 1
    fi
  done
}
for program in "$prefix"/bin/*; do
  "$program" --version
  check_libraries "$program"
done
check_libraries "$prefix/lib/libshoplens.so"
if [ -x "$prefix/bin/shoplens-train" ]; then
  [[ $("$prefix/bin/shoplens" train --help) == *--epochs* ]]  # the first program finds the second
fi

[ -s "$prefix/share/shoplens/recipes/lotte.toml" ]

# The library exports what its header declares.
exported=$(nm -DC --defined-only "$prefix/lib/libshoplens.so" | cut -d' ' -f3- | grep -v 'shoplens::v1::' || true)
[ -z "$exported" ] || { echo "libshoplens.so also exports: $exported"; exit 1; }
if grep -n '#include "' "$prefix/include/shoplens/shoplens.h"; then
  echo "the header includes what is not installed"; exit 1
fi

# A sanitized library wants a sanitized program, which this one is not.
if nm -D "$prefix/lib/libshoplens.so" | grep -q __asan_init; then
  echo "sanitized: the example is not built"; exit 0
fi
cmake -S "$source/examples/cpp" -B "$work/example" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/example" >/dev/null
cd "$work"
"$prefix/bin/shoplens" demo-photos --out . --classes 3 --train 2 --test 1 2>/dev/null
"$build/tests/write_tiny_model" model.onnx 1
"$prefix/bin/shoplens" index build --data train.csv --model model.onnx 2>/dev/null
IFS=, read -r photo label _ < <(sed -n 2p train.csv)
answer=$("$work/example/name_product" gallery.db "$photo")
echo "$answer"
[[ $answer == "$photo: $label  1.000"* ]] || { echo "want $label"; exit 1; }
status=0
"$work/example/name_product" absent.db "$photo" 2>error.txt || status=$?
grep -q '^hint: ' error.txt && [ $status = 2 ] || { echo "want status 2 and a hint, got $status"; exit 1; }
