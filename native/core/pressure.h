// Pressure stall information of a group (Documentation/accounting/psi.rst): word when its processes were held
// up.
#ifndef CORRAL_PRESSURE_H
#define CORRAL_PRESSURE_H

#include "path.h"

// Sets a trigger such as "some 200000 2000000" (us stalled, in a window of us) on a file of a group, such as
// memory.pressure. The descriptor, on which POLLPRI tells each time that it was met and POLLERR that the
// group is gone; or -errno: ENOENT, EOPNOTSUPP where the kernel has none; EINVAL, EPERM where it does not
// allow that window.
int corral_pressure_open(const struct corral_path *group, const char *file, const char *trigger);

#endif
