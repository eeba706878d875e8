#!/bin/sh
# Builds the web UI into astrbot_like/web when its sources changed. Without Node 20+ it says so and succeeds, for the
# server works without the pages; with --strict it fails.
set -u
cd "$(dirname "$0")/.." || exit 1
[ -f dashboard/package.json ] || { echo "no web UI sources here"; exit 0; }
built=astrbot_like/web/index.html
strict=${1:-}
if [ -f "$built" ] && [ -z "$(find dashboard openapi.json -path dashboard/node_modules -prune -o -path dashboard/dist -prune -o -type f -newer "$built" -print 2>/dev/null | head -n 1)" ]; then
    exit 0
fi
node_works() {
    command -v npm >/dev/null 2>&1 && node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null
}
node_works || scripts/system_packages.sh npm:npm 2>/dev/null || true
if ! node_works; then
    echo "The web UI was not built: Node 20 or newer with npm is needed (Debian: apt-get install nodejs npm)." >&2
    [ "$strict" = "--strict" ] && exit 1
    exit 0
fi
cd dashboard || exit 1
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error || exit 1
fi
npm run --silent build
