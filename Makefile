# make demo   environment, install, then the main job and where to look
# make test   linters, types, import rules, Python tests, C++ tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
# where torch comes from; on Linux the public index brings about 4 GB of CUDA packages with it, and
# TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu" takes the CPU build of 0.2 GB
TORCH ?= torch==2.13.0
STAMP := $(VENV)/.installed

.PHONY: demo test lint pytest ctest sanitize fuzz fuzz-python aarch64 examples examples-aarch64 plugin mmcv runtimes predict onnx2tf onnxruntime-web torchvision torch-oldest wheel clean

demo: $(STAMP)
	$(BIN)/python -m surgery model=e2ec
	@echo "Look at outputs/e2ec/overlay.png, outputs/e2ec/report.html"

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt $(shell find postprocess/cpp -type f -not -path '*/tests/*' -not -path '*/fuzz/*' 2>/dev/null)
	tools/check_system.sh $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt setuptools wheel scikit-build-core nanobind
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(TORCH)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# on every core: a worker each, one thread in a worker
PYTEST ?=
pytest: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --durations 10 $(PYTEST)

ctest: $(STAMP)
	cmake -S postprocess/cpp -B build/cpp -DPOSTPROCESS_WERROR=ON -DBUILD_TESTING=ON -DCMAKE_BUILD_TYPE=Release
	cmake --build build/cpp --parallel $(JOBS)
	ctest --test-dir build/cpp --output-on-failure

test: lint pytest ctest

# C++ tests and the fuzz corpus under sanitizers, with GCC or Clang
SANITIZERS ?= address,undefined
sanitize:
	cmake -S postprocess/cpp -B build/sanitize -DPOSTPROCESS_WERROR=ON -DPOSTPROCESS_FUZZ=ON -DPOSTPROCESS_SANITIZE=$(SANITIZERS)
	cmake --build build/sanitize --parallel $(JOBS)
	ctest --test-dir build/sanitize --output-on-failure

# the same with Clang, then every entry point for a bounded time (Debian: clang libclang-rt-dev)
FUZZ_SECONDS ?= 60
fuzz:
	CC=clang CXX=clang++ cmake -S postprocess/cpp -B build/fuzz -DPOSTPROCESS_WERROR=ON -DPOSTPROCESS_FUZZ=ON -DPOSTPROCESS_SANITIZE=$(SANITIZERS)
	cmake --build build/fuzz --parallel $(JOBS)
	ctest --test-dir build/fuzz --output-on-failure
	sh postprocess/cpp/fuzz/run.sh build/fuzz/fuzz $(FUZZ_SECONDS)

# mutated files through every loader of the Python side, about two hours; docs/reliability.md has its table
FUZZ_CASES ?= 10000
fuzz-python: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.fuzz --cases $(FUZZ_CASES) --record build/fuzz-python.json

# cross build, tests under qemu-user (Debian: g++-aarch64-linux-gnu qemu-user)
aarch64:
	cmake -S postprocess/cpp -B build/aarch64 -DPOSTPROCESS_WERROR=ON -DCMAKE_TOOLCHAIN_FILE=$(CURDIR)/postprocess/cpp/cmake/aarch64.cmake
	cmake --build build/aarch64 --parallel $(JOBS)
	ctest --test-dir build/aarch64 --output-on-failure

# surgery-run and the page of examples/web with the demo bundle (docs/cpp.md and docs/web.md list what Debian has to give)
EXAMPLES := build/examples
examples: $(STAMP)
	pkg-config --exists --print-errors libcrypto nlohmann_json opencv4 zlib
	$(BIN)/python examples/cpp/fetch_onnxruntime.py $(EXAMPLES)/onnxruntime --android $(EXAMPLES)/onnxruntime-android
	cmake -S examples/cpp -B $(EXAMPLES)/cpp -DONNXRUNTIME_ROOT=$(CURDIR)/$(EXAMPLES)/onnxruntime -DSURGERY_WERROR=ON -DSURGERY_TESTS=ON
	cmake --build $(EXAMPLES)/cpp --parallel $(JOBS)
	test -f outputs/e2ec/bundle.json || $(BIN)/python -m surgery model=e2ec
	examples/web/build.sh $(EXAMPLES)/site outputs/e2ec

