#!/usr/bin/env bash
# Opt-in: parts of the torture in a virtual machine, for what this machine's kernel may not have. Boots Debian's cloud
# kernel (by apt-get download, nothing of it is installed) on an initrd of this checkout, and fails if a part does.
#   npm run build && npm run build:test && bash test/torture/vm/run.sh [PART...]
# PART is a file of parts/: cgroup, dm-flakey, nfs; all of them by default. ROUNDS=N: power cuts of dm-flakey.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=test/torture/vm
PATH=$PATH:/usr/sbin:/sbin

parts=("$@")
if [ ${#parts[@]} -eq 0 ]; then
  for file in "$here"/parts/*.sh; do parts+=("$(basename "$file" .sh)"); done
fi

# What a part says it needs; `guest` of it runs in the virtual machine.
packages=(qemu-system-x86 busybox-static cpio kmod)
programs=(node bash)
files=()
modules=()
for part in "${parts[@]}"; do
  [ -f "$here/parts/$part.sh" ] || { echo "no such part: $part" >&2; exit 2; }
  # shellcheck source=/dev/null
  source "$here/parts/$part.sh"
done

missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "NOT TESTED: ${parts[*]}: missing Debian packages: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 2
fi
for built in dist/index.js dist-test/torture build/Release/deferred_sweep.node; do
  [ -e "$built" ] || { echo "NOT TESTED: ${parts[*]}: no $built: npm run build && npm run build:test" >&2; exit 2; }
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -1)
[ -n "$kernel" ] || { echo "NOT TESTED: no linux-image-cloud-amd64 in the lists of apt-get: apt-get update" >&2; exit 2; }
(cd "$scratch" && apt-get download -q "$kernel" && dpkg -x "$kernel"_*.deb kernel)
version=$(ls "$scratch/kernel/lib/modules")

root="$scratch/root"
mkdir -p "$root"/{bin,app,dev,proc,sys,tmp,run,mnt,etc}
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $(busybox --list | grep -vx busybox); do ln -s busybox "$root/bin/$applet"; done
for program in "${programs[@]}"; do
  path=$(command -v "$program")
  # Should the path be that of a symbolic link to busybox: in its place, not into busybox.
  cp --parents --remove-destination "$path" "$root"
  { ldd "$path" || true; } | { grep -o '/[^ ]*' || true; } | sort -u | xargs -rI{} cp -L --parents {} "$root"
done
for file in "${files[@]}"; do cp -r --parents "$file" "$root"; done

depmod -b "$scratch/kernel" "$version"
mkdir -p "$root/lib/modules/$version"
cp "$scratch/kernel/lib/modules/$version"/modules.{order,builtin*} "$root/lib/modules/$version/"
for module in "${modules[@]}"; do
  # Prints a line "insmod PATH" or "builtin NAME" for the module and each it depends on; fails for one nobody knows.
  modprobe -d "$scratch/kernel" -S "$version" --show-depends "$module" >"$scratch/depends"
  sed -n "s#^insmod $scratch/kernel/\([^ ]*\).*#\1#p" "$scratch/depends" |
    (cd "$scratch/kernel" && xargs -rI{} cp --parents {} "$root")
done
depmod -b "$root" "$version"

cp -r --parents dist dist-test package.json "$here" build/Release/deferred_sweep.node "$root/app/"
npm ls --omit=dev --all --parseable | tail -n +2 | while read -r path; do
  cp -r --parents "${path#"$PWD"/}" "$root/app/"
done
cat >"$root/init" <<INIT
#!/bin/sh
exec $(command -v bash) /app/$here/guest.sh $(command -v node) ${ROUNDS:-20} ${parts[*]}
INIT
chmod +x "$root/init"
(cd "$root" && find . -print0 | cpio -0 -o -H newc -R 0:0 --quiet | gzip -1) >"$scratch/initrd"

# no_timer_check: on a busy machine the emulated timer is late, and the kernel would not boot.
timeout "${TIMEOUT_S:-3600}" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 2000 -nographic -no-reboot -nic none \
  -kernel "$scratch/kernel/boot/vmlinuz-$version" -initrd "$scratch/initrd" \
  -append 'console=ttyS0 quiet panic=-1 no_timer_check' </dev/null | tee "$scratch/console"
for part in "${parts[@]}"; do
  grep -q "^part $part ended with 0\b" "$scratch/console" || { echo "part $part failed (kernel $version)" >&2; exit 1; }
done
echo "passed on Linux $version: ${parts[*]}"
