# For the warden: the same compilers with musl, by the specs that native/prebuild/libc prepared in CORRAL_MUSL. A static
# program of musl's is a seventh of glibc's, and runs beside either. There is no C++ in it, and no libstdc++ for musl.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CORRAL_MUSL)
set(CMAKE_C_FLAGS_INIT "-specs=${CORRAL_MUSL}/musl-gcc.specs -isystem ${CORRAL_MUSL}/kernel")
set(CMAKE_CXX_COMPILER_WORKS TRUE)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -no-pie")
