# The two commands are `make demo` and `make test`; the rest is for developers.

.PHONY: demo test test-long lint bench bench-quick tools

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

BENCH = cargo bench --package prejoin-benches --bench
# Benchmarks run in their own directory.
RESULTS = $(CURDIR)/target/benchmarks

# Every benchmark, each beside its floor; what was measured is in target/benchmarks/ as JSON. docs/performance.md explains.
bench: tools
	mkdir -p $(RESULTS)
	$(BENCH) engine -- --json $(RESULTS)/engine.json
	$(BENCH) stages -- --json $(RESULTS)/stages.json
	$(BENCH) rebuild -- --json $(RESULTS)/rebuild.json
	$(BENCH) replay -- --json $(RESULTS)/replay.json
	$(BENCH) live -- --json $(RESULTS)/live.json
	$(BENCH) services -- --json $(RESULTS)/services.json
	$(BENCH) fan_out -- --json $(RESULTS)/fan_out.json
	$(BENCH) read -- --json $(RESULTS)/read.json
	$(BENCH) readers -- --json $(RESULTS)/readers.json

# The same in a few minutes, once everything is compiled: enough to see that something got much slower.
bench-quick: tools
	mkdir -p $(RESULTS)
	$(BENCH) engine -- --events 200000 --view orders_with_customers --view all --json $(RESULTS)/engine.json
	$(BENCH) stages -- --events 200000 --view orders_with_customers --json $(RESULTS)/stages.json
	$(BENCH) rebuild -- --orders 100000 --turns 3 --json $(RESULTS)/rebuild.json
	$(BENCH) replay -- --events 100000 --log jetstream --json $(RESULTS)/replay.json
	$(BENCH) live -- --rate 1000 --rate 5000 --seconds 5 --json $(RESULTS)/live.json
	$(BENCH) services -- --seconds 4 --database sqlite --json $(RESULTS)/services.json
	$(BENCH) fan_out -- --orders 1000 --orders 100000 --seconds 3 --view orders_with_customers --json $(RESULTS)/fan_out.json
	$(BENCH) read -- --orders 100000 --turns 2 --seconds 1 --json $(RESULTS)/read.json
	$(BENCH) readers -- --before 100000 --seconds 3 --json $(RESULTS)/readers.json

# What the tests need beside Rust: nats-server, PostgreSQL, MariaDB, clients of the query API, a validator of OpenAPI.
tools:
	sh tests/install-servers.sh
