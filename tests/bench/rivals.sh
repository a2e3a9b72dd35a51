#!/usr/bin/env bash
# rivals.sh <folder>: installs the gateways that make bench-traffic measures beside this one, each into a folder of its own. Where that fails, the
# file absent there says why.
set -uo pipefail
folder=$1

# install <name> <version> <command…>: the command is run in the folder, once.
install() {
	local name=$1 version=$2
	shift 2
	mkdir -p "$folder/$name" && cd "$folder/$name" || exit
	[ "$(cat version 2>/dev/null)" = "$version" ] && return
	echo "installing $name $version (once)"
	if "$@" >log 2>&1; then
		echo "$version" >version && rm -f absent
	else
		rm -f version && grep -v '^$' log | tail -n 1 >absent
		echo "$name is left out: $(cat absent)"
	fi
}

litellm() { python3 -m venv . && bin/pip install --disable-pip-version-check --quiet "litellm[proxy]==$1"; }
portkey() { npm install --no-audit --no-fund "@portkey-ai/gateway@$1"; }

install litellm 1.108.7 litellm 1.108.7
install portkey 1.15.2 portkey 1.15.2
