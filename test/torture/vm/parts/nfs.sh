# An NFS server and its clients, each with a network and a hostname of its own, on one kernel. Tests know them by
# test/torture/where/nfs.ts: NAME is the network namespace and the UTS namespace of that name in /run.
packages+=(nfs-kernel-server nfs-common rpcbind iproute2 util-linux e2fsprogs netbase)
programs+=(ip nsenter unshare mkfs.ext4 rpcbind rpc.nfsd rpc.mountd exportfs mount.nfs umount.nfs rpc.statd sm-notify)
files+=(/etc/mke2fs.conf /etc/netconfig /etc/services /etc/protocols /etc/rpc)
modules+=(loop ext4 crc32c_generic veth nfsd nfs nfsv4 nfsv3)

export TORTURE_NFS_EXPORT=/export

guest() {
  printf '%s\n' root:x:0:0::/root:/bin/sh _rpc:x:102:65534::/run/rpcbind:/bin/false statd:x:103:65534::/var/lib/nfs:/bin/false >/etc/passwd
  printf '%s\n' root:x:0: nogroup:x:65534: >/etc/group
  hostname server
  serve
  # Numbers of their networks. Twins have one hostname.
  client 1 one one
  client 2 two two
  client 3 twin-a twin
  client 4 twin-b twin
  node --test --test-concurrency=1 --test-reporter=spec dist-test/torture/where/nfs-*.test.js
}

# Of ext4, as servers have it: a tmpfs has no numbers of changes, by which clients know that their cache is old.
serve() {
  mkdir -p "$TORTURE_NFS_EXPORT" /var/lib/nfs/{v4recovery,sm,sm.bak} /run/{uts,rpcbind}
  touch /etc/exports /var/lib/nfs/{etab,rmtab,state}
  mount -t tmpfs disk /mnt
  truncate -s 300M /mnt/disk
  mkfs.ext4 -q /mnt/disk
  mount -o loop /mnt/disk "$TORTURE_NFS_EXPORT"
  rmdir "$TORTURE_NFS_EXPORT/lost+found"
  mount -t nfsd nfsd /proc/fs/nfsd
  rpcbind -w
  exportfs -o rw,sync,no_root_squash,no_subtree_check "*:$TORTURE_NFS_EXPORT"
  rpc.mountd
  # Seconds: as short as they may be, since tests wait for both.
  rpc.nfsd --lease-time 10 --grace-time 10 8
}

client() {
  local number=$1 name=$2 hostname=$3
  ip netns add "$name"
  ip link add "to-$name" type veth peer name eth0 netns "$name"
  ip address add "10.0.$number.1/24" dev "to-$name"
  ip link set "to-$name" up
  ip -netns "$name" address add "10.0.$number.2/24" dev eth0
  ip -netns "$name" link set eth0 up
  ip -netns "$name" link set lo up
  touch "/run/uts/$name"
  unshare "--uts=/run/uts/$name" hostname "$hostname"
}
