# Cross build of surgery-run against the folder that debian_arm64.sh fills.
#   cmake -S examples/cpp -B DIR -DCMAKE_TOOLCHAIN_FILE=$PWD/examples/cpp/cmake/aarch64.cmake -DCMAKE_SYSROOT=FOLDER
include(${CMAKE_CURRENT_LIST_DIR}/../../../postprocess/cpp/cmake/aarch64.cmake)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CMAKE_SYSROOT)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${CMAKE_SYSROOT})
