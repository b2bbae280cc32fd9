// What the prebuilt addon has instead of a C++ runtime, of libgcc and of what the libc of some host lacks: so
// it needs nothing but functions that glibc 2.28 and musl both have, of types that are the same in both. No
// exception is ever thrown in it; where the standard library would throw one, it ends the process, as
// -fno-exceptions has it.
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <new>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEVER(name)                                                                                          \
  [[noreturn]] void name() {                                                                                 \
    abort();                                                                                                 \
  }

// What the archive's functions refer to should they throw. Only the names count: nobody comes here with
// arguments.
extern "C" {
NEVER(_Unwind_Resume)
NEVER(__cxa_allocate_exception)
NEVER(__cxa_begin_catch)
NEVER(__cxa_call_terminate)
NEVER(__cxa_end_catch)
NEVER(__cxa_free_exception)
NEVER(__cxa_get_globals)
NEVER(__cxa_pure_virtual)
NEVER(__cxa_rethrow)
NEVER(__cxa_throw)
NEVER(__gxx_personality_v0)
}

namespace std {
[[noreturn]] void terminate() noexcept {
  abort();
}
NEVER(__throw_bad_alloc)
NEVER(__throw_bad_array_new_length)
NEVER(__throw_bad_function_call)
[[noreturn]] void __throw_length_error(const char *) {
  abort();
}
[[noreturn]] void __throw_logic_error(const char *) {
  abort();
}
[[noreturn]] void __throw_out_of_range(const char *) {
  abort();
}
[[noreturn]] void __throw_out_of_range_fmt(const char *, ...) {
  abort();
}
[[noreturn]] void __throw_system_error(int) {
  abort();
}
} // namespace std

void *operator new(std::size_t size) {
  void *memory = malloc(size == 0 ? 1 : size);
  if (memory == nullptr)
    abort();
  return memory;
}
void *operator new[](std::size_t size) {
  return operator new(size);
}
void operator delete(void *memory) noexcept {
  free(memory);
}
void operator delete(void *memory, std::size_t) noexcept {
  free(memory);
}
void operator delete[](void *memory) noexcept {
  free(memory);
}
void operator delete[](void *memory, std::size_t) noexcept {
  free(memory);
}

extern "C" {
// glibc 2.32. False is always right.
char __libc_single_threaded = 0;

// glibc 2.33: before, they were macros. The kernel's struct stat is that of both libcs on these two CPUs.
int fstat(int fd, struct stat *status) {
  return static_cast<int>(syscall(SYS_fstat, fd, status));
}
int fstatat(int fd, const char *path, struct stat *status, int flags) {
  return static_cast<int>(syscall(SYS_newfstatat, fd, path, status, flags));
}
int stat(const char *path, struct stat *status) {
  return fstatat(AT_FDCWD, path, status, 0);
}

// major() and minor() of glibc; musl has macros. The kernel's huge numbers of devices (makedev(3)).
unsigned gnu_dev_major(dev_t device) noexcept {
  return static_cast<unsigned>((device >> 32 & 0xfffff000) | (device >> 8 & 0xfff));
}
unsigned gnu_dev_minor(dev_t device) noexcept {
  return static_cast<unsigned>((device >> 12 & 0xffffff00) | (device & 0xff));
}

// Musl has a macro only.
struct cmsghdr *__cmsg_nxthdr(struct msghdr *message, struct cmsghdr *header) noexcept {
  char *end = static_cast<char *>(message->msg_control) + message->msg_controllen;
  char *next = reinterpret_cast<char *>(header) + CMSG_ALIGN(header->cmsg_len);
  if (header->cmsg_len < sizeof *header || next + sizeof *header > end)
    return nullptr;
  struct cmsghdr *found = reinterpret_cast<struct cmsghdr *>(next);
  return next + CMSG_ALIGN(found->cmsg_len) > end ? nullptr : found;
}

// libgcc asks it which atomics an arm64 CPU has; musl keeps it to itself.
unsigned long __getauxval(unsigned long type) {
  return getauxval(type);
}
}
