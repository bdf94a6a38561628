# make book builds the book, make test tests it; CONTRIBUTING.md explains the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two workers; all tests of one file stay together, so a page or a kernel is opened once.
WORKERS ?= 2
# Progress is shown as it happens, in a log file too.
export PYTHONUNBUFFERED := 1

.PHONY: book pdf test check lab references pins clean distclean

book: $(READY)
	@$(BIN)/python lib/sphinx_ext/book_build.py

pdf: $(READY)
	@$(BIN)/python lib/sphinx_ext/book_pdf.py

test: book
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile \
		--nbval --nbval-current-env --nbval-cell-timeout=120 \
		--nbval-sanitize-with=tests/reference/sanitize.cfg

check: $(READY)
	@$(BIN)/ruff check lib tests
	@$(BIN)/python -m pytest -m "not slow and not site" \
		--numprocesses=$(WORKERS) --dist=loadfile

lab: $(READY)
	@$(BIN)/jupytext-config --settings-file \
		$(VENV)/etc/jupyter/labconfig/default_setting_overrides.json \
		set-default-viewer markdown myst > /dev/null
	@$(BIN)/jupyter lab chapters/intro.md

references: $(READY)
	@$(BIN)/python lib/sphinx_ext/book_references.py

# The newest versions that fit pyproject.toml. Run it with the oldest Python the book supports:
# what that one needs, the newer ones can use too.
pins:
	rm -rf _build/pins
	$(PYTHON) -m venv _build/pins
	_build/pins/bin/python -m pip install --quiet --upgrade setuptools --editable ".[book,test]"
	{ grep '^#' requirements.txt; \
		_build/pins/bin/python -m pip freeze --all --exclude pip --exclude-editable; \
		echo "-e ."; } > _build/requirements.txt
	mv _build/requirements.txt requirements.txt

clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) lib/mollify.egg-info

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit( \
		"Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is %d.%d; try make PYTHON=python3.12" % v)'
	@echo "Installing the pinned packages into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@mkdir -p $(VENV)/etc/ipython && echo 'c.IPKernelApp.log_level = "ERROR"' \
		> $(VENV)/etc/ipython/ipython_kernel_config.py
	@touch $@
