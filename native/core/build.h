// What a build tells of itself: which version it is, what compiled it, and for which libc and CPU.
// CORRAL_VERSION, from package.json, and CORRAL_BUILD come from CMakeLists.txt or binding.gyp.
#ifndef CORRAL_BUILD_H
#define CORRAL_BUILD_H

#include <limits.h> // brings __GLIBC__, where it is glibc

#ifndef CORRAL_VERSION
#define CORRAL_VERSION "unknown"
#endif

// "source": where it runs. "prebuilt": for the package.
#ifndef CORRAL_BUILD
#define CORRAL_BUILD "source"
#endif

#define CORRAL_TEXT_OF(number) #number
#define CORRAL_TEXT(number) CORRAL_TEXT_OF(number)

#ifdef CORRAL_BUILT_FOR // what is linked for other ones than that of its headers
#elif defined(__GLIBC__)
#define CORRAL_BUILT_FOR "glibc " CORRAL_TEXT(__GLIBC__) "." CORRAL_TEXT(__GLIBC_MINOR__)
#else
#define CORRAL_BUILT_FOR "musl" // the other one that is built for; it has no macro of its own
#endif

#ifdef __clang__
#define CORRAL_COMPILER "clang " __clang_version__
#else
#define CORRAL_COMPILER "gcc " __VERSION__
#endif

#ifdef __aarch64__
#define CORRAL_CPU "arm64"
#else
#define CORRAL_CPU "x64"
#endif

#endif
