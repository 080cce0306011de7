#!/usr/bin/env bash
# Opt-in, in a virtual machine, what this machine's kernel may not have: power cuts by dm-flakey, and the tests of control
# groups with the memory controller in cgroup v2. Needs Debian's qemu-system-x86, busybox-static, cpio, kmod, dmsetup, e2fsprogs, a built checkout (npm run build
# build:test), and downloads a kernel by apt-get.
#   bash test/torture/crash/vm/run.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../../../.."
rounds=${1:-20}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -1)
(cd "$scratch" && apt-get download -q "$kernel" && dpkg -x "$kernel"_*.deb kernel)
version=$(ls "$scratch/kernel/lib/modules")

root="$scratch/root"
mkdir -p "$root"/{bin,app,dev,proc,sys,tmp,disk,mnt,etc,lib/modules}
for program in node /sbin/mkfs.ext4 /sbin/dmsetup; do
  path=$(command -v "$program")
  cp --parents "$path" "$root"
  ldd "$path" | grep -o '/[^ ]*' | sort -u | xargs -I{} cp -L --parents {} "$root"
done
cp /etc/mke2fs.conf "$root/etc/"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $(busybox --list | grep -vx busybox); do ln -sf busybox "$root/bin/$applet"; done

modules=(loop dm-flakey ext4 crc32c_generic)
mkdir -p "$root/lib/modules/$version"
(cd "$scratch/kernel/lib/modules/$version" && find kernel/{drivers/block,drivers/md,drivers/dax,fs/ext4,fs/jbd2,fs/mbcache.ko,lib,crypto,arch/x86/crypto} \
  -name '*.ko*' -exec cp --parents {} "$root/lib/modules/$version" \; 2>/dev/null || true
  cp modules.order modules.builtin* "$root/lib/modules/$version/")
depmod -b "$root" "$version"

cp -r dist dist-test package.json "$root/app/"
mkdir -p "$root/app/build" && cp -r build/Release "$root/app/build/" && rm -rf "$root/app/build/Release/obj.target"
npm ls --omit=dev --all --parseable 2>/dev/null | tail -n +2 | while read -r path; do
  mkdir -p "$root/app/$(dirname "${path#"$PWD"/}")" && cp -r "$path" "$root/app/${path#"$PWD"/}"
done
cp test/torture/crash/vm/guest.mjs "$root/app/guest.mjs"
cat >"$root/init" <<EOF
#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp; mount -t tmpfs disk /disk
for module in ${modules[*]}; do modprobe \$module || echo "no module \$module"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup && echo +memory >/sys/fs/cgroup/cgroup.subtree_control
cd /app && $(command -v node) --test --test-reporter=spec dist-test/torture/where/cgroup.test.js; echo "cgroup tests ended with \$?"
$(command -v node) guest.mjs $rounds; echo "guest ended with \$?"
poweroff -f
EOF
chmod +x "$root/init"
(cd "$root" && find . -print0 | cpio -0 -o -H newc --quiet | gzip -1) >"$scratch/initrd"
timeout 900 qemu-system-x86_64 -accel tcg -m 2000 -nographic -no-reboot \
  -kernel "$scratch/kernel/boot/vmlinuz-$version" -initrd "$scratch/initrd" \
  -append 'console=ttyS0 quiet panic=-1' | tee "$scratch/console"
grep -q 'cgroup tests ended with 0' "$scratch/console"
grep -q 'guest ended with 0' "$scratch/console"
