# What can be done with this repository. Each target does the set-up it needs: `make demo` and `make test` are all that a
# fresh machine with Rust has to be told.
.DEFAULT_GOAL := help
.PHONY: help demo chaos test test-fast fuzz check bench sqlx set-up

# Where rustup puts cargo, for a shell that has not been told yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1|/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

demo: set-up ## live through a month of collections in seconds; more of it with ARGS='--mandates 5000 --seed 7'
	@echo "==> build mandated and its lab, start a private Postgres and the sandbox, and live through 35 days"
	@cargo run --locked --profile demo --package mandated-lab -- demo $(ARGS)

chaos: set-up ## try to break the guarantees for a quarter of an hour or more; another run with ARGS='--seed 7'
	@echo "==> build mandated and its lab, and live through 50,000 collections in which everything fails"
	@cargo build --locked --profile demo
	@target/demo/mandated-lab chaos --mandates 16500 --daemons 4 --kills 100 --freezes 40 --restarts 20 --restores 6 --copies 3 --lost-commits 3 --cuts 100 --clock-steps 60 --slow 20 --operator-requests 1500 $(ARGS)
	@echo "==> the same with daemons that are processes, killed with SIGKILL and stopped with SIGSTOP"
	@target/demo/mandated-lab chaos --processes --mandates 1500 --daemons 3 --kills 100 --freezes 10 --restarts 20 --cuts 100 $(ARGS)

test: set-up ## run every test, on a private Postgres that is gone afterwards
	@echo "==> run the examples in the documentation"
	@cargo test --locked --workspace --doc
	@echo "==> run the tests"
	@cargo test --locked --workspace --tests -- --test-threads=$(TESTS_AT_ONCE)

# Needs cargo-nextest (`cargo install cargo-nextest --locked`), and does not install it. `.config/nextest.toml` says which tests these are.
test-fast: ## run the tests that need no database, in less than two minutes once they are built
	@cargo nextest --version >/dev/null 2>&1 || { echo "error: cargo-nextest is not installed: cargo install cargo-nextest --locked" >&2; exit 1; }
	@cargo nextest run --locked --workspace --profile fast

# Half of them wait most of the time: for a lease that ends, a server that starts, a daemon that drains.
TESTS_AT_ONCE = $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))

check: set-up ## check formatting and lints
	@echo "==> check the formatting"
	@cargo fmt --all --check
	@echo "==> check the lints, and those of the release image, which has no lab"
	@cargo clippy --locked --workspace --all-targets -- --deny warnings
	@cargo clippy --locked --package mandated --lib --bins -- --deny warnings

bench: set-up ## measure how fast it is, on a private Postgres that syncs to disk; a part of it with ARGS='--only store,engine'
	@cargo bench --locked --package mandated --bench speed -- $(ARGS)

sqlx: set-up ## after a change of a query or a migration: ask Postgres again what every query returns
	@echo "==> write .sqlx from a private Postgres with all migrations"
	@.ci/with-postgres .ci/sqlx .sqlx

set-up: # install what is missing: a C compiler, Postgres
	@.ci/set-up

# Needs cargo-fuzz (`cargo install cargo-fuzz`) and a C++ compiler, and installs neither. RUSTC_BOOTSTRAP: sanitizers are not stable.
fuzz: ## feed spoilt input to everything that reads what others wrote; longer with SECONDS_EACH=600, one of them with TARGETS=juspay
	@cargo fuzz --version >/dev/null 2>&1 || { echo "error: cargo-fuzz is not installed: cargo install cargo-fuzz" >&2; exit 1; }
	@for target in $(TARGETS); do \
	  echo "==> fuzz $$target for $(SECONDS_EACH) seconds"; \
	  mkdir -p target/fuzz/corpus/$$target; \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run --dev --fuzz-dir tests/fuzz --target-dir target/fuzz $$target target/fuzz/corpus/$$target tests/fuzz/seeds/$$target -- \
	    -max_total_time=$(SECONDS_EACH) -max_len=65536 -timeout=120 -rss_limit_mb=2048 -artifact_prefix=target/fuzz/ || exit 1; \
	done
SECONDS_EACH = 60
TARGETS = juspay signzy import failures config
