# A short front for meson. Everything that is made lies under build/.
#
#	make run      build and serve on port 8321
#	make test     build and test everything
#	make help     the other targets

ifeq ($(origin CC),default)
CC = gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
ARGS ?=

# A new fuzz target or unit is found by configuring again.
LISTS = meson.build meson_options.txt $(wildcard src/main.c tests/fuzz/fuzz_*.c tests/sim/meson.build)

build: release

release static: %: build/%/build.ninja
	@ninja -C build/$* quipu

build/release/build.ninja: SETUP = --buildtype=release -Ddebug=true --prefix=$(PREFIX)
build/debug/build.ninja: SETUP = --buildtype=debugoptimized
build/asan/build.ninja: SETUP = -Db_sanitize=address,undefined
build/tsan/build.ninja: SETUP = -Db_sanitize=thread
build/static/build.ninja: SETUP = --buildtype=release -Ddebug=true -Dprefer_static=true
build/coverage/build.ninja: SETUP = --buildtype=debug -Db_coverage=true
build/fuzz/build.ninja: SETUP = -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
build/fuzz/build.ninja: CC = clang-14

build/%/build.ninja: $(LISTS) | packages
	@if [ -e $@ ]; then meson setup --reconfigure build/$*; \
	else CC='$(CC)' meson setup build/$* $(SETUP); fi >build/$*.log 2>&1 || \
		{ cat build/$*.log; exit 1; }
	@touch $@

run: release
	@tools/run build/release/quipu $(ARGS)

test: packages-test build/release/build.ninja build/asan/build.ninja
	@tools/test --tree build/release unit fuzz sim e2e \
		--tree build/asan unit fuzz sim tools check

check: packages-test
	@tools/check

asan tsan: %: packages-test build/%/build.ninja
	@tools/test --tree build/$* unit fuzz sim e2e

valgrind: packages-test build/debug/build.ninja
	@tools/test --tree build/debug --valgrind unit e2e

fuzz: packages-test build/fuzz/build.ninja
	@ninja -C build/fuzz
	@tools/fuzz build/fuzz $(FUZZ_SECONDS) $(ARGS)

coverage: packages-test build/coverage/build.ninja
	@tools/test --tree build/coverage unit fuzz sim
	@gcovr -r . --filter src/ --object-directory build/coverage -s \
		--html-details build/coverage/index.html | tail -n 3

bench: packages-test release
	@bench/run

# The store is killed 200 times under load, on each kind of database.
kills: packages-test release
	@QUIPU_KILL_ROUNDS=200 QUIPU_BIN=build/release/quipu python3 -m pytest -q -rs -s -p no:cacheprovider \
		-k kill_9 tests/e2e/test_store_faults.py tests/e2e/test_store_postgres.py

install: release
	@meson setup --reconfigure build/release -Dprefix=$(PREFIX) >build/install.log
	@DESTDIR=$(DESTDIR) meson install -C build/release --no-rebuild --quiet

packages:
	@mkdir -p build
	@tools/packages packages.txt

packages-test: packages
	@tools/packages --optional packages-test.txt

clean:
	@rm -rf build

help:
	@echo 'run test check build asan tsan valgrind fuzz coverage static bench kills install clean'
	@echo 'make run ARGS="--port 9000"   make fuzz FUZZ_SECONDS=600   make install PREFIX=/usr'

# So that "make build/asan/quipu" works too.
build/%/quipu: build/%/build.ninja FORCE
	@ninja -C build/$* quipu

FORCE:

.PHONY: FORCE build release run test check asan tsan valgrind fuzz coverage \
	static bench kills install packages packages-test clean help
