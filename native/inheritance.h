// The portable contract: a descriptor that the next program started by this process gets. Node makes all its
// own close-on-exec and closes what it inherited.
#ifndef DEFERRED_SWEEP_NATIVE_INHERITANCE_H_
#define DEFERRED_SWEEP_NATIVE_INHERITANCE_H_

namespace deferred_sweep {

// Duplicates `descriptor` to the lowest free number from `lowest`, not close-on-exec. Returns 0 or an errno:
// EINVAL or EMFILE when the limit of open files lies below.
//
// The caller closes it when the program has been started: until then every program gets it.
int DuplicateInheritable(int descriptor, int lowest, int* duplicate) noexcept;

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_INHERITANCE_H_
