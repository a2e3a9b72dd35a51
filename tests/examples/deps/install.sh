#!/usr/bin/env bash
# Puts what the examples are run with into the folder named: the packages of npm and PyPI that are locked beside this
# script, and the SDKs of this checkout. Programs below that folder find them as if they were their own.
#
#   tests/examples/deps/install.sh ~/.cache/modelplane/examples
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
rm -rf "$1" && mkdir -p "$1" && cd "$1"

echo "installing npm packages"
cp "$here"/package.json "$here"/package-lock.json .
# The install script of @pulumi/kubernetes would download the plugin, which the tools have.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
# A release publishes the same: what tsc makes, and package.json beside it.
cp -r "$root/sdk/nodejs" nodejs-sdk
node_modules/.bin/tsc --project nodejs-sdk
mkdir -p node_modules/@modelplane
cp nodejs-sdk/package.json nodejs-sdk/README.md nodejs-sdk/LICENSE nodejs-sdk/bin/
cp -r nodejs-sdk/bin node_modules/@modelplane/pulumi-modelplane

echo "installing PyPI packages"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement "$here/requirements.txt"
cp -r "$root/sdk/python" python-sdk
venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation ./python-sdk

echo "building the examples in Go"
for example in "$root"/examples/*/go; do
  # Each alone, as a copy of it is: together they would all be built with the newest version that any of them asks for.
  printf 'go 1.25.11\nuse %s\nreplace github.com/modelplane/pulumi-modelplane/sdk => %s\n' "$example" "$root/sdk" >go.work
  GOWORK=$PWD/go.work go -C "$example" build -o /dev/null .
done
rm -f go.work go.work.sum
