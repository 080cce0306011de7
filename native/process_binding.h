// JavaScript's side of processes: listing, their environments, signals, reaping.
#ifndef DEFERRED_SWEEP_NATIVE_PROCESS_BINDING_H_
#define DEFERRED_SWEEP_NATIVE_PROCESS_BINDING_H_

#include <node_api.h>

namespace deferred_sweep {

// Adds the functions to the addon's exports. Each returns its value, or { errno, syscall }; each throws
// TypeError for wrong arguments, and nothing else.
napi_status DefineProcessFunctions(napi_env env, napi_value exports);

}  // namespace deferred_sweep

#endif  // DEFERRED_SWEEP_NATIVE_PROCESS_BINDING_H_
