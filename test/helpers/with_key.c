/* Runs a program in a new session keyring that holds a key: with_key NAME PROGRAM [ARGUMENT...] */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kJoinSessionKeyring = 1, kSessionKeyring = -3 };

int main(int argc, char **argv) {
  if (argc < 3) return 1;
  if (syscall(SYS_keyctl, kJoinSessionKeyring, NULL) < 0 ||
      syscall(SYS_add_key, "user", argv[1], "secret", strlen("secret"), kSessionKeyring) < 0) {
    perror("with_key");
    return 1;
  }
  execv(argv[2], argv + 2);
  perror(argv[2]);
  return 1;
}
