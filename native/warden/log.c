#define _GNU_SOURCE
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "../core/utf8.h"

#define LOG_BYTES (2 * PATH_MAX) // longer ones are cut off
#define WRITTEN_OUT 12           // the most bytes that one becomes: \u{10ffff}
#define AT_ONCE_US 50000

// Unicode's categories Cc, Cf, Zl and Zp, and Default_Ignorable_Code_Point; surrogates are no UTF-8.
static const struct {
  uint32_t first, last;
} UNFIT[] = {{0x0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
             {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
             {0x890, 0x891},     {0x8e2, 0x8e2},     {0x115f, 0x1160},   {0x17b4, 0x17b5},
             {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
             {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
             {0xfff0, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
             {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

static bool is_unfit(uint32_t character) {
  for (size_t i = 0; i < sizeof UNFIT / sizeof *UNFIT; i++)
    if (character >= UNFIT[i].first && character <= UNFIT[i].last)
      return true;
  return false;
}

// Writes one character, or one byte that is none, and returns how many bytes of `text` that was.
static size_t write_out(const char *text, char out[WRITTEN_OUT + 1]) {
  uint32_t character;
  const size_t length = corral_utf8_read(text, &character);
  if (length == 0)
    snprintf(out, WRITTEN_OUT, "\\x%02x", (unsigned char)*text);
  else if (!is_unfit(character))
    snprintf(out, WRITTEN_OUT, "%.*s", (int)length, text);
  else if (character == '\n' || character == '\r' || character == '\t')
    snprintf(out, WRITTEN_OUT, "\\%c", character == '\n' ? 'n' : character == '\r' ? 'r' : 't');
  else
    snprintf(out, WRITTEN_OUT, character > 0xffff ? "\\u{%04x}" : "\\u%04x", character);
  return length ? length : 1;
}

const char *log_reason(int number) {
  static char text[256];
  struct rlimit limit;
  const bool files = number == EMFILE;
  if ((!files && number != EFBIG) || getrlimit(files ? RLIMIT_NOFILE : RLIMIT_FSIZE, &limit) < 0)
    return strerror(number);
  snprintf(text, sizeof text, "%s. %s is %llu here: raise it (ulimit %s)%s", strerror(number),
           files ? "RLIMIT_NOFILE" : "RLIMIT_FSIZE", (unsigned long long)limit.rlim_max, files ? "-n" : "-f",
           files ? ", or close descriptors" : "");
  return text;
}

void log_error(const char *what, const struct corral_error *error) {
  log_message("%s: %s%s%s: %s", what, error->operation, *error->path ? " " : "", error->path,
              log_reason(error->number));
}

static const char *line_of(size_t *length, const char *format, va_list arguments) {
  static char text[LOG_BYTES], line[LOG_BYTES * WRITTEN_OUT];
  (void)vsnprintf(text, sizeof text, format, arguments);
  *length = (size_t)sprintf(line, "corral: ");
  for (const char *at = text; *at && *length + WRITTEN_OUT + 1 < sizeof line;
       *length += strlen(line + *length))
    at += write_out(at, line + *length);
  line[(*length)++] = '\n';
  return line;
}

void log_message(const char *format, ...) {
  size_t length;
  va_list arguments;
  va_start(arguments, format);
  const char *line = line_of(&length, format, arguments);
  va_end(arguments);
  (void)!write(STDERR_FILENO, line, length);
}

static void come_back(int number) {
  (void)number;
}

// A signal that ends write(2). A terminal that has room may have less than for a line, and stderr is not ours
// alone, so that O_NONBLOCK would be for others, too.
static void interrupt_each(int64_t us) {
  const struct itimerval timer = {.it_interval = {.tv_usec = us}, .it_value = {.tv_usec = us}};
  const struct sigaction action = {.sa_handler = come_back};
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  (void)sigaction(SIGALRM, &action, NULL);
  (void)sigprocmask(us ? SIG_UNBLOCK : SIG_BLOCK, &alarm, NULL);
  (void)setitimer(ITIMER_REAL, &timer, NULL);
}

void log_at_once(const char *format, ...) {
  size_t length;
  struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
  if (poll(&output, 1, 0) != 1 || !(output.revents & POLLOUT))
    return;
  va_list arguments;
  va_start(arguments, format);
  const char *line = line_of(&length, format, arguments);
  va_end(arguments);
  interrupt_each(AT_ONCE_US);
  (void)!write(STDERR_FILENO, line, length);
  interrupt_each(0);
}
