// What can be seen of all sessions below a directory, read in one go: a gateway may have ten thousand of
// them, and a call from JavaScript for each file of each would take a second more.
#ifndef CORRAL_SURVEY_H
#define CORRAL_SURVEY_H

#include <string>
#include <vector>

#include "handles.h"

struct SurveyPlan {
  // Files to read of each session: of its leaf, where `top` is empty, or of the same leaf in a tree that
  // has the same shape as that of the sessions, and its top at `top`.
  struct Source {
    std::string top;
    std::vector<std::string> files;
  };

  PathHandle directory; // all below it are families, each in a directory of its own
  std::string leaf;     // the name of the directory, in that of a family, that has its session's processes
  std::vector<std::string> labels; // extended attributes of the leaf
  std::vector<Source> sources;
};

// Any thread. Appends a row for each family, parents first and siblings by name. A row is fields, each ended
// by a NUL: depth, name, milliseconds since the epoch at which the leaf was made, number of processes in it
// and below, labels, files. The third and all after it are empty where the family has no leaf; a label or a
// file that is not there, or may not be read, is empty, and ends at its first NUL.
//
// Below the top, only families that have a leaf, or have one that does below them, are told of; what lies so
// deep that its
// path would be longer than PATH_MAX is no family of ours.
//
// 0, or -errno and the path of what was refused. Directories that vanish meanwhile are passed over.
int Survey(const SurveyPlan &plan, std::string &rows, std::string &refused);

// The names of the directories in one, in order. 0, also where it is gone, or -errno.
int ListDirectories(int directory_fd, std::vector<std::string> &names);

#endif
