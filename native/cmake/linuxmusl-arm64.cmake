# For the warden on arm64.
include(${CMAKE_CURRENT_LIST_DIR}/linux-arm64.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/linuxmusl.cmake)
