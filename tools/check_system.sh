#!/bin/sh
# One line for each system tool that the build lacks, with Debian's package; exit code 1 then.
# Usage: tools/check_system.sh PYTHON
python=${1:-python3}
bad=0
lack() {
    echo "missing: $1 (Debian: apt-get install $2)" >&2
    bad=1
}
command -v "$python" > /dev/null 2>&1 || lack "$python" "python3"
if command -v "$python" > /dev/null 2>&1; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        lack "Python 3.10 or newer, $python is $("$python" -V 2>&1)" "python3"
    "$python" -c 'import ensurepip, venv' 2> /dev/null || lack "the venv module of $python" "python3-venv"
    include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))' 2> /dev/null)
    [ -f "$include/Python.h" ] || lack "the headers of $python" "python3-dev"
fi
command -v "${CXX:-c++}" > /dev/null 2>&1 || lack "a C++17 compiler (${CXX:-c++})" "g++"
if command -v cmake > /dev/null 2>&1; then
    version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9]*\.[0-9]*\).*/\1/p')
    major=${version%%.*} minor=${version##*.}
    [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 18 ]; } ||
        lack "CMake 3.18 or newer, this is $version" "cmake"
else
    lack "cmake" "cmake"
fi
exit $bad
