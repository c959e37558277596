#!/bin/sh
# What surgery-run needs of Debian's arm64 packages, unpacked into a folder to cross-build and run
# against: debian_arm64.sh DIR. The system's own packages stay as they are. Takes 1.1 GB, 230 MB of it
# downloads; needs Debian's apt-get and dpkg-deb, and nlohmann-json3-dev installed.
set -eu
mkdir -p "$1"
root=$(cd "$1" && pwd)
if [ -f "$root/.complete" ]; then exit 0; fi
mkdir -p "$root/.apt/lists/partial" "$root/.apt/cache/archives/partial"
: > "$root/.apt/status"
arm64() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=root \
        -o Dir::State::status="$root/.apt/status" -o Dir::State::lists="$root/.apt/lists" \
        -o Dir::Cache="$root/.apt/cache" -o APT::Install-Recommends=false -o Debug::NoLocking=1 "$@"
}
arm64 update
arm64 --yes --download-only install libopencv-dev libssl-dev zlib1g-dev libc6-dev libstdc++-12-dev
for package in "$root"/.apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
# links of the packages that lead out of the folder, and libraries that alternatives would choose
find "$root" -type l | while read -r link; do
    case $(readlink "$link") in /*) ln -sfn "$root$(readlink "$link")" "$link" ;; esac
done
libraries=$root/usr/lib/aarch64-linux-gnu
cp "$libraries/blas/libblas.so.3" "$libraries/lapack/liblapack.so.3" "$libraries"
cp -r /usr/include/nlohmann "$root/usr/include/"
rm -r "$root/.apt"
touch "$root/.complete"
