#define _GNU_SOURCE
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"

#define SEALED (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

union control {
  char bytes[CMSG_SPACE(sizeof(int) * CORRAL_MESSAGE_FDS)];
  struct cmsghdr align;
};

static size_t length_of(const struct corral_message *message) {
  bool whole = message->kind == CORRAL_CLEAN || message->kind == CORRAL_REFUSED ||
               message->kind == CORRAL_ENDED || message->kind == CORRAL_SHOWN;
  return whole ? sizeof *message : offsetof(struct corral_message, killed);
}

static void attach(struct msghdr *header, union control *control, const struct corral_fds *fds) {
  header->msg_control = control->bytes;
  header->msg_controllen = CMSG_SPACE(sizeof(int) * fds->count);
  struct cmsghdr *rights = CMSG_FIRSTHDR(header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int) * fds->count);
  memcpy(CMSG_DATA(rights), fds->fds, sizeof(int) * fds->count);
}

int corral_message_send(int socket, const struct corral_message *message, const struct corral_fds *fds) {
  union control control = {0};
  struct iovec bytes = {.iov_base = (void *)message, .iov_len = length_of(message)};
  struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};
  if (fds && fds->count)
    attach(&header, &control, fds);
  while (sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    if (errno != EINTR)
      return errno == ECONNRESET ? -EPIPE : -errno;
  return 0;
}

static void detach(struct msghdr *header, struct corral_fds *fds) {
  for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
      continue;
    size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds->fds + fds->count, CMSG_DATA(at), count * sizeof(int));
    fds->count += count;
  }
}

// Not all who come by a reaper's door need be of this program.
static void limit(struct corral_message *message) {
  message->name_count = message->name_count < CORRAL_NAMES ? message->name_count : CORRAL_NAMES;
  message->left_count = message->left_count < CORRAL_MESSAGE_LEFT ? message->left_count : CORRAL_MESSAGE_LEFT;
  for (uint32_t i = 0; i < message->name_count; i++)
    message->names[i][CORRAL_NAME_BYTES - 1] = '\0';
  message->error_operation[sizeof message->error_operation - 1] = '\0';
  message->error_path[sizeof message->error_path - 1] = '\0';
}

int corral_message_receive(int socket, struct corral_message *message, struct corral_fds *fds) {
  union control control;
  *message = (struct corral_message){0};
  fds->count = 0;
  struct iovec bytes = {.iov_base = message, .iov_len = sizeof *message};
  struct msghdr header = {.msg_iov = &bytes,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof control.bytes};
  ssize_t length;
  // ECONNRESET: the other side has ended and not heard all that we said (net/unix/af_unix.c,
  // unix_release_sock()). The kernel tells that once, and before what the other side said last.
  bool reset = false;
  while ((length = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0) {
    if (errno == ECONNRESET && !reset)
      reset = true;
    else if (errno != EINTR)
      return errno == ECONNRESET ? 0 : -errno;
  }
  detach(&header, fds);
  limit(message);
  return length > 0;
}

struct corral_end_plan corral_end_plan_of(const struct corral_message *message) {
  const int64_t ms = message->values.end.grace_ms;
  return (struct corral_end_plan){.drain_ms = ms < 0 ? -ms : 0,
                                  .grace_ms = ms > 0 ? ms : 0,
                                  .stop_signal = (int)message->id,
                                  .kill_ms = message->values.end.kill_ms};
}

struct corral_message corral_end_message(const struct corral_end_plan *plan) {
  return (struct corral_message){
      .kind = CORRAL_END,
      .id = (uint32_t)plan->stop_signal,
      .values.end = {.grace_ms = plan->drain_ms > 0 ? -plan->drain_ms : plan->grace_ms,
                     .kill_ms = plan->kill_ms}};
}

int corral_memory_file(const char *name, const char *bytes, size_t size) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur)
    return -EFBIG; // a write(2) would say so by SIGXFSZ
  CORRAL_OWNED_FD file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0)
    return -errno;
  for (ssize_t length; size > 0; bytes += length, size -= (size_t)length)
    if ((length = write(file, bytes, size)) < 0)
      return -errno;
  return corral_release_fd(&file);
}

int corral_text_file(const char *text, size_t length) {
  CORRAL_OWNED_FD file = corral_memory_file("corral-text", text, length);
  if (file >= 0 && fcntl(file, F_ADD_SEALS, SEALED) < 0)
    return -errno;
  return file < 0 ? file : corral_release_fd(&file);
}

ssize_t corral_text_read(int file, char *text, size_t size) {
  struct stat status;
  int seals = fcntl(file, F_GET_SEALS); // only files in memory have any: memfd_create(2)
  if (seals < 0 || (seals & SEALED) != SEALED || fstat(file, &status) < 0 || status.st_size > (off_t)size)
    return -EINVAL;
  ssize_t length = pread(file, text, size, 0);
  return length < 0 ? -errno : length;
}

void corral_fds_close(struct corral_fds *fds) {
  for (size_t i = 0; i < fds->count; i++)
    close(fds->fds[i]);
  fds->count = 0;
}
