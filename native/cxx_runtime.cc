// Replaces the C++ library, so that one file loads wherever Node does: old systems have an older libstdc++,
// Alpine has none. On macOS the system has the library; only a cross-compiled addon goes without it.
// node-addon-api is headers only and uses strings and memory of the library. Nothing here may throw:
// exceptions are off.
#if !defined(__APPLE__) || defined(DEFERRED_SWEEP_WITHOUT_CXX_LIBRARY)

#include <cstdlib>
#include <new>
#include <string>

namespace {

void* Allocate(std::size_t size) noexcept {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

// The libraries do not export all members of std::string. This instantiates the ones in use.
template class std::basic_string<char>;

// These stay inside the addon (exports.map) and do not replace Node's own.
void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" [[noreturn]] void __cxa_pure_virtual() { std::abort(); }

// libstdc++ needs these; libc++ without exceptions calls abort itself.
#ifdef __GLIBCXX__
namespace std {
void __throw_length_error(const char*) { abort(); }
void __throw_logic_error(const char*) { abort(); }
void __throw_out_of_range_fmt(const char*, ...) { abort(); }
void __throw_bad_alloc() { abort(); }
void __throw_bad_array_new_length() { abort(); }
}  // namespace std
#endif

#endif
