# The two commands are `make demo` and `make test`; the rest is for developers.

.PHONY: demo test test-long lint tools

# Builds and starts everything in one process, with a made-up history and living traffic. Data goes to ./data.
demo:
	cargo run --release --bin prejoin -- up --demo

# Installs what the tests need if it is missing, and passes everything.
# Generated tests draw the same cases each time here, new ones in the long form.
test: tools lint
	PROPTEST_RNG_SEED=1 cargo test --workspace

# The same with the long form of the randomised tests.
test-long: tools lint
	PREJOIN_KILLS=300 PREJOIN_SWAPS=1000 PREJOIN_LOSSES=200 PREJOIN_SAGAS=200 PREJOIN_BACKLOG_ROWS=100000 PREJOIN_LOAD_SECONDS=600 PREJOIN_GENERATED=20000 PREJOIN_SIMULATIONS=2000 cargo test --workspace

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

# What the tests need beside Rust: nats-server, PostgreSQL, MariaDB, clients of the query API, a validator of OpenAPI.
tools:
	sh tests/install-servers.sh
