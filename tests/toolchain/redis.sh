#!/usr/bin/env bash
# Puts a real redis-server into the folder named first: the one on PATH, or Debian's, with the libraries that it
# needs. Where neither is to be had, it says so and leaves none, and the tests use an embedded server.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)

if found=$(PATH=${PATH//"$out":/} command -v redis-server); then
  ln -sf "$found" "$out/redis-server"
  echo "took redis-server from $found"
  exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
libraries() { apt-cache depends redis-server redis-tools | sed -n 's/^ *Depends: \(lib[a-z0-9.+-]*\).*/\1/p' | sort -u | grep -v '^libc6'; }
if ! apt-get download redis-server redis-tools $(libraries) >/dev/null 2>&1; then
  echo "no redis-server: there is none on PATH, and none of Debian's packages; tests use an embedded one"
  exit
fi
rm -rf "$out/redis.root" && mkdir "$out/redis.root"
for package in *.deb; do dpkg -x "$package" "$out/redis.root"; done
cat >"$out/redis-server" <<EOS
#!/bin/sh
root="\$(dirname "\$0")/redis.root"
LD_LIBRARY_PATH="\$(echo "\$root"/usr/lib/*-linux-gnu):\$(echo "\$root"/lib/*-linux-gnu)" exec "\$root/usr/bin/redis-server" "\$@"
EOS
chmod +x "$out/redis-server"
echo "unpacked $("$out/redis-server" --version | cut -d' ' -f1-3)"
