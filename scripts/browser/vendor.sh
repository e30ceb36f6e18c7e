#!/usr/bin/env bash
# Makes dashboards/web/vendor again from the published packages. Needs node and npm, and the package registry.
set -euo pipefail

vendor=$(cd "$(dirname "$0")/../../dashboards/web/vendor" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --ignore-scripts --save-exact \
  preact@11.2.0 htm@3.1.1 @preact/signals@2.11.4 @preact/signals-core@1.14.5 uplot@1.6.32 esbuild@0.28.2

cat > ui.js <<'JS'
export { h, Fragment, render } from "preact";
export { useEffect, useMemo, useRef, useState, useCallback } from "preact/hooks";
export { signal, computed, effect, batch } from "@preact/signals";
import { h } from "preact";
import htm from "htm";
export const html = htm.bind(h);
JS
options=(--format=esm --minify --target=es2022 --charset=ascii --legal-comments=none)
npx esbuild ui.js --bundle "${options[@]}" --outfile="$vendor/ui.js"
npx esbuild node_modules/uplot/dist/uPlot.esm.js "${options[@]}" --outfile="$vendor/uplot.js"
cp node_modules/uplot/dist/uPlot.min.css "$vendor/uplot.css"

for package in preact @preact/signals htm uplot; do
  version=$(node -p "require('./node_modules/$package/package.json').version")
  printf '==== %s %s ====\n\n' "$package" "$version"
  cat "node_modules/$package/LICENSE"
  echo
done > "$vendor/LICENSES.txt"
