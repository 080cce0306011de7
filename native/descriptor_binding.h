// JavaScript's side of what is done with descriptors beside locks: watches, leases, inheritance, datagrams.
#ifndef DEFERRED_SWEEP_NATIVE_DESCRIPTOR_BINDING_H_
#define DEFERRED_SWEEP_NATIVE_DESCRIPTOR_BINDING_H_

#include <node_api.h>

namespace deferred_sweep {

// Adds the functions to the addon's exports. Each returns its value, or { errno, syscall }; each throws
// TypeError for wrong arguments, and nothing else.
napi_status DefineDescriptorFunctions(napi_env env, napi_value exports);

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_DESCRIPTOR_BINDING_H_
