// As whom a process acts: its users and groups (credentials(7)). A gateway may hand in its rights after it
// has started who starts for it.
#ifndef CORRAL_CREDENTIALS_H
#define CORRAL_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Real, effective, saved
#define CORRAL_IDS ((size_t)3)

struct corral_credentials {
  bool given;
  uid_t users[CORRAL_IDS];
  gid_t groups[CORRAL_IDS];
  size_t count; // of supplementary groups
  gid_t *all;   // these, and room for as many
};

// The calling process's, as text for the flags of a plan (plan.h): '#' and numbers with commas between. To be
// freed; NULL: no memory.
char *corral_credentials_text(void);

// What such flags say; `given` is false where they say nothing. 0 or -ENOMEM.
int corral_credentials_read(const char *flags, struct corral_credentials *credentials);

void corral_credentials_free(struct corral_credentials *credentials);

// Has the calling process act so: 0, or the errno of what was refused. By system calls alone: for between
// clone and exec.
int corral_credentials_set(const struct corral_credentials *credentials);

#endif
