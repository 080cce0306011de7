#!/bin/bash
# In the virtual machine, as its first process: mounts what any system has, then runs the parts, each in a shell of its
# own. The last line of each part is read by run.sh.
#   guest.sh NODE ROUNDS PART...
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$(dirname "$1")
export ROUNDS=$2
# An emulated processor is many times slower, more so beside other work.
export TEST_HANG_MS=600000
shift 2

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
# Not on the root, where nothing is: an initrd takes no quota, no extended attributes, no export.
for path in /tmp /run /mnt; do mount -t tmpfs -o mode=1777 tmpfs "$path"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
cd /app

for part in "$@"; do
  echo "== part $part"
  status=0
  # As a program, since `set -e` does nothing in what stands before ||.
  bash -euo pipefail -c '
    packages=() programs=() files=() modules=()
    source "test/torture/vm/parts/$0.sh"
    for module in "${modules[@]}"; do modprobe "$module"; done
    guest' "$part" || status=$?
  echo "part $part ended with $status"
done
poweroff -f
