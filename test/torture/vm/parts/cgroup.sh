# Control groups with the memory controller in v2, which a machine that has it in v1 cannot test.
guest() {
  echo +memory >/sys/fs/cgroup/cgroup.subtree_control
  node --test --test-reporter=spec dist-test/torture/where/cgroup.test.js
}
