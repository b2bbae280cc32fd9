# For test/vm/run -a arm64: a Debian tree for arm64, with Node from npm's package for it. Nothing in it is run to make it.

NODE_ARM64=${CORRAL_VM_NODE:-20}
NPM_ARM64=10
ARM64_PACKAGES=bash,bsdutils,dash,coreutils,sed,grep,findutils,mount,util-linux,procps,python3-minimal,libc6,libstdc++6,libatomic1,libgcc-s1,base-files

foreign_tree() { echo "tree-$kernel-$arch-node$NODE_ARM64-$(sha256sum <"$here/arm64.sh" | head -c 16)"; }

unpack_npm() { # TREE, a directory in it, what of npm's registry
  (cd "$1" && tar -C "$2" --strip-components=1 -xzf "$(npm pack --silent "$3" | tail -n 1)" && rm -- *.tgz)
}

make_foreign_tree() { # DIRECTORY, where it will be, SUITE
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  tell "making a Debian tree for $arch: $3 with Node $NODE_ARM64 (about a minute, once)"
  mmdebstrap --quiet --variant=extract --architectures="$arch" --include="$ARM64_PACKAGES" \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Check-Valid-Until "false"' \
    "$3" - "deb [signed-by=$keys] $(mirror) $3 main" | tar -C "$1" --numeric-owner --exclude='./dev/*' -x
  rm -rf "$1"/etc/apt "$1"/var/lib/apt "$1"/var/cache/apt "$1"/usr/share/{doc,man,locale}
  [ -e "$1/bin/sh" ] || ln -s dash "$1/bin/sh"
  printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n' >"$1/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
  echo '127.0.0.1 localhost' >"$1/etc/hosts"
  mkdir -p "$1/usr/local/lib/node_modules/npm" "$1/mnt"
  unpack_npm "$1" usr/local "node-linux-$arch@$NODE_ARM64"
  unpack_npm "$1" usr/local/lib/node_modules/npm "npm@$NPM_ARM64"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
}
