# The two commands of the course:
#
#   make course    .venv, install, run every lesson, build the book -> book/_build/html/index.html
#   make test      .venv, install, lint, unit + property + golden tests, every notebook with nbmake
#
# Both need Python 3.11 to 3.13 named python3, make and a package index, and nothing else.

PYTHON ?= python3
JOBS ?= 2
# A CPU-only PyTorch saves 3 GB on Linux: make course TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXECUTED := book/_executed
LESSONS_DONE := $(EXECUTED)/.done
TIMES := .cache/times

LESSON_SOURCES := $(shell find lessons golden course_utils -type f ! -name '*.pyc' 2>/dev/null)

export OMP_NUM_THREADS ?= 1
# numba, once at work, sets the threads of torch too
export NUMBA_NUM_THREADS ?= 1
# Two pytest workers are enough parallelism; a browser is never opened.
export PLOTLY_RENDERER = plotly_mimetype
export MPLBACKEND ?= agg

# $(call timed,NAME,COMMAND) runs a command and notes how long it took, also when it fails.
define timed
@mkdir -p $(TIMES); start=$$(date +%s); ( $(2) ); code=$$?; \
echo $$(( $$(date +%s) - start )) > $(TIMES)/$(1); exit $$code
endef

.PHONY: help course test install lint unit lessons notebooks book lab bench times clean

help:
	@echo "make course     run every lesson and build the book -> book/_build/html/index.html"
	@echo "make test       lint, unit, property and golden tests, and every notebook"
	@echo "make lab        open JupyterLab on the notebooks"
	@echo "make notebooks  write notebooks/ from lessons/"
	@echo "make lint | unit | lessons | book | bench | clean"

course: book
	@echo "The book: book/_build/html/index.html"

test: install lint unit
	@rm -f $(LESSONS_DONE)
	@$(MAKE) --no-print-directory lessons

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11 to 3.13 is needed, $(PYTHON) is $$($(PYTHON) --version); try make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(call timed,install,\
	  $(BIN)/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch && \
	  $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[book$(comma)test]')
	@touch $@

comma := ,

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m course_utils.teaching.notebooks --check

unit: install
	$(call timed,unit,$(BIN)/python -m pytest -q -n $(JOBS) tests)

notebooks: install
	$(BIN)/python -m course_utils.teaching.notebooks

# Each lesson runs once: the complete notebooks are written to book/_executed, nbmake runs them there and keeps
# their outputs, and the book shows these outputs.
lessons: $(LESSONS_DONE)

$(LESSONS_DONE): $(INSTALLED) $(LESSON_SOURCES)
	$(call timed,lessons,$(BIN)/python -m course_utils.teaching.execute --jobs $(JOBS) $(EXECUTED))
	@touch $@

book: lessons
	$(call timed,book,$(BIN)/python -m course_utils.teaching.book)

lab: install
	$(BIN)/jupyter lab notebooks

bench: install
	@for program in benchmarks/[a-z]*.py; do echo "== $$program"; $(BIN)/python $$program --quick || exit 1; done

times:
	@for stage in install unit lessons book; do \
	  printf '%-8s %6s s\n' $$stage $$(cat $(TIMES)/$$stage 2>/dev/null || echo -); done

clean:
	rm -rf book/_build book/_executed .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
