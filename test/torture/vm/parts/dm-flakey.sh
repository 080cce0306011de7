# Power cuts by the kernel's dm-flakey.
packages+=(dmsetup e2fsprogs)
programs+=(mkfs.ext4 dmsetup)
files+=(/etc/mke2fs.conf)
modules+=(loop dm-flakey ext4 crc32c_generic)

guest() {
  mkdir /run/disk
  mount -t tmpfs disk /run/disk
  node test/torture/vm/parts/dm-flakey.mjs "$ROUNDS"
}
