// CPU quotas (cpu.max) of cgroups whose processes are to die. One that was killed needs CPU time to end:
// under a quota of 1 % sixty of them take longer than ten seconds. So a quota is lifted while they die, and
// is set again after that.
#ifndef CORRAL_QUOTA_H
#define CORRAL_QUOTA_H

// The quotas that are lifted for one who needs that.
struct corral_lift;

// Lifts the quota of the cgroup, if it has one, up to corral_quota_restore(), also where another ending in
// this process needs the same. It may be called again: another process may have set it meanwhile. Where the
// kernel does not let us, all goes on under the quota.
void corral_quota_lift(struct corral_lift **lifts, int group_fd);

// Sets those again that nobody else in this process needs lifted, unless somebody has set another meanwhile.
void corral_quota_restore(struct corral_lift **lifts);

// Sets one again that another process has lifted and not set again, because it died. Where it lives, it lifts
// it once more.
void corral_quota_recover(int group_fd);

// Lifts it for good: of a cgroup that its payload made.
void corral_quota_drop(int group_fd);

#endif
