# For the warden on x64.
include(${CMAKE_CURRENT_LIST_DIR}/linux-x64.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/linuxmusl.cmake)