# surgery-run for AArch64 with OpenCV's dnn, against Debian's arm64 packages (docs/cpp.md)
ARM64 := $(EXAMPLES)/arm64
examples-aarch64:
	examples/cpp/cmake/debian_arm64.sh $(ARM64)
	cmake -S examples/cpp -B $(EXAMPLES)/cpp-aarch64 -DCMAKE_TOOLCHAIN_FILE=$(CURDIR)/examples/cpp/cmake/aarch64.cmake -DCMAKE_SYSROOT=$(CURDIR)/$(ARM64) -DSURGERY_ONNXRUNTIME=OFF -DSURGERY_WERROR=ON -Dnlohmann_json_DIR=/usr/share/cmake/nlohmann_json
	cmake --build $(EXAMPLES)/cpp-aarch64 --parallel $(JOBS)

# the example package of docs/your-own-model.md, in this checkout's environment
plugin: $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation examples/plugin
	$(BIN)/python -m surgery model=circlenet target=small_npu

# mmcv with its operators, for the tests that compare with it; about five minutes where no wheel is at hand
MMCV_WHEELS ?= ../shared/wheels
mmcv: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt 'setuptools<81' ninja psutil addict mmengine yapf packaging pillow pyyaml
	MMCV_WITH_OPS=1 $(BIN)/python -m pip install --quiet --find-links $(MMCV_WHEELS) --no-build-isolation --no-deps mmcv==2.2.0

# the run times of docs/targets.md, for the tests that open graphs in them
runtimes: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt 'model-surgery[runtimes]'

# Ray Data and PyArrow, for task=predict
predict: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt 'model-surgery[predict]'

# onnx2tf, which translates for LiteRT, in an environment of its own: it pins other versions than ours,
# and takes Python 3.12 or 3.13, on the path or from pyenv
ONNX2TF := .venv-onnx2tf
PYTHON312 ?= $(shell for python in python3.13 python3.12 "$$(pyenv root 2>&-)"/versions/3.1[23].*/bin/python; do \
	$$python -c '' 2>&- && echo $$python && break; done)
onnx2tf: $(STAMP)
	test -n "$(PYTHON312)" # Python 3.12 or 3.13
	test -x $(ONNX2TF)/bin/python || $(PYTHON312) -m venv $(ONNX2TF)
	$(ONNX2TF)/bin/python -m pip install --quiet onnx2tf==2.6.9
	ln -sf ../../$(ONNX2TF)/bin/onnx2tf $(BIN)/onnx2tf

onnxruntime-web: $(STAMP)
	npm install --global --silent --no-fund --no-audit --prefix $(VENV) onnxruntime-web@1.30.0

# what concerns deformable functions, with the real torchvision: it takes a torch of its own (about 4 GB on
# Linux, with CUDA), so it lives in an environment of its own
TORCHVISION := .venv-torchvision
torchvision: $(STAMP)
	test -x $(TORCHVISION)/bin/python || $(PYTHON) -m venv $(TORCHVISION)
	grep -v '^torch==' constraints.txt > $(TORCHVISION)/constraints.txt
	$(TORCHVISION)/bin/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(TORCHVISION)/bin/python -m pip install --quiet --constraint $(TORCHVISION)/constraints.txt torch==2.9.1 torchvision==0.24.1 setuptools wheel scikit-build-core nanobind
	$(TORCHVISION)/bin/python -m pip install --quiet --constraint $(TORCHVISION)/constraints.txt --config-settings build-dir=build/torchvision --no-build-isolation --editable . pytest pytest-timeout pytest-xdist hypothesis
	OMP_NUM_THREADS=1 $(TORCHVISION)/bin/python -m pytest -n $(JOBS) --dist loadfile tests/surgery/rewrites/dcn \
		tests/surgery/rewrites/test_export.py tests/surgery/export/symbolics/test_deform_conv.py tests/surgery/export/symbolics/test_roi_align.py

# the oldest version of each dependency that pyproject.toml allows, and the main job in it (docs/torch-versions.md)
OLDEST := .venv-oldest
PYTHON310 ?= $(shell for python in python3.10 "$$(pyenv root 2>&-)"/versions/3.10*/bin/python; do \
	$$python -c '' 2>&- && echo $$python && break; done)
torch-oldest: $(STAMP)
	test -n "$(PYTHON310)" # Python 3.10
	test -x $(OLDEST)/bin/python || $(PYTHON310) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet uv
	$(OLDEST)/bin/python -m uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct .
	$(BIN)/python -m benchmarks.torch_versions $(OLDEST)/bin/python

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

clean:
	rm -rf build dist outputs $(STAMP)
