#include "service_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>

namespace deferred_sweep {

int SendDatagram(const char* path, const char* message, size_t length) noexcept {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const size_t path_length = strlen(path);
  if (path_length == 0) return EINVAL;
  if (path_length >= sizeof(address.sun_path)) return ENAMETOOLONG;
  memcpy(address.sun_path, path, path_length);
  if (path[0] == '@') address.sun_path[0] = '\0';

#ifdef SOCK_CLOEXEC
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
#else
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (descriptor < 0) return errno;
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
#endif
  const auto size = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + path_length);
  ssize_t sent;
  do {
    sent =
        sendto(descriptor, message, length, MSG_DONTWAIT, reinterpret_cast<struct sockaddr*>(&address), size);
  } while (sent < 0 && errno == EINTR);
  const int error = sent < 0 ? errno : 0;
  close(descriptor);
  return error;
}

}  // namespace deferred_sweep
