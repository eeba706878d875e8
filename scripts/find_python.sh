#!/bin/sh
# Prints the newest Python from 3.13 down to 3.11 that really starts and can make virtual environments.
set -u
works() {
    "$1" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1
}
for version in 3.13 3.12 3.11; do
    for candidate in "python$version" python3 "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python \
        "/usr/bin/python$version" "/usr/local/bin/python$version"; do
        if command -v "$candidate" >/dev/null 2>&1 && works "$candidate" "$version"; then
            command -v "$candidate"
            exit 0
        fi
    done
done
echo "Python 3.11, 3.12 or 3.13 with venv is needed. On Debian: apt-get install python3 python3-venv" >&2
exit 1
