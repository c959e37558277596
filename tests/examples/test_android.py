"""What of examples/android can be checked without the Android SDK.

The Java sources are compiled against `android_stubs.txt`, signatures of the platform classes that
they call; the JNI library is built for AArch64 by the GNU cross compiler, and its symbols are held
against the native methods that Java declares.
"""

from __future__ import annotations

import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .conftest import BUILD, ROOT, built, in_turn, need, need_packages, run

APP = ROOT / "examples" / "android" / "app"
MAIN = APP / "src" / "main"
JAVA = sorted((MAIN / "java").rglob("*.java"))
ANDROID = "{http://schemas.android.com/apk/res/android}"


def resources() -> dict[str, set[str]]:
    """Names of the resources by kind, as R.java would list them."""
    names: dict[str, set[str]] = {"layout": set(), "id": set(), "string": set(), "array": set()}
    for path in (MAIN / "res" / "layout").glob("*.xml"):
        names["layout"].add(path.stem)
        for view in ET.parse(path).iter():
            if ANDROID + "id" in view.attrib:
                names["id"].add(view.attrib[ANDROID + "id"].removeprefix("@+id/"))
    for entry in ET.parse(MAIN / "res" / "values" / "strings.xml").getroot():
        names["array" if entry.tag == "string-array" else "string"].add(entry.attrib["name"])
    return names


def write_stubs(folder: Path) -> list[Path]:
    text = Path(__file__).with_name("android_stubs.txt").read_text()
    sources = []
    for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        name, _, content = part.partition("\n")
        sources.append(folder / name)
        sources[-1].parent.mkdir(parents=True, exist_ok=True)
        sources[-1].write_text(content)
    kinds = "".join(
        f"static final class {kind} {{"
        + "".join(f"static final int {name} = 0;" for name in sorted(names))
        + "}"
        for kind, names in resources().items()
    )
    sources.append(folder / "R.java")
    sources[-1].write_text(f"package org.modelsurgery; final class R {{{kinds}}}")
    return sources


def test_java_compiles_against_the_platform_that_it_names(tmp_path: Path) -> None:
    need("javac")
    stubs = write_stubs(tmp_path / "stubs")
    options = ("-Xlint:all,-serial", "-Werror", "-d", tmp_path / "classes")
    done = run("javac", *options, *stubs, *JAVA)
    assert done.returncode == 0, done.stderr


def test_layout_and_manifest_name_what_exists() -> None:
    known = resources()
    for path in [*(MAIN / "res").rglob("*.xml"), MAIN / "AndroidManifest.xml"]:
        for kind, name in re.findall(r'"@(string|array|layout|id)/(\w+)"', path.read_text()):
            assert name in known[kind], f"{path.name}: @{kind}/{name}"
    classes = {path.stem for path in JAVA}
    views = ET.parse(MAIN / "res" / "layout" / "main.xml").iter()
    assert {v.tag.split(".")[-1] for v in views if v.tag.startswith("org.modelsurgery")} <= classes
    activity = ET.parse(MAIN / "AndroidManifest.xml").find("application/activity")
    assert activity is not None
    assert activity.attrib[ANDROID + "name"].removeprefix(".") in classes


def native_methods() -> set[str]:
    source = (MAIN / "java" / "org" / "modelsurgery" / "NativeRuntime.java").read_text()
    return set(re.findall(r"private static native [\w\[\]]+ (\w+)\(", source))


def test_gradle_packs_one_onnx_runtime_and_leaves_weights_as_they_are() -> None:
    gradle = (APP / "build.gradle").read_text()
    assert "pickFirsts += '**/libonnxruntime.so'" in gradle
    assert "noCompress 'onnx'" in gradle
    named = re.search(r"path '([^']+)'", gradle)
    assert named is not None
    assert (APP / named[1]).is_file()


@pytest.fixture(scope="module")
def library() -> Path:
    """libsurgery_jni.so for AArch64, linked with the official Android build of ONNX Runtime."""
    need("aarch64-linux-gnu-g++", "cmake", "javac", "npm", "aarch64-linux-gnu-readelf")
    need_packages("nlohmann_json")
    javac = shutil.which("javac")
    assert javac is not None
    jni = Path(javac).resolve().parents[1] / "include"
    if not (jni / "jni.h").is_file():
        pytest.skip(f"{jni} has no jni.h: a whole JDK is needed")
    with in_turn():
        return _library(jni)


def _library(jni: Path) -> Path:
    archive = BUILD / "onnxruntime-android"
    if not (archive / "headers").is_dir():
        fetch = ROOT / "examples/cpp/fetch_onnxruntime.py"
        built(sys.executable, fetch, BUILD / "onnxruntime", "--android", archive)
    flags = f"-isystem {jni} -isystem {jni}/linux"
    built(
        *("cmake", "-S", MAIN / "cpp", "-B", BUILD / "jni", "-DCMAKE_SYSTEM_NAME=Linux"),
        *("-DCMAKE_SYSTEM_PROCESSOR=aarch64", "-DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc"),
        *("-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++", f"-DCMAKE_CXX_FLAGS={flags}"),
        *("-DANDROID_ABI=arm64-v8a", f"-DONNXRUNTIME_ROOT={archive}"),
    )
    built("cmake", "--build", BUILD / "jni", "--parallel", "2")
    return BUILD / "jni" / "libsurgery_jni.so"


def test_library_is_for_aarch64_and_for_large_pages(library: Path) -> None:
    header = run("aarch64-linux-gnu-readelf", "--file-header", library).stdout
    assert "AArch64" in header
    segments = run("aarch64-linux-gnu-readelf", "--program-headers", "--wide", library).stdout
    alignments = [
        int(line.split()[-1], 16) for line in segments.splitlines() if line.strip()[:4] == "LOAD"
    ]
    assert min(alignments) >= 16384


def test_library_defines_each_native_method_and_exports_nothing_else_of_ours(
    library: Path,
) -> None:
    symbols = run("aarch64-linux-gnu-readelf", "--dyn-syms", "--wide", library).stdout
    rows = [line.split() for line in symbols.splitlines() if len(line.split()) == 8]
    defined = {row[7] for row in rows if row[6] != "UND" and row[4] == "GLOBAL"}
    prefix = "Java_org_modelsurgery_NativeRuntime_"
    assert {name for name in defined if name.startswith("Java_")} == {
        prefix + method for method in native_methods()
    }
    assert not [name for name in defined if "surgery" in name and not name.startswith("Java_")]


def test_library_needs_onnx_runtime_under_the_name_that_is_packed(library: Path) -> None:
    needed = run("aarch64-linux-gnu-readelf", "--dynamic", library).stdout
    assert "[libonnxruntime.so]" in needed
