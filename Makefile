# make demo   environment, install, then the main job and where to look
# make test   linters, types, import rules, Python tests, C++ tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint pytest ctest mmcv wheel clean

demo: $(STAMP)
	$(BIN)/python -m surgery model=e2ec
	@echo "Look at outputs/e2ec/overlay.png, outputs/e2ec/report.html"

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt $(shell find postprocess/cpp -type f 2>/dev/null)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

pytest: $(STAMP)
	$(BIN)/python -m pytest

ctest: $(STAMP)
	cmake -S postprocess/cpp -B build/cpp -DPOSTPROCESS_WERROR=ON -DBUILD_TESTING=ON -DCMAKE_BUILD_TYPE=Release
	cmake --build build/cpp --parallel
	ctest --test-dir build/cpp --output-on-failure

test: lint pytest ctest

# mmcv with its operators, for the tests that compare with it; about five minutes where no wheel is at hand
MMCV_WHEELS ?= ../shared/wheels
mmcv: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt 'setuptools<81' ninja psutil addict mmengine yapf packaging pillow pyyaml
	MMCV_WITH_OPS=1 $(BIN)/python -m pip install --quiet --find-links $(MMCV_WHEELS) --no-build-isolation --no-deps mmcv==2.2.0

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

clean:
	rm -rf build dist outputs $(STAMP)
