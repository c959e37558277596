#!/usr/bin/env bash
# Assemble the page: build.sh SITE [BUNDLE]. Needs emscripten, cmake, nlohmann-json3-dev and npm.
# Any static file server shows it: python -m http.server --directory SITE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
site=$(cd "$1" && pwd)
bundle=${2:+$(cd "$2" && pwd)}
work=$(dirname "$site")/web-build
mkdir -p "$work"

# Debian's emscripten calls Debian's acorn, which another Node.js than Debian's does not look for.
export NODE_PATH=${NODE_PATH:-/usr/share/nodejs}
emcmake cmake -S "$here/wasm" -B "$work/wasm" >"$work/cmake.log"
cmake --build "$work/wasm"

cp "$here/package.json" "$here/check.mjs" "$work"
npm --prefix "$work" install --silent --no-package-lock --no-audit --no-fund
mkdir -p "$site/ort"
ort=$work/node_modules/onnxruntime-web/dist
cp "$ort/ort.wasm.min.mjs" "$ort/ort-wasm-simd-threaded.mjs" "$ort/ort-wasm-simd-threaded.wasm" "$site/ort"

cp "$here"/page/* "$work/wasm/surgery.js" "$work/wasm/surgery.wasm" "$site"
if [ -n "$bundle" ]; then
  rm -rf "$site/bundle"
  cp -r "$bundle" "$site/bundle"
fi
echo "$site"
